"""The folder of a reproduction: what it keeps, and how long it has trained."""

import json
import shutil
from pathlib import Path

from common.errors import UserError
from common.files import write_json
from common.run_folder import make_folder

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
        UserError: it holds something, and neither was given; or it is a file.
    """
    if path.is_dir() and any(path.iterdir()) and not resume:
        if not overwrite:
            raise UserError(
                f"--out {path}: is not empty; continue with --resume, replace with --overwrite, or "
                "name another folder"
            )
        for name in OWN:
            found = path / name
            shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    make_folder(path)


def seconds_so_far(path: Path) -> float:
    """Of training in the folder, over all calls."""
    try:
        return float(json.loads((path / SECONDS).read_text())["training"])
    except FileNotFoundError:
        return 0.0


def add_seconds(path: Path, seconds: float) -> None:
    """Of a call that trained."""
    write_json(path / SECONDS, {"training": seconds_so_far(path) + seconds})
