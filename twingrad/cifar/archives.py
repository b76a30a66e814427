"""Read the files inside an untrusted .tar.gz archive in one pass, without extracting them."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from twingrad.cifar.images import damaged
from twingrad.errors import UserError

MAX_FILE = 128 * 2**20  # bytes; a batch has 31 MB, or 62 MB if Python 3 wrote it in protocol 2
_MAX_ARCHIVE = 8 * MAX_FILE  # bytes after decompression, which a small gzip file can exceed
_BLOCK = 2**20

MALFORMED = (ValueError, LookupError, ArithmeticError)
"""What tarfile also raises for headers that make no sense, such as a sparse map with a word."""

MAX_MEMBERS = 1000
"""Entries of an archive, which tarfile keeps in memory; CIFAR-10's have 9 at most."""


class Archive:
    """A .tar.gz file. `md5` is known once `members` has been read to its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.md5 = ""

    def members(self) -> Iterator[tuple[str, bytes]]:
        """The name and content of each regular file at the top level or one folder deep.

        Names do not include the folder. Links, devices, absolute paths and paths with '..' are
        skipped.

        Raises:
            UserError: the archive is truncated or corrupt, holds a name twice, or decompresses to
                far more than CIFAR-10.
        """
        try:
            with self.path.open("rb") as file:
                hashed = _Hashed(file)
                # The gzip module verifies the checksum at the end; tarfile does not.
                with gzip.GzipFile(fileobj=hashed) as unpacked:  # type: ignore[call-overload]
                    bounded = _Bounded(unpacked, self.path)
                    yield from self._walk(bounded)
                    while bounded.read(_BLOCK):
                        pass
                while hashed.read(_BLOCK):
                    pass
                self.md5 = hashed.md5.hexdigest()
        except (tarfile.TarError, zlib.error, EOFError, OSError, *MALFORMED) as error:
            reason = " ".join(str(error).split())
            found = f"a truncated or corrupt archive ({reason})"
            raise damaged(str(self.path), found, "a complete .tar.gz") from error

    def _walk(self, unpacked: "_Bounded") -> Iterator[tuple[str, bytes]]:
        seen = set()
        with tarfile.open(fileobj=unpacked, mode="r|", bufsize=_BLOCK) as tar:  # type: ignore[call-overload]
            for number, member in enumerate(tar):
                unpacked.start_member()
                if number >= MAX_MEMBERS:
                    raise damaged(str(self.path), f"over {MAX_MEMBERS} entries", "9 at most")
                path = PurePosixPath(member.name)
                deep = len(path.parts) > 2 or ".." in path.parts or path.is_absolute()
                if deep or not member.isreg():
                    continue
                if path.name in seen:
                    raise damaged(str(self.path), f"two files {path.name!r}", "one")
                if member.size > MAX_FILE:
                    found = f"{path.name!r} of {member.size} bytes"
                    raise damaged(str(self.path), found, f"at most {MAX_FILE}")
                seen.add(path.name)
                content = tar.extractfile(member)
                if content is not None:
                    yield path.name, content.read()


class _Hashed:
    """A file whose MD5 is computed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.md5 = hashlib.md5(usedforsecurity=False)

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.md5.update(data)
        return data


class _Bounded:
    """A file that raises UserError beyond the maximum size, of all and of one entry.

    An entry's own size says too little: its name or its map of a sparse file may be as long.
    """

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._left = _MAX_ARCHIVE
        self._entry = 0

    def start_member(self) -> None:
        """Count the bytes of an entry from here."""
        self._entry = 0

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise UserError(
                f"{self._path}: unpacks to more than {_MAX_ARCHIVE // 2**20} MiB; expected one of "
                "CIFAR-10's archives, which unpack to 190 MB"
            )
        self._entry += len(data)
        if self._entry > MAX_FILE + 2 * _BLOCK:
            found = f"an entry of more than {MAX_FILE // 2**20} MiB"
            raise damaged(str(self._path), found, "CIFAR-10's, which have 31 MB")
        return data
