"""The three layouts in which CIFAR-10 is published: their file names and readers."""

from collections.abc import Callable
from dataclasses import dataclass

from twingrad.cifar import binary_layout, matlab_layout, python_layout
from twingrad.cifar.images import TRAINING_BATCHES, Images
from twingrad.cifar.source import Kind


@dataclass(frozen=True)
class Layout:
    """One layout. The readers take a file's content, and its name for messages."""

    kind: Kind
    folder: str
    archive: str
    suffix: str
    meta: str
    read_batch: Callable[[bytes, str], Images]
    read_label_names: Callable[[bytes, str], tuple[str, ...]]

    @property
    def training(self) -> tuple[str, ...]:
        """The files of the training batches, in order."""
        return tuple(f"data_batch_{i}{self.suffix}" for i in range(1, TRAINING_BATCHES + 1))

    @property
    def test(self) -> str:
        """The file of the test images."""
        return f"test_batch{self.suffix}"

    def needed(self, batches: int) -> tuple[str, ...]:
        """The files needed to train on this many batches; below 5 the next one validates."""
        return (*self.training[: batches + 1], self.test)


LAYOUTS = (
    Layout(
        kind="python",
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        suffix="",
        meta="batches.meta",
        read_batch=python_layout.read_batch,
        read_label_names=python_layout.read_label_names,
    ),
    Layout(
        kind="binary",
        folder="cifar-10-batches-bin",
        archive="cifar-10-binary.tar.gz",
        suffix=".bin",
        meta="batches.meta.txt",
        read_batch=binary_layout.read_batch,
        read_label_names=binary_layout.read_label_names,
    ),
    Layout(
        kind="matlab",
        folder="cifar-10-batches-mat",
        archive="cifar-10-matlab.tar.gz",
        suffix=".mat",
        meta="batches.meta.mat",
        read_batch=matlab_layout.read_batch,
        read_label_names=matlab_layout.read_label_names,
    ),
)

# No two layouts share a file name, so one file identifies the layout.
LAYOUT_OF_FILE = {
    name: layout for layout in LAYOUTS for name in (*layout.training, layout.test, layout.meta)
}
