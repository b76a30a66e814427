"""The user's file as a module, imported as its author's Python would."""

import ast
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from compare.submissions.source import Source

OURS = ("twingrad", "compare", "manual_impl", "torch_impl", "sweeps", "reproduction", "scripts")

MAIN = "__user_main__"
"""The name of a file that is imported by its path. As with `python FILE`, the file's own name is
free, so that its helpers can import it."""


def locate(path: Path) -> Source:
    """The file and its root: the folder above the outermost package that it is in.

    A folder counts as a package if it has an `__init__.py`, if a relative import of the file
    reaches above it, or if an absolute import of the file starts with its name.
    """
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    levels, names = imports_of(path)
    above = list(path.parents)
    if levels:
        root = min(root, above[min(levels, len(above) - 1)], key=lambda p: len(p.parts))
    for folder in above[: len(above) - 1]:
        inside = [name.split(".")[1] for name in names if name.startswith(f"{folder.name}.")]
        if any((folder / part).is_dir() or (folder / f"{part}.py").is_file() for part in inside):
            root = min(root, folder.parent, key=lambda p: len(p.parts))
    return Source(path, root)


def imports_of(path: Path) -> tuple[int, set[str]]:
    """How far the relative imports of a file reach up, and the modules of its absolute ones."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return 0, set()
    levels, names = 0, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            levels = max(levels, node.level)
            if not node.level and node.module:
                names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return levels, names


def load(source: Source, started_in: Path | None = None) -> ModuleType:
    """Imports the file: as a submodule where it is in a package, else by its path.

    The user's folders come first on sys.path. Where a file there has the name of a package of
    ours, it takes that name: the code imports what lies beside it, as it would on its own.
    A file that the code opens by a relative path is looked for from the folders in which its
    author may have started it; the first that has it becomes the working directory.

    Arguments:
        started_in: the directory that twingrad was called from.
    """
    sys.dont_write_bytecode = True
    sys.path[:0] = list(dict.fromkeys([str(source.root), str(source.path.parent)]))
    for folder in {source.root, source.path.parent}:
        for name in OURS:
            if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file():
                forget(name, folder)
    importlib.invalidate_caches()
    tried = {Path.cwd()}
    while True:
        try:
            return load_once(source)
        except FileNotFoundError as error:
            folder_with = has_it(error.filename, source, started_in)
            if folder_with is None or folder_with in tried:
                raise
            tried.add(folder_with)
            os.chdir(folder_with)


def has_it(filename: object, source: Source, started_in: Path | None) -> Path | None:
    """The working directory from which a relative path would have been found."""
    if not isinstance(filename, str) or not filename or Path(filename).is_absolute():
        return None
    above = [folder for folder in source.path.parents if folder != folder.parent]
    folders = [*above[:1], *([started_in] if started_in else []), *above[1:4]]
    return next((folder for folder in folders if (folder / filename).exists()), None)


def load_once(source: Source) -> ModuleType:
    """One attempt to import the file."""
    for name in [MAIN, *module_names(source)]:
        sys.modules.pop(name, None)
    if source.root != source.path.parent:
        return importlib.import_module(next(module_names(source)))
    spec = importlib.util.spec_from_file_location(MAIN, source.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MAIN] = module
    spec.loader.exec_module(module)
    return module


def module_names(source: Source) -> Iterator[str]:
    """The dotted name of the file in its package, if it is in one."""
    if source.root != source.path.parent:
        yield ".".join(source.path.relative_to(source.root).with_suffix("").parts)


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
