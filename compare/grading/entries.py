"""Find the submissions in a folder, and copy them."""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compare.submissions.asking.importing import imports_of
from twingrad.errors import UserError

MAX_BYTES, MAX_FILES = 50_000_000, 2000
"""Maximum size and number of files of one submission."""

SKIPPED = {".venv", "venv", "__pycache__", ".git", ".ipynb_checkpoints", "__MACOSX", ".idea"}
"""Folders that do not belong to a submission."""

CHUNK = 1 << 20


class Unusable(Exception):
    """The submission cannot be judged; the message is one line."""


@dataclass(frozen=True)
class Entry:
    """One submission.

    Arguments:
        name: of the student.
        path: a file or a folder.
    """

    name: str
    path: Path

    @property
    def slug(self) -> str:
        """The name as a file name that is safe on every system."""
        plain = re.sub(r"[^\w.-]", "_", self.name)[:80]
        if plain == self.name and not plain.startswith("."):
            return plain
        number = hashlib.sha256(self.name.encode(errors="surrogateescape")).hexdigest()
        return f"{plain.lstrip('.')}-{number[:8]}"


def find_entries(folder: Path, *, single: bool = False) -> tuple[list[Entry], list[str]]:
    """The submissions, sorted by name, and the names of files that are not submissions.

    Arguments:
        folder: contains one file or folder for each submission; if it is a file, that is the only
            submission.
        single: whether the folder itself is one submission.

    Raises:
        UserError: there is none.
    """
    if not os.path.lexists(folder):
        raise UserError(f"{folder}: no such file or folder; expected a folder of submissions")
    if single or not folder.is_dir():
        return [Entry(folder.resolve().stem, folder.resolve())], []
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from error
    found, ignored = [], []
    for path in paths:
        if path.name.startswith(".") or path.name in SKIPPED:
            continue
        if path.suffix.lower() in (".py", ".ipynb") or path.is_dir():
            found.append(path)
        else:
            ignored.append(path.name)
    if not found:
        raise UserError(f"{folder}: no submission in it; expected a .py file or a folder for each")
    stems = Counter(stem(path) for path in found)
    names = [stem(path) if stems[stem(path)] == 1 else path.name for path in found]
    return [Entry(name, path) for name, path in zip(names, found, strict=True)], ignored


def stem(path: Path) -> str:
    """The student's name, from the name of a file or folder."""
    return path.name if path.is_dir() else path.stem


def files_in(entry: Entry) -> Iterator[tuple[Path, Path]]:
    """(file, relative path) of every regular file; links are skipped.

    Raises:
        Unusable: too much, or the submission itself is a link or a device.
    """
    about = entry.path.lstat()
    if stat.S_ISREG(about.st_mode):
        yield entry.path, Path(entry.path.name)
        return
    if not stat.S_ISDIR(about.st_mode):
        raise Unusable("it is no regular file but a link or a device")
    count = size = 0
    for here, folders, files in os.walk(entry.path):
        folders[:] = sorted(set(folders) - SKIPPED)
        for name in sorted(files):
            path = Path(here, name)
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                continue
            count, size = count + 1, size + about.st_size
            if count > MAX_FILES or size > MAX_BYTES:
                raise Unusable(
                    f"it holds more than {MAX_FILES} files or {MAX_BYTES // 1_000_000} MB"
                )
            yield path, path.relative_to(entry.path)


def digest(entry: Entry) -> str:
    """A hash of the submission's content."""
    found = hashlib.sha256()
    try:
        for path, place in files_in(entry):
            found.update(f"{place}\0{path.lstat().st_size}\0".encode(errors="surrogateescape"))
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    found.update(chunk)
    except (Unusable, OSError) as error:
        found.update(str(error).encode(errors="surrogateescape"))
    return found.hexdigest()


def copy(entry: Entry, target: Path) -> None:
    """Copy the submission into a folder.

    Raises:
        Unusable: it is too large, or cannot be read.
    """
    try:
        for path, place in files_in(entry):
            if path.lstat().st_size > MAX_BYTES:
                raise Unusable(f"{place.name} holds more than {MAX_BYTES // 1_000_000} MB")
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            (target / place).write_bytes(path.read_bytes())
    except OSError as error:
        raise Unusable(f"it cannot be read ({error.strerror})") from error


def main_file(folder: Path, wanted: str | None) -> Path:
    """The file to judge, in a copy of the submission.

    Arguments:
        wanted: its name, if the course prescribes one.

    Raises:
        Unusable: there is none, or it is not clear which.
    """
    if wanted is not None and any(folder.rglob(wanted)):
        return min(folder.rglob(wanted), key=lambda path: len(path.parts))
    everything = [path for path in folder.rglob("*") if path.is_file()]
    if len(everything) > 1 and wanted is not None:
        raise Unusable(f"it holds no {wanted}")
    python = sorted(path for path in everything if path.suffix == ".py")
    depth = min((len(path.parts) for path in python), default=0)
    top = [path for path in python if len(path.parts) == depth]
    imported = set().union(*(imports_of(path)[1] for path in top)) if len(top) > 1 else set()
    chosen = [path for path in top if path.stem not in imported] or top
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ", ".join(path.name for path in chosen[:5])
        raise Unusable(f"it holds several files ({names}); name the one to judge with --file")
    if any(path.suffix == ".ipynb" for path in everything):
        raise Unusable("it is a notebook; only .py files are judged")
    raise Unusable("it holds no .py file")
