"""Import the user's file as its author's Python would."""

import ast
import contextlib
from pathlib import Path
from typing import Any

from compare.submissions.session import session
from compare.submissions.source import UNREADABLE, Source

OURS = (
    "twingrad",
    "compare",
    "manual_impl",
    "torch_impl",
    "sweeps",
    "reproduction",
    "scripts",
    "benchmarks",
    "validation",
)
"""Names that the user's code may import from its own folders only."""


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
    return Source(path, root).read()


def imports_of(path: Path) -> tuple[int, set[str]]:
    """How many levels the relative imports of a file go up, and the modules of its absolute
    imports."""
    try:
        tree = ast.parse(path.read_bytes())
    except (*UNREADABLE, OSError):
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


def load(source: Source, started_in: Path) -> Any:
    """Import the file.

    Arguments:
        started_in: the directory that twingrad was called from.

    Raises:
        RemoteError: it cannot be imported.
    """
    above = [folder for folder in source.path.parents if folder != folder.parent]
    folders = list(dict.fromkeys(map(str, [*above[:1], started_in, *above[1:4]])))
    judge = str(Path(__file__).resolve().parents[3])
    return session().agent.load(str(source.path), str(source.root), folders, list(OURS), judge)


def words_of_all(source: Source) -> set[str]:
    """Identifiers and strings of the file, and of the user's other files that it imports."""
    words = source.words()
    for file in session().agent.files_below(str(source.root)):
        if file != str(source.path) and source.is_users(file):
            with contextlib.suppress(SyntaxError, OSError):
                words |= Source(Path(file), source.root).words()
    return words
