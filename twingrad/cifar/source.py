"""The identity of the data: files, their MD5s compared with the official ones, a digest."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Kind = Literal["python", "binary", "matlab", "synthetic"]
Verdict = Literal["official", "differs", "not known"]

# https://www.cs.toronto.edu/~kriz/cifar.html (archives), torchvision.datasets.CIFAR10 (batches).
# For the binary and Matlab layouts only the MD5s of the archives are published.
OFFICIAL_MD5: dict[str, dict[str, str]] = {
    "python": {
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    "binary": {},
    "matlab": {},
}
OFFICIAL_ARCHIVE_MD5: dict[str, str] = {
    "python": "c58f30108f718f92721af3b95e74349a",
    "binary": "c32a1d4ab5d03f1284b67883e8d87530",
    "matlab": "70270af85842c9e89bb428ec9976c926",
}


@dataclass(frozen=True)
class FileIdentity:
    """One file, its MD5 in hexadecimal, and whether that is the official MD5."""

    name: str
    md5: str
    verdict: Verdict


def identify(name: str, md5: str, official: str | None) -> FileIdentity:
    """The identity of a file, given its official MD5 or None if that is not known."""
    if official is None:
        return FileIdentity(name, md5, "not known")
    return FileIdentity(name, md5, "official" if md5 == official else "differs")


def official_copy(files: Iterable[FileIdentity], archive: FileIdentity | None) -> bool | None:
    """Whether these are the official files: True, False, or None if not known.

    The files take precedence: official files in a repacked archive are official.
    """
    known = [file.verdict for file in files if file.verdict != "not known"]
    if not known and archive is not None and archive.verdict != "not known":
        known = [archive.verdict]
    return all(verdict == "official" for verdict in known) if known else None


def content_digest(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> str:
    """SHA-256 of images (n, 3072) and labels (n,), part by part.

    For each part it covers the labels as uint8, then the images as uint8, so the same images in
    another layout have the same digest.
    """
    digest = hashlib.sha256()
    for images, labels in parts:
        digest.update(labels.astype(np.uint8).tobytes())
        digest.update(np.ascontiguousarray(images).data)
    return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class Source:
    """Where the images came from.

    `path` is None for the synthetic stand-in. `files` are the files read, sorted by name;
    `archive` is the archive that held them, if any. `digest` covers the loaded images.
    """

    kind: Kind
    path: Path | None
    files: tuple[FileIdentity, ...]
    archive: FileIdentity | None
    digest: str

    @property
    def official(self) -> bool | None:
        """Whether these are the official files; None if no official MD5 is known."""
        return official_copy(self.files, self.archive)

    @property
    def description(self) -> str:
        """One line for people."""
        if self.kind == "synthetic":
            return "synthetic stand-in for CIFAR-10: generated images, not photographs"
        copy = {
            True: "the official copy",
            False: "not the official copy (the MD5s differ)",
            None: "official MD5s not known",
        }[self.official]
        return f"CIFAR-10, {self.kind} layout, {copy}: {self.path}"

    def identity(self) -> dict[str, Any]:
        """The source, ready for JSON."""
        synthetic = self.kind == "synthetic"
        return {
            "name": "synthetic stand-in for CIFAR-10" if synthetic else "CIFAR-10",
            "description": self.description,
            "layout": self.kind,
            "synthetic": synthetic,
            "path": None if self.path is None else str(self.path),
            "digest": self.digest,
            "official": self.official,
            "files": {file.name: _md5(file) for file in self.files},
            "archive": None if self.archive is None else _md5(self.archive),
        }


def _md5(file: FileIdentity) -> dict[str, str]:
    return {"md5": file.md5, "verdict": file.verdict}
