"""Check every file of CIFAR-10 separately, so that one bad file does not hide another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twingrad.cifar.files import Files, find_or_fail
from twingrad.cifar.images import BATCH_IMAGES, PIXELS, TRAINING_BATCHES
from twingrad.cifar.source import FileIdentity, Kind, official_copy
from twingrad.errors import UserError


@dataclass(frozen=True)
class FileCheck:
    """The result for one file.

    `identity` is None if the file is missing. `holds` describes its content; `problem`, if any,
    says why it cannot be used.
    """

    name: str
    identity: FileIdentity | None
    holds: str
    problem: str | None


@dataclass(frozen=True)
class Verification:
    """The results for all files of a folder or archive."""

    kind: Kind
    path: Path
    archive: FileIdentity | None
    files: tuple[FileCheck, ...]

    @property
    def usable(self) -> bool:
        """Whether all five training batches and the test batch can be loaded."""
        return not any(file.problem for file in self.files)

    @property
    def official(self) -> bool | None:
        """Whether these are the official files; None if no official MD5 is known."""
        identities = [file.identity for file in self.files if file.identity is not None]
        return official_copy(identities, self.archive)

    def report(self) -> dict[str, Any]:
        """The results, ready for JSON."""
        return {
            "layout": self.kind,
            "path": str(self.path),
            "usable": self.usable,
            "official": self.official,
            "archive": _md5(self.archive),
            "files": [
                {
                    "name": file.name,
                    "found": file.identity is not None,
                    **_md5(file.identity),
                    "holds": file.holds,
                    "problem": file.problem,
                }
                for file in self.files
            ],
        }


def verify(path: Path | str) -> Verification:
    """Read and check every file: presence, MD5, types, shapes, counts and labels.

    Arguments:
        path: as in `load_cifar`.

    Raises:
        UserError: there is no CIFAR-10 at all, or an archive cannot be read to its end. Problems
            of single files are in the result.
    """
    files = Files(find_or_fail(Path(path), str(path)), TRAINING_BATCHES)
    checks: dict[str, FileCheck] = {}
    for file in files:
        holds, problem = "", None
        try:
            if file.name == file.layout.meta:
                holds = ", ".join(file.layout.read_label_names(file.content, file.where))
            else:
                file.layout.read_batch(file.content, file.where)
                holds = f"uint8 ({BATCH_IMAGES}, {PIXELS}), labels 0 to 9"
        except UserError as error:
            problem = str(error)
        checks[file.name] = FileCheck(file.name, file.identity(), holds, problem)

    layout = files.layout
    for name in layout.needed(TRAINING_BATCHES):
        checks.setdefault(name, FileCheck(name, None, "", f"{files.path}: {name} is missing"))
    # The class names are the same in every CIFAR-10, so training does not need them.
    checks.setdefault(layout.meta, FileCheck(layout.meta, None, "missing, not needed", None))
    order = (*layout.needed(TRAINING_BATCHES), layout.meta)
    return Verification(layout.kind, files.path, files.archive, tuple(checks[n] for n in order))


def _md5(identity: FileIdentity | None) -> dict[str, str | None]:
    if identity is None:
        return {"md5": None, "verdict": None}
    return {"md5": identity.md5, "verdict": identity.verdict}
