"""torchvision's datasets and transforms, usable even if its compiled operators do not load.

torchvision's Linux wheels are compiled for CUDA. With a CPU-only torch the compiled operators
cannot load, and `import torchvision` fails with "operator torchvision::nms does not exist"
(https://github.com/pytorch/vision/issues/9085), because it registers shape functions for two of
them unconditionally. Declaring the schemas of these two avoids the error, and everything that
needs no compiled operator then works. They are declared only after that error: where the operators
load, a second declaration would abort the process. Always import torchvision through this module.
"""

import sys
from types import ModuleType

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _import_torchvision() -> ModuleType:
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for schema in _SCHEMAS:
            _declared.define(schema)
        import torchvision

    return torchvision


# Keep a reference: the declarations vanish with this object.
_declared = torch.library.Library("torchvision", "FRAGMENT")
_torchvision = _import_torchvision()

datasets = _torchvision.datasets
transforms = _torchvision.transforms
