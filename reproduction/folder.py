"""The folder of a reproduction: what it keeps, and how long it has trained."""

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
"""What a reproduction writes."""


def prepare(path: Path, *, resume: bool, overwrite: bool) -> None:
    """Makes the folder, or sees to it that it may be used.

    Arguments:
        resume: keeps the trainings that are there.
        overwrite: removes what an earlier reproduction wrote, and nothing else.

    Raises:
        UserError: it holds a reproduction, and neither was given, or both were; it holds something
            else, or is a file.
    """
    if resume and overwrite:
        raise UserError("--resume keeps and --overwrite removes what is there: give one of them")
    if path.is_dir() and any(path.iterdir()):
        if not (path / TRAININGS).is_dir():
            raise UserError(f"--out {path}: holds no reproduction; name another folder")
        if not resume and not overwrite:
            raise UserError(
                f"--out {path}: is not empty; continue with --resume, replace with --overwrite, or "
                "name another folder"
            )
        if overwrite:
            for name in OWN:
                found = path / name
                shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    make_folder(path / TRAININGS)


def seconds_so_far(path: Path) -> float:
    """Seconds trained in the folder by all finished calls; 0 where unknown."""
    try:
        return float(json.loads((path / SECONDS).read_text())["training"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0.0


def add_seconds(path: Path, seconds: float) -> None:
    """Adds the seconds of a call that trained."""
    write_json(path / SECONDS, {"training": seconds_so_far(path) + seconds})
