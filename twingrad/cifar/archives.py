"""The files inside a .tar.gz archive: read in one pass, never extracted, nothing in it trusted."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from twingrad.cifar.images import damaged
from twingrad.errors import UserError

LARGEST_FILE = 128 * 2**20  # a batch is 31 MB, 62 MB where a Python 3 wrote it in protocol 2
_LARGEST_ARCHIVE = 8 * LARGEST_FILE  # unpacked; some bytes of gzip can unpack to any length
_BLOCK = 2**20


class Archive:
    """A .tar.gz file. `md5` is known once `members` has been read to its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.md5 = ""

    def members(self) -> Iterator[tuple[str, bytes]]:
        """The name and content of each regular file at the top or one folder deep.

        Names are without their folder. Links, devices, absolute paths and paths with '..' are
        passed over.

        Raises:
            UserError: when the archive is cut short or corrupt, holds a name twice, or unpacks to
                more than any CIFAR-10 does.
        """
        try:
            with self.path.open("rb") as file:
                hashed = _Hashed(file)
                # The gzip module checks the check sum at the end; tarfile's own gzip does not.
                with gzip.GzipFile(fileobj=hashed) as unpacked:  # type: ignore[call-overload]
                    bounded = _Bounded(unpacked, self.path)
                    yield from self._walk(bounded)
                    while bounded.read(_BLOCK):
                        pass
                while hashed.read(_BLOCK):
                    pass
                self.md5 = hashed.md5.hexdigest()
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            reason = " ".join(str(error).split())
            found = f"an archive cut short or corrupt ({reason})"
            raise damaged(str(self.path), found, "a whole .tar.gz") from error

    def _walk(self, unpacked: "_Bounded") -> Iterator[tuple[str, bytes]]:
        seen = set()
        with tarfile.open(fileobj=unpacked, mode="r|", bufsize=_BLOCK) as tar:  # type: ignore[call-overload]
            for member in tar:
                path = PurePosixPath(member.name)
                deep = len(path.parts) > 2 or ".." in path.parts or path.is_absolute()
                if deep or not member.isreg():
                    continue
                if path.name in seen:
                    raise damaged(str(self.path), f"two files {path.name!r}", "one")
                if member.size > LARGEST_FILE:
                    found = f"{path.name!r} of {member.size} bytes"
                    raise damaged(str(self.path), found, f"at most {LARGEST_FILE}")
                seen.add(path.name)
                content = tar.extractfile(member)
                if content is not None:
                    yield path.name, content.read()


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.md5 = hashlib.md5(usedforsecurity=False)

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.md5.update(data)
        return data


class _Bounded:
    """A file that ends in an error where no honest one goes on."""

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._left = _LARGEST_ARCHIVE

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise UserError(
                f"{self._path}: unpacks to more than {_LARGEST_ARCHIVE // 2**20} MiB; expected "
                "one of CIFAR-10's archives, which unpack to 190 MB"
            )
        return data
