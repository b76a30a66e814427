"""CIFAR-10's files for a program that does not find them where its author had them."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from twingrad.cifar.images import TRAINING_BATCHES, Images
from twingrad.cifar.layouts import LAYOUTS, Layout
from twingrad.cifar.loading import load_cifar, locate_data, synthetic_cifar
from twingrad.cifar.writing import WRITERS

MENTIONS = {
    "python": re.compile(
        r"data_batch|test_batch|batches[-_]py|cifar[-_]?10[-_]|cifar10\(", re.IGNORECASE
    ),
    "binary": re.compile(r"batch\w*\.bin\b|batches[-_]bin", re.IGNORECASE),
    "matlab": re.compile(r"loadmat|batch\w*\.mat\b|batches[-_]mat", re.IGNORECASE),
}
"""What a program's text says when it reads a layout."""

MAX_FILES, MAX_TEXT = 200, 1 << 20
"""Files of the program that are looked at, and characters of each."""


@dataclass(frozen=True)
class Served:
    """What is ready to be served.

    Arguments:
        folder: holds one folder for each layout; None if the program mentions no CIFAR-10.
        stand_in: whether the images are the synthetic stand-in.
    """

    folder: Path | None
    stand_in: bool


def prepare(program: Path, option: str | None, folder: Path) -> Served:
    """Puts CIFAR-10's files into a folder, in the layouts that a program mentions.

    Arguments:
        program: a Python file or a notebook; the Python files beside it and below count too.
        option: the value of --data; None for $TWINGRAD_DATA, the user's cache, or the stand-in.
        folder: where the files go; links, where the data are in that layout.

    Raises:
        UserError: the option names a place without CIFAR-10, or its files are damaged.
    """
    source = locate_data(option)
    text = text_of(program)
    if not any(pattern.search(text) for pattern in MENTIONS.values()):
        return Served(None, False)
    wanted = [layout for layout in LAYOUTS if MENTIONS[layout.kind].search(text)]
    for layout in list(wanted):
        if source is not None and link(source, folder / layout.folder, layout):
            wanted.remove(layout)
    if wanted:
        cifar = synthetic_cifar() if source is None else load_cifar(source)
        parts = [*cifar.batches, cifar.test]
        for layout in wanted:
            write(parts, folder / layout.folder, layout)
    return Served(folder, source is None)


def text_of(program: Path) -> str:
    """The program, and the Python files beside it and below."""
    files = [program]
    for path in program.parent.rglob("*.py"):
        if "site-packages" not in path.parts and path.is_file():
            files.append(path)
        if len(files) > MAX_FILES:
            break
    texts = []
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as file:
            texts.append(file.read(8 * MAX_TEXT if path == program else MAX_TEXT))
    return "\n".join(texts)


def link(source: Path, folder: Path, layout: Layout) -> bool:
    """Links to the files of a folder in that layout; whether it is in that layout."""
    names = [*layout.needed(TRAINING_BATCHES), layout.meta]
    there = [name for name in names if (source / name).is_file()]
    if not there:
        return False
    folder.mkdir(parents=True)
    for name in there:
        try:
            (folder / name).symlink_to((source / name).resolve())
        except OSError:  # a system without links
            shutil.copyfile(source / name, folder / name)
    return True


def write(parts: list[Images], folder: Path, layout: Layout) -> None:
    """Writes the training batches and the test batch."""
    batch, label_names = WRITERS[layout.kind]
    folder.mkdir(parents=True)
    for name, part in zip(layout.needed(TRAINING_BATCHES), parts, strict=True):
        (folder / name).write_bytes(batch(part.images, part.labels))
    (folder / layout.meta).write_bytes(label_names())
