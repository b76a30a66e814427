"""Find CIFAR-10's files in a folder or an archive, and read them one at a time."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twingrad.cifar.archives import MAX_FILE, Archive
from twingrad.cifar.images import TRAINING_BATCHES, damaged
from twingrad.cifar.layouts import LAYOUT_OF_FILE, LAYOUTS, Layout
from twingrad.cifar.source import OFFICIAL_ARCHIVE_MD5, OFFICIAL_MD5, FileIdentity, identify
from twingrad.errors import UserError


@dataclass(frozen=True)
class RawFile:
    """One file of one layout; `where` is its full name, for messages."""

    layout: Layout
    name: str
    where: str
    content: bytes

    def identity(self) -> FileIdentity:
        """The file's MD5, compared with the official one."""
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        return identify(self.name, md5, OFFICIAL_MD5[self.layout.kind].get(self.name))


def find(path: Path) -> Path | None:
    """Find the folder of batches or the archive at a path.

    Arguments:
        path: a folder that holds the batches; a folder that holds such a folder or an archive
            under its published name; or an archive of any name.

    Returns:
        None if there is none.
    """
    if os.path.isfile(path):
        return path
    folders = [path, *(path / layout.folder for layout in LAYOUTS)]
    archives = [path / layout.archive for layout in LAYOUTS]
    candidates = [folder for folder in folders if _layouts_in(folder)]
    candidates += [archive for archive in archives if os.path.isfile(archive)]
    return candidates[0] if candidates else None


def find_or_fail(path: Path, called: str) -> Path:
    """Find the folder of batches or the archive at a path, or raise.

    Arguments:
        path: see `find`.
        called: the path's name in the message, such as "--data ../cifar".

    Raises:
        UserError: there is none.
    """
    place = find(path)
    if place is not None:
        return place
    problem = "no CIFAR-10 in this folder" if os.path.isdir(path) else "no such file or folder"
    raise UserError(
        f"{called}: {problem}; expected a folder of data_batch_1 ... test_batch (or .bin, .mat), "
        f"{', '.join(layout.folder for layout in LAYOUTS)} within it, or a .tar.gz archive of one"
    )


def _layouts_in(folder: Path) -> list[Layout]:
    return [
        layout
        for layout in LAYOUTS
        if any(os.path.isfile(folder / name) for name in layout.needed(TRAINING_BATCHES))
    ]


class Files:
    """The files of one layout in a folder or an archive, read in one pass and in any order.

    `layout`, and for an archive `archive`, are known once the files have been read.
    """

    layout: Layout
    archive: FileIdentity | None = None

    def __init__(self, path: Path, batches: int) -> None:
        """`path` is a result of `find`; for `batches` see `Layout.needed`."""
        self.path = path
        self._batches = batches

    def __iter__(self) -> Iterator[RawFile]:
        """The files needed for this many batches, and the file of class names, if they exist.

        Raises:
            UserError: a file cannot be read, or an archive holds no file of CIFAR-10.
        """
        return self._in_archive() if os.path.isfile(self.path) else self._in_folder()

    def _wanted(self) -> tuple[str, ...]:
        return (self.layout.meta, *self.layout.needed(self._batches))

    def _in_folder(self) -> Iterator[RawFile]:
        self.layout = _layouts_in(self.path)[0]
        for name in self._wanted():
            path = self.path / name
            if os.path.isfile(path):
                yield RawFile(self.layout, name, str(path), _content(path))

    def _in_archive(self) -> Iterator[RawFile]:
        archive = Archive(self.path)
        chosen = None
        for name, content in archive.members():
            layout = LAYOUT_OF_FILE.get(name)
            if layout is not None and chosen in (None, layout):
                self.layout = chosen = layout
                if name in self._wanted():
                    yield RawFile(layout, name, f"{self.path}: {name}", content)
        if chosen is None:
            raise damaged(str(self.path), "no file of CIFAR-10", "data_batch_1 and the others")
        official = OFFICIAL_ARCHIVE_MD5[chosen.kind]
        self.archive = identify(self.path.name, archive.md5, official)


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise damaged(str(path), f"{size} bytes", f"at most {MAX_FILE}")
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); expected a readable file"
        ) from error
