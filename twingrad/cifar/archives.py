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
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            reason = " ".join(str(error).split())
            found = f"a truncated or corrupt archive ({reason})"
            raise damaged(str(self.path), found, "a complete .tar.gz") from error

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
    """A file that raises UserError beyond the maximum size."""

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._left = _MAX_ARCHIVE

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise UserError(
                f"{self._path}: unpacks to more than {_MAX_ARCHIVE // 2**20} MiB; expected one of "
                "CIFAR-10's archives, which unpack to 190 MB"
            )
        return data
