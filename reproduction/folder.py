"""The folder of a reproduction: its files, and how long it has trained."""

import json
import shutil
from pathlib import Path

from twingrad.errors import UserError
from twingrad.files import write_json
from twingrad.run_folder import make_folder

TRAININGS, FIGURES, PAGE, RESULTS, REPORT, SECONDS = OWN = (
    "trainings",
    "figures",
    "README.md",
    "results.json",
    "reproduction.html",
    "seconds.json",
)
"""The files and folders that a reproduction writes."""


def prepare(path: Path, *, resume: bool, overwrite: bool) -> None:
    """Create the folder, or check that an existing one may be used.

    Arguments:
        resume: keep the existing trainings.
        overwrite: remove the files of an earlier reproduction, and nothing else.

    Raises:
        UserError: both options are given; the folder holds a reproduction and neither is given;
            it holds other files; or it is a file.
    """
    if resume and overwrite:
        raise UserError("--resume keeps existing files and --overwrite removes them; give only one")
    if path.is_dir() and any(path.iterdir()):
        if not any((path / name).exists() for name in (TRAININGS, RESULTS)):
            raise UserError(f"--out {path}: holds no reproduction; name another folder")
        if not resume and not overwrite:
            raise UserError(
                f"--out {path}: is not empty; continue with --resume, replace with --overwrite, or "
                "name another folder"
            )
        if overwrite:
            for name in OWN:
                old = path / name
                shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    make_folder(path / TRAININGS)


def seconds_so_far(path: Path) -> float:
    """Seconds of training in this folder, over all calls; 0 if unknown."""
    try:
        return float(json.loads((path / SECONDS).read_text())["training"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0.0


def add_seconds(path: Path, seconds: float) -> None:
    """Add the training seconds of one call."""
    write_json(path / SECONDS, {"training": seconds_so_far(path) + seconds})
