"""The user's cache folder, for downloads and for the synthetic stand-in once generated."""

import contextlib
import hashlib
import inspect
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from twingrad.cifar import synthetic
from twingrad.cifar.synthetic import Batch, synthetic_batches
from twingrad.files import write_whole

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile)


def default_folder() -> Path:
    """The user's cache folder: the default for downloads, and the last place searched for data."""
    import platformdirs  # only needed here

    return Path(platformdirs.user_cache_dir("twingrad"))


def kept_batches() -> tuple[list[Batch], Batch]:
    """`synthetic_batches()`, read from the cache, or generated and stored there.

    If the file cannot be read, it is generated again; if the cache cannot be written, it is not
    used.
    """
    path = default_folder() / f"stand-in-{fingerprint()}.npz"
    with contextlib.suppress(*UNREADABLE):
        return read(path)
    training, test = synthetic_batches()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, [*training, test])
    return training, test


def fingerprint() -> str:
    """A hash of everything the images depend on: their code, and the version of NumPy."""
    text = f"{np.__version__}\n{inspect.getsource(synthetic)}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(path: Path, batches: list[Batch]) -> None:
    """Write all six batches, the test batch last."""
    arrays: dict[str, Any] = {}
    for number, (images, labels) in enumerate(batches):
        arrays[f"images{number}"], arrays[f"labels{number}"] = images, labels
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def read(path: Path) -> tuple[list[Batch], Batch]:
    """Read a file that `write` wrote, verifying the checksums of the zip archive.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: the file is missing or damaged.
    """
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        batches = [(file[f"images{number}"], file[f"labels{number}"]) for number in range(6)]
    for images, labels in batches:
        if images.shape != (synthetic.BATCH_SIZE, 3072) or labels.shape != images.shape[:1]:
            raise ValueError(f"{path}: holds arrays of other shapes")
    return batches[:5], batches[5]
