"""The source of functions and classes in this process, from modules or notebook cells."""

import ast
import inspect
import linecache
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from compare.submissions.asking.importing import OURS
from compare.submissions.remote import description
from compare.submissions.source import UNREADABLE, Source, words_of
from compare.submissions.things import is_class, is_torch, kind_of, methods_of

LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib"))


@dataclass(frozen=True)
class LiveSource(Source):
    """The files or cells in which somebody's functions and what they call were written.

    Arguments:
        path: the one that computes the gradients.
        name: of what is checked, for messages.
        codes: the compiled code of the functions.
    """

    name: str = ""
    codes: tuple[CodeType, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def files(self) -> list[str]:
        """The names of the files, without duplicates; notebooks make up those of cells."""
        return list(dict.fromkeys(code.co_filename for code in self.codes))

    def tree(self) -> ast.Module:
        return parsed(str(self.path))

    def nodes(self) -> Iterator[ast.AST]:
        for file in self.files:
            yield from ast.walk(parsed(file))

    def words(self) -> set[str]:
        written = {word for node in self.nodes() for word in words_of(node)}
        return self.strings() | written.union(*map(names_in, self.codes))

    def strings(self) -> set[str]:
        held = {value for code in self.codes for value in code.co_consts}
        return super().strings() | {v for v in held if isinstance(v, str) and len(v) < 40}

    def is_users(self, filename: str) -> bool:
        return filename in self.files

    def owns(self, thing: Any) -> bool:
        if kind_of(thing) == "object":
            return is_torch(thing)
        functions = methods_of(thing).values() if is_class(thing) else [thing]
        return any(description(function).get("file") in self.files for function in functions)

    def shown(self, filename: str) -> str:
        return Path(filename).name if Path(filename).is_file() else "another cell"


def source_of(things: Iterable[Any], name: str, path: Path | None = None) -> LiveSource:
    """The source of functions, classes and objects, and of the user's code that they call.

    Arguments:
        things: the one that computes the gradients first.
        name: for messages.
        path: the file that computes the gradients; None takes that of the first function.
    """
    codes: dict[CodeType, None] = {}
    waiting = [function for thing in things for function in functions_in(thing)]
    while waiting:
        function = waiting.pop(0)
        code = function.__code__
        if code in codes or is_installed(function):
            continue
        codes[code] = None
        for used in names_in(code):
            waiting += functions_in(function.__globals__.get(used))
    if path is None:
        path = Path(next(iter(codes)).co_filename) if codes else Path(name)
    return LiveSource(path, path.parent, name, tuple(codes))


def functions_in(thing: Any) -> list[FunctionType]:
    """A function itself, or the methods of a class or of an object's class."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if isinstance(thing, FunctionType):
        return [thing]
    if inspect.ismethod(thing):
        return functions_in(thing.__func__)
    cls = thing if inspect.isclass(thing) else type(thing)
    if cls.__module__ == "builtins":
        return []
    held = [value for base in cls.__mro__ if base is not object for value in vars(base).values()]
    return [value for value in held if isinstance(value, FunctionType)]


def is_installed(function: FunctionType) -> bool:
    """Whether a function belongs to a library or to us."""
    file = function.__code__.co_filename
    ours = str(function.__module__).partition(".")[0] in OURS
    return ours or file.startswith(("<frozen", *LIBRARIES))


def names_in(code: CodeType) -> set[str]:
    """The names used in a function, including nested ones."""
    inner = (value for value in code.co_consts if isinstance(value, CodeType))
    own = {*code.co_names, *code.co_varnames}
    return own.union(*map(names_in, inner))


def parsed(file: str) -> ast.Module:
    """The syntax tree of a file or cell; an empty one if there is no source."""
    try:
        return ast.parse("".join(linecache.getlines(file)), file)
    except UNREADABLE:
        return ast.Module([], [])
