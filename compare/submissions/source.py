"""What the source of the user's code shows: names, return values, line numbers."""

import ast
import linecache
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from compare.submissions.remote import description
from compare.submissions.things import file_of

MAX_SMALL_NUMBERS = 6
MAX_SLOPES = 40

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""Exceptions that Python's parser may raise."""


@dataclass(frozen=True)
class Source:
    """The user's file, and the folder whose other files also belong to the user.

    Arguments:
        path: the file.
        root: its folder, or the one above the outermost package that it is in.
    """

    path: Path
    root: Path

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> "Source":
        """Itself, its text read now: the code may change or remove its file."""
        linecache.getlines(str(self.path))  # kept there, for `text`
        assert self.content is not None
        return self

    @cached_property
    def content(self) -> bytes:
        """The content of the file when it was first read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return b""

    def nodes(self) -> Iterator[ast.AST]:
        """All nodes of the file's syntax tree."""
        return ast.walk(self.tree())

    def tree(self) -> ast.Module:
        """The file's syntax tree; an empty one if this Python cannot parse it."""
        try:
            return ast.parse(self.content, str(self.path))
        except UNREADABLE:
            return ast.Module([], [])

    def words(self) -> set[str]:
        """Every identifier and short string constant in the file."""
        if not self.tree().body:
            return set(re.findall(r"[A-Za-z_]\w*", self.content.decode(errors="replace")))
        return self.strings() | {w for node in self.nodes() for w in words_of(node)}

    def strings(self) -> set[str]:
        """Every short string constant, parts of f-strings included; keys of dicts are such."""
        return {
            node.value
            for node in self.nodes()
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and len(node.value) < 40
        }

    def small_numbers(self) -> list[float]:
        """Constants of the file that may be an eps: from 1e-20 to 1e-2, in order."""
        found = [n.value for n in self.nodes() if isinstance(n, ast.Constant)]
        small = [v for v in found if isinstance(v, float) and 1e-20 < v < 1e-2]
        return list(dict.fromkeys(small))[:MAX_SMALL_NUMBERS]

    def slopes(self) -> list[float]:
        """Constants of the file that may be the slope of a leaky ReLU: from 1e-4 to 1, in order."""
        found = [n.value for n in self.nodes() if isinstance(n, ast.Constant)]
        between = [v for v in found if isinstance(v, float) and 1e-4 < v < 1]
        return list(dict.fromkeys(between))[:MAX_SLOPES]

    def sizes(self) -> tuple[int, ...]:
        """The numbers of inputs and hidden units that the code may fix: its largest constants
        that look like them; () if there is none."""
        constants = (n.value for n in self.nodes() if isinstance(n, ast.Constant))
        numbers = [value for value in constants if type(value) is int]
        inputs = next((n for n in (3072, 784) if n in numbers), None)
        hidden = [n for n in numbers if 10 < n <= 512]
        if inputs is None and not hidden:
            return ()
        return (inputs or 3072, *hidden[:1])

    def reads_in_function(self, name: str) -> bool:
        """Whether a function of the file reads a variable that is neither its own nor passed."""
        for node in self.nodes():
            if isinstance(node, ast.FunctionDef):
                own = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
                used = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name]
                stored = any(isinstance(n.ctx, ast.Store) for n in used)
                if used and name not in own and not stored:
                    return True
        return False

    def lines_calling(self, method: str) -> list[int]:
        """The lines of the file that call a method of this name as a statement."""
        calls = [n for n in self.nodes() if isinstance(n, ast.Call) and not n.args]
        return [n.lineno for n in calls if getattr(n.func, "attr", None) == method]

    def is_users(self, filename: str) -> bool:
        """Whether a file belongs to the user: below the root, and not an installed package."""
        file = Path(filename)
        return (
            file.is_absolute() and file.is_relative_to(self.root) and not is_installed(self, file)
        )

    def owns(self, thing: Any) -> bool:
        """Whether a function, class or object is the user's."""
        return self.is_users(file_of(thing))

    def shown(self, filename: str) -> str:
        """The name of another of the user's files in a message."""
        return filename.removeprefix(str(self.root)).lstrip("/\\")

    def loops_at(self, line: int | None) -> bool:
        """Whether a line of the file is in a function that contains a loop."""
        loops = (ast.For, ast.While, ast.comprehension)
        for node in ast.walk(self.tree()):
            if (
                isinstance(node, ast.FunctionDef)
                and line is not None
                and node.lineno <= line <= (node.end_lineno or node.lineno)
            ):
                return any(isinstance(part, loops) for part in ast.walk(node))
        return False

    def text(self, line: int) -> str:
        """One line of the file, numbered from 1."""
        return linecache.getline(str(self.path), line).strip()

    def line_of(self, thing: Any) -> int | None:
        """The first line of a function or class, if it is in the file."""
        known = description(thing)
        return known.get("line") if known.get("file") == str(self.path) else None

    def lines(self) -> dict[str, int]:
        """The line of every function, class and method (Class.method) of the file."""
        found: dict[str, int] = {}
        for node in self.tree().body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = node.lineno
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        found[f"{node.name}.{inner.name}"] = inner.lineno
        return found


def is_installed(source: Source, file: Path) -> bool:
    """Whether a file below the root belongs to an environment in the folder."""
    parts = file.relative_to(source.root).parts
    return "site-packages" in parts or "dist-packages" in parts


def words_of(node: ast.AST) -> Iterator[str]:
    """The identifiers of one node."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.arg | ast.keyword):
        yield node.arg or ""
    elif isinstance(node, ast.alias):
        yield node.name


def returned_names(function: Callable[..., Any]) -> list[list[str | None]]:
    """The names in each `return` of a function, the last one first; None for expressions."""
    try:
        tree = ast.parse(description(function).get("source") or "")
    except UNREADABLE:
        return []
    if not tree.body:
        return []
    found: list[list[str | None]] = []
    for node in own_statements(tree.body[0]):
        if isinstance(node, ast.Return) and node.value is not None:
            several = isinstance(node.value, ast.Tuple | ast.List)
            values = node.value.elts if several else [node.value]  # type: ignore[attr-defined]
            found.append([name_of(value) for value in values])
    return found[::-1]


def keys_asked(text: str, name: str, *, numbered: bool = False) -> list[str]:
    """The keys with which a text reads entries of a dict: `name["key"]`, `name.get("key")`.

    Arguments:
        numbered: also the beginning of `name[f"key{l}"]`.
    """
    try:
        tree = ast.parse(text)
    except UNREADABLE:
        return []
    found: list[str] = []
    for node in ast.walk(tree):
        read: tuple[ast.expr, ast.expr] | None = None
        if isinstance(node, ast.Subscript):
            read = node.value, node.slice
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get" and node.args:
            read = node.func.value, node.args[0]  # type: ignore[attr-defined]
        if read is None or not isinstance(read[0], ast.Name) or read[0].id != name:
            continue
        key = read[1].values[0] if numbered and isinstance(read[1], ast.JoinedStr) else read[1]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.append(key.value)
    return list(dict.fromkeys(found))


def own_statements(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function in order, without those of nested functions."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield node
            yield from own_statements(node)


def name_of(node: ast.AST) -> str | None:
    """The name of an expression: `grad_W`, `self.S`, `list(H)`, `cache["P"]`, `H[1:]`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return name_of(node.args[0])
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value if isinstance(node.slice.value, str) else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return name_of(node.value)
    return None
