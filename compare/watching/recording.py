"""A recording of a program, read back. It is data from outside: nothing in it is executed."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

KINDS = "fiub"


@dataclass(frozen=True)
class SourceFile:
    """A file of the program, or a cell of a notebook."""

    label: str
    path: str
    text: str


@dataclass(frozen=True)
class Site:
    """A place in the program where a value was seen.

    Arguments:
        name: the expression, as its author wrote it.
        kind: assign, augmented, item, argument, return, loop, operand, product or module.
        function: the innermost function around it.
    """

    id: int
    file: int
    line: int
    end_line: int
    name: str
    kind: str
    function: str


@dataclass(frozen=True)
class Event:
    """One value, seen once; indices are in order of execution.

    Arguments:
        path: where in the value it was, such as "['W'][0]"; "" for the value itself.
        array, data, value: the id of an array, the id of a summary, or a number.
    """

    index: int
    site: Site
    stack: int
    path: str
    array: int | None = None
    data: int | None = None
    value: float | None = None

    @property
    def name(self) -> str:
        """The expression with the path inside it."""
        return self.site.name + self.path


@dataclass(frozen=True)
class Data:
    """What is kept of a large array: its shape and vectors along its axes."""

    shape: tuple[int, ...]
    dtype: str
    summary: dict[str, int]


@dataclass
class Recording:
    """All that a recorder wrote."""

    files: list[SourceFile] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    stacks: list[tuple[tuple[int, int, str], ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    data: list[Data] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    places: list[tuple[np.dtype, tuple[int, ...], int]] = field(default_factory=list)
    bytes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))

    def array(self, number: int) -> np.ndarray:
        """A recorded array, read-only."""
        dtype, shape, offset = self.places[number]
        size = int(np.prod(shape)) * dtype.itemsize
        return self.bytes[offset : offset + size].view(dtype).reshape(shape)

    def text(self, site: Site) -> str:
        """The source line of a site."""
        lines = self.files[site.file].text.splitlines()
        return lines[site.line - 1].strip() if site.line <= len(lines) else ""


def read(folder: Path) -> Recording:
    """Reads what the recorder wrote into a folder, up to the first line that is not whole."""
    recording = Recording()
    raw = folder / "arrays.bin"
    if raw.is_file() and raw.stat().st_size:
        recording.bytes = np.memmap(raw, np.uint8, "r")
    end = folder / "end.json"
    if end.is_file():
        recording.end = json.loads(end.read_text())
    with (folder / "events.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            try:
                kind, *values = json.loads(line)
            except ValueError:
                break
            take(recording, kind, values)
    return recording


def take(recording: Recording, kind: str, values: list[Any]) -> None:
    """Adds one line."""
    if kind == "file":
        recording.files.append(SourceFile(*values[1:4]))
    elif kind == "site":
        recording.sites.append(Site(*values[:7]))
    elif kind == "stack":
        frames = tuple((int(f), int(l), str(name)) for f, l, name in values[1])
        recording.stacks.append(frames)
    elif kind == "array":
        dtype = np.dtype(values[1])
        if dtype.kind not in KINDS:
            raise ValueError(f"an array of dtype {dtype}")
        shape = tuple(int(n) for n in values[2])
        recording.places.append((dtype, shape, int(values[3])))
    elif kind == "data":
        shape = tuple(int(n) for n in values[2])
        recording.data.append(Data(shape, str(values[1]), dict(values[3])))
    elif kind in "adv":
        site, stack, path, item = values[:4]
        what = {"a": "array", "d": "data", "v": "value"}[kind]
        event = Event(len(recording.events), recording.sites[site], stack, path, **{what: item})
        recording.events.append(event)
