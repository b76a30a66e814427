"""Import the other packages of twingrad even if the user has modules of the same names.

A user's script may have a `compare.py` or a `scripts.py` in its folder. Both packages then need the
same name in `sys.modules`: the user's `import compare` must give the user's module, ours must give
our package. If any name is taken, our packages are therefore loaded as submodules of this module,
`twingrad.beside.compare` for `compare`, and their import statements are redirected there.
Otherwise nothing changes.
"""

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
"""The folder of all our packages."""

PACKAGES = ("manual_impl", "torch_impl", "compare", "sweeps", "reproduction", "scripts")
"""The installed packages other than `twingrad`."""

__path__ = [str(ROOT)]  # makes this module a package with these packages as submodules


def import_beside(name: str) -> ModuleType:
    """Import one of our modules by its dotted name, such as "compare.submissions.live_check"."""
    apart = name.partition(".")[0] in PACKAGES and any_taken()
    return importlib.import_module(f"{__name__}.{name}" if apart else name)


@cache
def any_taken() -> bool:
    """Whether importing any of our packages by name would give a different module."""
    return not all(is_ours(name) for name in PACKAGES)


def is_ours(name: str) -> bool:
    """Whether the name refers to our package, imported or not."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # imported, but without a spec
        return False
    if spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve() == ROOT / name / "__init__.py"


class BesideFinder(MetaPathFinder):
    """Finds `twingrad.beside.compare` and its modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        below = fullname.removeprefix(f"{__name__}.")
        if below == fullname or below.partition(".")[0] not in PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = BesideLoader(fullname, spec.origin)
        return spec


class BesideLoader(SourceFileLoader):
    """Executes a module with `import_from_ours` as its import statement."""

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": import_from_ours}
        super().exec_module(module)


def import_from_ours(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """Import for our own code, in which `compare` means `twingrad.beside.compare`."""
    top = name.partition(".")[0]
    if level or top not in PACKAGES:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    ours = f"{__name__}.{name}"
    if fromlist:
        return builtins.__import__(ours, globals, locals, fromlist, 0)
    importlib.import_module(ours)
    return sys.modules[f"{__name__}.{top}"]


sys.meta_path.insert(0, BesideFinder())
