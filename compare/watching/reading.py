"""Read a recording. It is untrusted data: nothing in it is executed."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.watching.recording import Data, Event, Recording, Site, SourceFile
from twingrad.errors import UserError

KINDS = "fiub"

MAX_LINE = 16 << 20
"""Maximum length of a line in bytes; the longest contains the text of a program."""

MAX_LINES, MAX_BYTES = 4_000_000, 4 << 30
"""Maximum number of lines and bytes of a recording."""

MAX_DIMENSIONS = 32

MAX_ENTRIES = 64_000_000
"""Maximum number of entries of a large array that was recorded as indices."""


def read(folder: Path) -> Recording:
    """Reads what the recorder wrote into a folder.

    A last line without its end is left out: the program was killed while it was written.

    Raises:
        UserError: a file is missing or too large, or a line is not what a recorder writes.
    """
    recording = Recording(bytes=mapped(folder / "arrays.bin"), end=read_end(folder / "end.json"))
    read_events(recording, folder / "events.jsonl")
    arrays = {}
    for data, whole in recording.whole.items():
        arrays[data] = len(recording.places)
        recording.places.append((whole.dtype, whole.shape, 0))
    recording.whole = {arrays[data]: whole for data, whole in recording.whole.items()}
    recording.events = [
        event if event.data not in arrays else replace(event, array=arrays[event.data])
        for event in recording.events
    ]
    return recording


def read_events(recording: Recording, path: Path) -> None:
    """Reads all lines of a recording."""
    try:
        with path.open("rb") as lines:
            for number in range(1, MAX_LINES + 2):
                line = lines.readline(MAX_LINE + 1)
                if not line.endswith(b"\n") and len(line) <= MAX_LINE:
                    return
                try:
                    if number > MAX_LINES or len(line) > MAX_LINE:
                        raise ValueError("too long")
                    kind, *values = json.loads(line)
                    READERS[kind](recording, *values)
                except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
                    raise UserError(
                        f"{path}, line {number}: no line of a recording ({error}); record again"
                    ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); record again") from error


def mapped(path: Path) -> np.ndarray:
    """The bytes of all arrays, memory-mapped."""
    size = path.stat().st_size if path.is_file() else 0
    if size > MAX_BYTES:
        raise UserError(f"{path}: {size} bytes, expected at most {MAX_BYTES}; record again")
    return np.memmap(path, np.uint8, "r").view(np.ndarray) if size else np.zeros(0, np.uint8)


def read_end(path: Path) -> dict[str, Any]:
    """Why the recording ended; empty if the program was killed."""
    if not path.is_file() or path.stat().st_size > MAX_LINE:
        return {}
    try:
        end = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return end if isinstance(end, dict) else {}


def natural(value: Any, limit: int) -> int:
    """An integer from 0 to limit - 1."""
    if type(value) is not int or not 0 <= value < limit:
        raise ValueError(f"{str(value)[:20]} is not an integer of 0 .. {limit - 1}")
    return value


def text(value: Any) -> str:
    """A string."""
    if type(value) is not str:
        raise ValueError("no text")
    return value


def add_file(recording: Recording, id: Any, label: Any, path: Any, code: Any) -> None:
    if id != len(recording.files):
        raise ValueError("file ids do not count up")
    recording.files.append(SourceFile(text(label), text(path), text(code)))


def add_site(recording: Recording, id: Any, *values: Any) -> None:
    file, line, end_line, name, kind, function = values[:6]
    if id != len(recording.sites):
        raise ValueError("site ids do not count up")
    natural(file, len(recording.files))
    lines = natural(line, MAX_LINE), natural(end_line, MAX_LINE)
    recording.sites.append(Site(id, file, *lines, text(name), text(kind), text(function)))


def add_stack(recording: Recording, id: Any, frames: Any) -> None:
    files = len(recording.files)
    if id != len(recording.stacks):
        raise ValueError("stack ids do not count up")
    recording.stacks.append(
        tuple((natural(f, files), natural(l, MAX_LINE), text(name)) for f, l, name in frames)
    )


def add_array(recording: Recording, id: Any, dtype: Any, shape: Any, offset: Any) -> None:
    kind, sizes = np.dtype(text(dtype)), shape_of(shape)
    if kind.kind not in KINDS or id != len(recording.places):
        raise ValueError(f"an array of dtype {kind}, id {id}")
    end = natural(offset, MAX_BYTES) + math.prod(sizes) * kind.itemsize
    if end > len(recording.bytes):
        raise ValueError(f"an array that ends at byte {end} of {len(recording.bytes)}")
    recording.places.append((kind, sizes, offset))


def shape_of(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of sizes."""
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError("no shape")
    return tuple(natural(n, 1 << 40) for n in shape)


def add_data(recording: Recording, id: Any, dtype: Any, shape: Any, summary: Any) -> None:
    if id != len(recording.data):
        raise ValueError("data ids do not count up")
    kept = {text(name): natural(i, len(recording.places)) for name, i in summary.items()}
    recording.data.append(Data(shape_of(shape), text(dtype), kept))


def add_whole(
    recording: Recording, data: Any, indices: Any, levels: Any, transposed: Any
) -> None:  # fmt: skip
    """A large array, kept by the number of its data until all is read."""
    at, table = (recording.array(natural(i, len(recording.places))) for i in (indices, levels))
    shape = recording.data[natural(data, len(recording.data))].shape
    if at.dtype != np.uint8 or at.size > MAX_ENTRIES or table.ndim != 1 or not table.size:
        raise ValueError("no indices of levels")
    if int(at.max(initial=0)) >= len(table) or shape != at.shape[:: -1 if transposed else 1]:
        raise ValueError("indices that do not fit")
    whole = table[at]
    whole.flags.writeable = False
    recording.whole[data] = whole.T if transposed else whole


def add_served(recording: Recording, asked: Any, served: Any) -> None:
    recording.served[text(asked)] = text(served)


def add_event(recording: Recording, site: Any, stack: Any, path: Any, **what: Any) -> None:
    place = recording.sites[natural(site, len(recording.sites))]
    natural(stack, len(recording.stacks))
    recording.events.append(Event(len(recording.events), place, stack, text(path), **what))


def add_array_event(recording: Recording, site: Any, stack: Any, path: Any, id: Any) -> None:
    add_event(recording, site, stack, path, array=natural(id, len(recording.places)))


def add_data_event(recording: Recording, site: Any, stack: Any, path: Any, id: Any) -> None:
    add_event(recording, site, stack, path, data=natural(id, len(recording.data)))


def add_value_event(recording: Recording, site: Any, stack: Any, path: Any, value: Any) -> None:
    if type(value) not in (int, float):
        raise ValueError("no number")
    add_event(recording, site, stack, path, value=value)


def add_projection(
    recording: Recording, site: Any, stack: Any, path: Any, axis: Any, id: Any
) -> None:
    number = natural(id, len(recording.places))
    add_event(recording, site, stack, path, axis=natural(axis, 2), projection=number)


READERS: dict[str, Callable[..., None]] = {
    "file": add_file,
    "site": add_site,
    "stack": add_stack,
    "array": add_array,
    "data": add_data,
    "whole": add_whole,
    "served": add_served,
    "a": add_array_event,
    "d": add_data_event,
    "v": add_value_event,
    "p": add_projection,
}
