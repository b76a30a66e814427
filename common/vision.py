"""torchvision, imported for everybody in the one way that works beside a CPU-only torch.

Its Linux wheels are built for CUDA. Beside a CPU-only torch their compiled operators do not load,
and the import then fails on registering Python code for `torchvision::nms`, which was never
declared (pytorch/vision issue 9085). Only data sets and transforms are needed here, so the
schemas are declared instead; calling the operators themselves fails, as it must.
"""

import sys
from types import ModuleType
from typing import Any

SCHEMA = "{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
OPERATORS = ("nms", "qnms")

_declared: list[Any] = []  # torch takes a schema back when its library is collected


def import_torchvision() -> ModuleType:
    """torchvision, with `torchvision.datasets` at hand.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _declare_operators()
        import torchvision
    return torchvision


def _declare_operators() -> None:
    """Declares the operators that are absent, and forgets the failed import."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library.define(SCHEMA.format(name=name))
    _declared.append(library)
    for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[module]
