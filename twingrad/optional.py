"""Import modules that some systems lack."""

import importlib
from types import ModuleType


def module_if_there(name: str) -> ModuleType | None:
    """The module, or None on a system that lacks it, as Windows lacks fcntl and resource."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
