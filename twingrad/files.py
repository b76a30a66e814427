"""Write files atomically: whole or not at all. Links, devices and pipes are written through."""

import io
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_NAME = 200
"""Characters of a file's name in the name of its temporary file; file systems allow 255."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; see `write_pieces`."""
    write_pieces(path, [content])


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write pieces to a temporary file in the same folder, then rename it to the path.

    For a link, the file it points to is written. Devices, pipes and the names of open files in
    `/dev` or `/proc` (`/dev/stdout`, `/dev/fd/3`) are written to directly.

    Raises:
        OSError: the file cannot be written.
    """
    if is_stream(path):
        with open(os.open(path, os.O_WRONLY | os.O_APPEND), "wb", buffering=0) as stream:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[stream.write(view) or 0 :]
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:MAX_NAME]}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_stream(path: Path) -> bool:
    """Whether the path is not a regular file or folder, or is the name of an open file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    absolute = Path(os.path.abspath(path))
    open_already = absolute.is_relative_to("/proc") or absolute.is_relative_to("/dev/fd")
    named = absolute in (Path("/dev/stdout"), Path("/dev/stderr"))
    return open_already or named or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically; NaN and infinity, which JSON lacks, raise ValueError."""
    content = io.BytesIO()
    with io.TextIOWrapper(content, "utf-8", write_through=True) as text:
        json.dump(value, text, indent=2, allow_nan=False)  # `dumps` holds every token at once
        text.write("\n")
        write_whole(path, content.getvalue())
