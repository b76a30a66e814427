"""Imports the packages that lie beside `twingrad`, whatever the user's own modules are called.

A script may lie beside a `compare.py` or a `scripts.py` of its author. Both then need one name of
`sys.modules`: the author's `import compare` must give the author's module, ours must give our
package. Where a name of ours is taken, our packages are therefore loaded as submodules of this
module, `twingrad.beside.compare` for `compare`, and their own import statements lead there too.
Where none is taken, nothing of this happens.
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
"""The folder that holds all our packages."""

PACKAGES = ("manual_impl", "torch_impl", "compare", "sweeps", "reproduction", "scripts")
"""Those beside `twingrad` that are installed."""

__path__ = [str(ROOT)]  # makes this module a package, whose submodules are those beside twingrad


def import_beside(name: str) -> ModuleType:
    """One of our modules, by its dotted name, such as "compare.submissions.live_check"."""
    apart = name.partition(".")[0] in PACKAGES and any_taken()
    return importlib.import_module(f"{__name__}.{name}" if apart else name)


@cache
def any_taken() -> bool:
    """Whether `import` gives another module than ours for the name of one of our packages."""
    return not all(is_ours(name) for name in PACKAGES)


def is_ours(name: str) -> bool:
    """Whether that name gives our package: as it is imported, else as it would be found."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # imported, by something that keeps no spec of it
        return False
    if spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve() == ROOT / name / "__init__.py"


class BesideFinder(MetaPathFinder):
    """Finds `twingrad.beside.compare` and all modules in it."""

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
    """Runs a module with an `import` statement of its own."""

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
    """What an import statement in our code calls: `compare` is `twingrad.beside.compare` there."""
    top = name.partition(".")[0]
    if level or top not in PACKAGES:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    ours = f"{__name__}.{name}"
    if fromlist:
        return builtins.__import__(ours, globals, locals, fromlist, 0)
    importlib.import_module(ours)
    return sys.modules[f"{__name__}.{top}"]


sys.meta_path.insert(0, BesideFinder())
