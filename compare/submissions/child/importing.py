"""The user's file as a module, found by its own imports."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from compare.submissions.source import Source

OURS = ("twingrad", "compare", "manual_impl", "torch_impl", "sweeps", "reproduction", "scripts")


def locate(path: Path) -> Source:
    """The file and its root: the first folder above it that is no package."""
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return Source(path, root)


def load(source: Source) -> ModuleType:
    """Imports the file: as a submodule where it is in a package, else by its path.

    The user's folders come first on sys.path. Where a file there has the name of a package of
    ours, it takes that name: the code imports what lies beside it, as it would on its own.
    """
    sys.dont_write_bytecode = True
    sys.path[:0] = list(dict.fromkeys([str(source.root), str(source.path.parent)]))
    for folder in {source.root, source.path.parent}:
        for name in OURS:
            if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file():
                forget(name, folder)
    importlib.invalidate_caches()
    if source.root != source.path.parent:
        parts = source.path.relative_to(source.root).with_suffix("").parts
        return importlib.import_module(".".join(parts))
    name = source.path.stem
    if name in sys.modules or name in sys.stdlib_module_names:
        name = f"{name}_"
    spec = importlib.util.spec_from_file_location(name, source.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def forget(name: str, folder: Path) -> None:
    """Lets the next import of a name find the user's file; what has ours keeps it."""
    held = sys.modules.get(name)
    file = getattr(held, "__file__", None)
    if file is not None and Path(file).is_relative_to(folder):
        return
    for loaded in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        del sys.modules[loaded]


def words_of_all(source: Source) -> set[str]:
    """Identifiers and strings of the file and of the user's other files that it imported."""
    words = source.words()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file != str(source.path) and file.endswith(".py") and source.is_users(file):
            try:
                words |= Source(Path(file), source.root).words()
            except (SyntaxError, OSError):
                continue
    return words
