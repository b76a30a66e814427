"""Fetching CIFAR-10 from its publisher, through torchvision, which checks the archive's MD5."""

import http.client
import os
import tarfile
import tempfile
from pathlib import Path

from twingrad.cifar.layouts import LAYOUTS
from twingrad.cifar.verify import verify
from twingrad.errors import UserError

_FOLDER = LAYOUTS[0].folder  # torchvision fetches the Python layout


def download(folder: Path | str) -> Path:
    """Fetches and unpacks the Python layout, 170 MB to fetch and 186 MB to keep.

    Nothing is fetched where the official files are already, and nothing is overwritten. The
    files appear whole or not at all.

    Arguments:
        folder: where to put `cifar-10-batches-py`; made if need be.

    Returns:
        The path of `cifar-10-batches-py`.

    Raises:
        UserError: when the network or the disk fails, what came is not the official archive, or
            other files are in the way.
    """
    target = Path(folder) / _FOLDER
    if target.exists():
        if _is_official(target):
            return target
        raise UserError(
            f"{target}: is there already and is not the official CIFAR-10; expected a free place: "
            "remove it or choose another folder (--out)"
        )
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as beside:
            _fetch(beside)
            os.rename(Path(beside) / _FOLDER, target)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"--out {folder}: CIFAR-10 could not be downloaded ({reason}); expected a network that "
            "reaches www.cs.toronto.edu and 400 MB of disk; else fetch the archive elsewhere and "
            "name it with --data"
        ) from error
    return target


def _is_official(target: Path) -> bool:
    try:
        verification = verify(target)
    except UserError:
        return False
    return verification.usable and verification.official is True


def _fetch(folder: str) -> None:
    from twingrad import vision  # takes seconds, and only a download needs it

    vision.datasets.CIFAR10(folder, download=True)
