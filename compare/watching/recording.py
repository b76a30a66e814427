"""A recording of a program: its files, the sites where values were seen, and the arrays."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SourceFile:
    """A file of the program, or a cell of a notebook."""

    label: str
    path: str
    text: str


@dataclass(frozen=True)
class Site:
    """A site in the program where a value was seen.

    Arguments:
        name: the expression, as its author wrote it.
        kind: assign, augmented, item, argument, return, loop, operand, product, module or call
            (of a module or a loss of torch's).
        function: the innermost function around it.
    """

    id: int
    file: int
    line: int
    end_line: int
    name: str
    kind: str
    function: str


@dataclass(frozen=True, slots=True)
class Event:
    """One value seen once; indices are in order of execution.

    Arguments:
        path: where in the value it was, such as "['W'][0]"; "" for the value itself.
        array, data, value: the id of an array, the id of a summary, or a number.
        projection, axis: the id of an array's projection: its rows' (axis 0) or its columns'.

    A large array that was recorded completely has both an array and a summary.
    """

    index: int
    site: Site
    stack: int
    path: str
    array: int | None = None
    data: int | None = None
    value: float | None = None
    projection: int | None = None
    axis: int | None = None

    @property
    def name(self) -> str:
        """The expression with the path inside it."""
        return self.site.name + self.path


@dataclass(frozen=True)
class Data:
    """The summary of a large array: its shape, and vectors along its axes as array ids."""

    shape: tuple[int, ...]
    dtype: str
    summary: dict[str, int]


@dataclass
class Recording:
    """Everything that a recorder wrote.

    Arguments:
        places: dtype, shape and offset of every array.
        whole: arrays that are not read from their bytes, by id.
    """

    files: list[SourceFile] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    stacks: list[tuple[tuple[int, int, str], ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    data: list[Data] = field(default_factory=list)
    served: dict[str, str] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    places: list[tuple[np.dtype, tuple[int, ...], int]] = field(default_factory=list)
    bytes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    whole: dict[int, np.ndarray] = field(default_factory=dict)

    def array(self, number: int) -> np.ndarray:
        """A recorded array, read-only."""
        if number in self.whole:
            return self.whole[number]
        dtype, shape, offset = self.places[number]
        size = math.prod(shape) * dtype.itemsize
        return self.bytes[offset : offset + size].view(dtype).reshape(shape)

    def summary(self, number: int) -> dict[str, np.ndarray]:
        """The vectors in the summary of a large array, such as "row projection"."""
        return {name: self.array(i) for name, i in self.data[number].summary.items()}

    def text(self, site: Site) -> str:
        """The source line of a site."""
        lines = self.files[site.file].text.splitlines()
        return lines[site.line - 1].strip() if site.line <= len(lines) else ""
