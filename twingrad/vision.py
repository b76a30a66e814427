"""torchvision's datasets and transforms, usable even if its compiled operators do not load.

torchvision's Linux wheels are compiled for CUDA. With a CPU-only torch the compiled operators
cannot load, and `import torchvision` fails with "operator torchvision::nms does not exist"
(https://github.com/pytorch/vision/issues/9085), because it registers shape functions for two of
them unconditionally. Declaring the schemas of these two avoids the error, and everything that
needs no compiled operator then works. Always import torchvision through this module.
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
    """Try to load torchvision's compiled operators in the way torchvision does."""
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


# Keep a reference: the declarations vanish with this object.
_declared = torch.library.Library("torchvision", "FRAGMENT")
_torchvision = _import_torchvision()

datasets = _torchvision.datasets
transforms = _torchvision.transforms
