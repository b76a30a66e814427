"""Download CIFAR-10 from its publisher through torchvision, which checks the archive's MD5."""

import http.client
import os
import tarfile
import tempfile
from pathlib import Path

from twingrad.cifar.layouts import LAYOUTS
from twingrad.cifar.verify import verify
from twingrad.errors import UserError

_FOLDER = LAYOUTS[0].folder  # torchvision downloads the Python layout


def download(folder: Path | str) -> Path:
    """Download and unpack the Python layout: 170 MB to download, 186 MB unpacked.

    If the official files already exist, nothing is downloaded. Nothing is overwritten, and the
    files appear all at once.

    Arguments:
        folder: where to put `cifar-10-batches-py`; created if necessary.

    Returns:
        The path of `cifar-10-batches-py`.

    Raises:
        UserError: the network or the disk failed, the download is not the official archive, or
            other files are in the way.
    """
    target = Path(folder) / _FOLDER
    if target.exists():
        if _is_official(target):
            return target
        raise UserError(
            f"{target}: exists and is not the official CIFAR-10; remove it or choose another "
            "folder (--out)"
        )
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
            _fetch(temporary)
            os.rename(Path(temporary) / _FOLDER, target)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"--out {folder}: CIFAR-10 could not be downloaded ({reason}); expected a network that "
            "reaches www.cs.toronto.edu and 400 MB of disk space; otherwise download the archive "
            "elsewhere and give its path with --data"
        ) from error
    return target


def _is_official(target: Path) -> bool:
    try:
        verification = verify(target)
    except UserError:
        return False
    return verification.usable and verification.official is True


def _fetch(folder: str) -> None:
    from twingrad import vision  # slow to import, and only needed here

    vision.datasets.CIFAR10(folder, download=True)
