"""Fetching CIFAR-10 from its home, through torchvision, which checks the archive's MD5."""

from pathlib import Path

from common.cifar.layouts import LAYOUTS
from common.errors import UserError
from common.vision import import_torchvision


def download(folder: Path) -> Path:
    """Downloads and unpacks the Python layout, unless it is there already.

    Arguments:
        folder: created if missing; gets the archive (170 MB) and its folder of batches (186 MB).

    Returns:
        The folder of batches.

    Raises:
        UserError: no network, no space, or a file that is not the official one.
    """
    torchvision = import_torchvision()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torchvision.datasets.CIFAR10(root=str(folder), download=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a bad MD5 a RuntimeError
        reason = " ".join(str(error).split())
        raise UserError(
            f"{folder}: CIFAR-10 could not be downloaded ({reason}); fetch "
            f"{LAYOUTS[0].archive} by other means and give it as --data"
        ) from error
    return folder / LAYOUTS[0].folder
