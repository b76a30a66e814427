"""Whether a copy of CIFAR-10 can be used, file by file, and whether it is the official one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.cifar.files import Files, RawFile, find_or_fail
from common.cifar.images import TRAINING_BATCHES
from common.errors import UserError


@dataclass(frozen=True)
class FileVerdict:
    """One file.

    Arguments:
        name: in its layout.
        usable: found, and of the right types, shapes and labels.
        md5: "official", "differs", "not known", or "-" where there is no file.
        found: what is in it, or what is wrong.
    """

    name: str
    usable: bool
    md5: str
    found: str


def verify(path: Path) -> Iterator[FileVerdict]:
    """Judges every file, in the order of reading, then those that are missing.

    Arguments:
        path: see `common.cifar.files.find`.

    Raises:
        UserError: there is no CIFAR-10, or an archive cannot be read to its end.
    """
    files = Files(find_or_fail(path, str(path)), TRAINING_BATCHES)
    seen = set()
    for file in files:
        seen.add(file.name)
        yield judge_file(file)
    layout = files.layout
    assert layout is not None
    for name in (*layout.needed(TRAINING_BATCHES), layout.meta):
        if name not in seen:
            # the names of the classes are known without their file
            yield FileVerdict(name, name == layout.meta, "-", "missing")
    if files.archive is not None:
        found = "read to its end"
        yield FileVerdict(files.archive.name, True, files.archive.verdict, found)


def judge_file(file: RawFile) -> FileVerdict:
    """Reads one file as a training would."""
    md5 = file.identity().verdict
    try:
        if file.name == file.layout.meta:
            names = file.layout.read_label_names(file.content, file.where)
            found = f"{len(names)} names of classes"
        else:
            batch = file.layout.read_batch(file.content, file.where)
            found = f"{len(batch)} images, labels {batch.labels.min()} to {batch.labels.max()}"
    except UserError as error:
        return FileVerdict(file.name, False, md5, str(error))
    return FileVerdict(file.name, True, md5, found)
