"""The user's cache: where downloads go, and where the synthetic stand-in is kept once drawn."""

import contextlib
import hashlib
import inspect
import io
import zipfile
from pathlib import Path

import numpy as np

from twingrad.cifar import synthetic
from twingrad.cifar.synthetic import Batch, synthetic_batches
from twingrad.files import write_whole

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile)


def default_folder() -> Path:
    """The user's cache, where data are looked for that no option names."""
    import platformdirs  # where it is missing, only this folder is

    return Path(platformdirs.user_cache_dir("twingrad"))


def kept_batches() -> tuple[list[Batch], Batch]:
    """`synthetic_batches()`, read from the cache, or drawn and put there.

    A file that cannot be read is drawn anew; a cache that cannot be written is done without.
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
    """What the drawn images depend on: the code that draws them, and NumPy's generators."""
    text = f"{np.__version__}\n{inspect.getsource(synthetic)}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(path: Path, batches: list[Batch]) -> None:
    """Keeps all six batches, the test batch last."""
    arrays = {}
    for number, (images, labels) in enumerate(batches):
        arrays[f"images{number}"], arrays[f"labels{number}"] = images, labels
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def read(path: Path) -> tuple[list[Batch], Batch]:
    """What `write` kept; the zip archive's checksums are checked.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: there is no such file, or it is damaged.
    """
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        batches = [(file[f"images{number}"], file[f"labels{number}"]) for number in range(6)]
    for images, labels in batches:
        if images.shape != (synthetic.BATCH_SIZE, 3072) or labels.shape != images.shape[:1]:
            raise ValueError(f"{path}: holds arrays of other shapes")
    return batches[:5], batches[5]
