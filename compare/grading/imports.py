"""Whether a submission imports a package that computes gradients, or reads our packages."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare.submissions.asking.importing import OURS
from compare.submissions.source import UNREADABLE

WATCHED = (
    "torch",
    "jax",
    "jaxlib",
    "flax",
    "autograd",
    "tensorflow",
    "keras",
    "theano",
    "aesara",
    "pytensor",
    "mxnet",
    "chainer",
    "paddle",
    "mindspore",
    "tinygrad",
    "micrograd",
    "casadi",
    "sympy",
    "numdifftools",
)
"""Packages that differentiate automatically."""

OWN = re.compile(r"\b(twingrad|manual_impl|torch_impl)\b")
"""Names of our packages that other code does not contain by chance."""


@dataclass(frozen=True)
class Used:
    """The imports of a submission, and its attempts to read our packages.

    Arguments:
        written: packages imported in its files.
        loaded: packages that its process has loaded at the end.
        ours: references to our packages and attempts to read them, in words.
        signals: processes to which it sent signals, in words.
    """

    written: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that differentiate, imported or loaded."""
        return tuple(sorted({*self.written, *self.loaded}))


@dataclass(frozen=True)
class Text:
    """The imports and names in the files of a submission.

    Arguments:
        written: packages that differentiate and are imported.
        ours: references to our packages, in words.
        own: names of the submission's own modules; an import of such a name is not a package's.
    """

    written: frozenset[str]
    ours: frozenset[str]
    own: frozenset[str]


def text_of(folder: Path) -> Text:
    """Read the Python files of a submission."""
    written, ours = set(), set()
    files = sorted(folder.rglob("*.py"))
    own = {path.stem for path in files} | {path.parent.name for path in files}
    for path in files:
        names, mentions = names_in(path)
        written |= names & set(WATCHED) - own
        ours |= {f"{path.name} imports {name}" for name in names & set(OURS) - own}
        ours |= {f"{path.name} mentions {name}" for name in mentions - names - own}
    return Text(frozenset(written), frozenset(ours), frozenset(own))


def used(text: Text, seen: dict[str, Any], libraries: Iterable[str]) -> Used:
    """Combine what is known about a submission.

    Arguments:
        text: its files before it ran.
        seen: the notes of its process, which it may have forged.
        libraries: packages of compiled libraries that the guard saw it load.
    """
    loaded = {*words(seen, "modules"), *libraries} & set(WATCHED) - text.own
    asked = set(words(seen, "asked")) & set(OURS) - text.own
    ours = {f"its process asked for {name}" for name in asked}
    ours |= {f"its process tried to read {name}" for name in words(seen, "opened")}
    return Used(
        tuple(sorted(text.written)),
        tuple(sorted(loaded)),
        tuple(sorted(text.ours | ours)),
        tuple(words(seen, "signals")),
    )


def names_in(path: Path) -> tuple[set[str], set[str]]:
    """The packages that a file imports, and names of our packages in strings and identifiers."""
    try:
        tree = ast.parse(path.read_bytes())
    except (*UNREADABLE, OSError):
        return set(), set()
    names: set[str] = set()
    mentions: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and called(node.func) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                names.add(first.value.partition(".")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            mentions |= set(OWN.findall(node.value[:10_000]))
    return names, mentions


def called(function: ast.expr) -> str:
    """The last part of a called name."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def words(seen: dict[str, Any], key: str) -> list[str]:
    """The short texts in a process's notes."""
    found = seen.get(key)
    if not isinstance(found, list):
        return []
    return [text[:200] for text in found[:20] if isinstance(text, str)]
