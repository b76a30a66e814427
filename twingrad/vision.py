"""torchvision's data sets and transforms, also beside a torch that its operators do not fit.

torchvision's Linux wheels are compiled for CUDA. Beside a torch for the CPU alone the compiled
operators cannot load, and `import torchvision` fails with "operator torchvision::nms does not
exist" (https://github.com/pytorch/vision/issues/9085), since it describes two of them to torch
unconditionally. Declared by name alone, these two can be described, and all that needs no compiled
operator works. Import torchvision from here and nowhere else.
"""

import importlib.machinery
import importlib.util
from types import ModuleType

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _operators_load() -> bool:
    """Whether torchvision's compiled operators load, tried in the way that torchvision does."""
    package = importlib.util.find_spec("torchvision")
    for folder in (package and package.submodule_search_locations) or ():
        loader = importlib.machinery.ExtensionFileLoader
        finder = importlib.machinery.FileFinder(
            folder, (loader, importlib.machinery.EXTENSION_SUFFIXES)
        )
        library = finder.find_spec("_C")
        if library is not None and library.origin is not None:
            try:
                torch.ops.load_library(library.origin)
            except OSError:
                return False
            return True
    return False


def _import_torchvision() -> ModuleType:
    if not _operators_load():
        for schema in _SCHEMAS:
            _declared.define(schema)
    import torchvision

    return torchvision


# The declarations last as long as this object.
_declared = torch.library.Library("torchvision", "FRAGMENT")
_torchvision = _import_torchvision()

datasets = _torchvision.datasets
transforms = _torchvision.transforms
