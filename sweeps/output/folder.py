"""What a sweep leaves on disk, and how it resumes.

sweep.json       space, plan, recipe, data, storage and owner: written first
study.journal    the study, unless --storage names another place
trials/          recipe and curves of every trial that ended here
results.json, results.csv, report.html
lock             held by the process that runs it
chosen/          the final choice as a run folder of its own, trained from its recipe
"""

import contextlib
import json
import platform
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from sweeps.space.axes import Space
from sweeps.space.parsing import parse_space
from sweeps.study.identity import describe, require_same
from sweeps.study.plan import Plan
from sweeps.study.storage import HIDDEN, JOURNAL, hide_password
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.files import write_json
from twingrad.locks import hold
from twingrad.recipe import Recipe
from twingrad.run_folder import make_folder

NEEDED = {"space", "plan", "recipe", "data", "backend", "devices", "storage", "study", "owner"}
"""Keys of sweep.json that resuming needs."""

WRITTEN = (
    *("chosen", "trials", "report.html", "results.csv", "results.json"),
    *(JOURNAL, "lock", "sweep.json"),
)
"""All that a sweep writes."""


class SweepFolder:
    """The folder of one sweep, held by one process at a time.

    Arguments:
        path: of the folder.
        settings: content of sweep.json.

    Raises:
        UserError: the settings are damaged, or another process holds the folder.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings
        self.plan, self.recipe, self.space = parse_settings(settings, path / "sweep.json")
        self._lock: IO[str] = hold(path, "sweep")

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        plan: Plan,
        space: Space,
        recipe: Recipe,
        identity: dict[str, Any],
        backend: str,
        devices: tuple[str, ...] = ("cpu",),
        storage: str | None = None,
        study: str = "sweep",
        overwrite: bool = False,
        curves: bool = False,
        stack: int | None = None,
    ) -> "SweepFolder":
        """A new sweep's folder.

        Arguments:
            path: an empty or missing folder, or with `overwrite` one that holds a sweep.
            plan, space, recipe: of the search.
            identity: of the data, `Dataset.identity`.
            backend, devices: what trains.
            storage, study: where the study is kept; None for a journal in the folder.
            curves: whether the training data are evaluated after every epoch too.
            stack: largest stack, if the user set it; a resumed sweep keeps it.

        Raises:
            UserError: the folder holds a sweep already, or something else, or is in use.
        """
        if path.exists() and not path.is_dir():
            raise UserError(f"--out {path}: is a file, but expected a folder")
        if path.is_dir() and any(child.name != "lock" for child in path.iterdir()):
            if not (path / "sweep.json").is_file():
                raise UserError(f"--out {path}: is not empty and holds no sweep; name another")
            if not overwrite:
                raise UserError(
                    f"--out {path}: already holds a sweep; name another folder, "
                    "or give --resume to continue it or --overwrite to replace it"
                )
            hold(path, "sweep").close()
            require_unshared(path, storage, study)
            clear(path)
        make_folder(path)
        settings = {
            **describe(plan, space, recipe, identity["digest"]),
            "dataset": identity,
            "backend": backend,
            "devices": list(devices),
            "storage": None if storage is None else hide_password(storage),
            "study": study,
            "curves": curves,
            "stack": stack,
            "owner": f"{platform.node()} {uuid.uuid4().hex[:12]}",
            "environment": environment(devices[0]),
        }
        folder = cls(path, settings)
        (path / "trials").mkdir(exist_ok=True)
        write_json(path / "sweep.json", settings)  # last: with it the folder is a sweep
        return folder

    @classmethod
    def reopen(cls, path: Path) -> "SweepFolder":
        """An interrupted or finished sweep; UserError where there is none."""
        return cls(path, read_settings(path))

    def require_same(
        self,
        plan: Plan,
        space: Space,
        recipe: Recipe,
        digest: str,
        *,
        backend: str,
        devices: Sequence[str],
        curves: bool | None,
    ) -> None:
        """Raise UserError unless the sweep is this one, on these data, trained in this way.

        Arguments:
            curves: whether training curves are asked for; None for either.
        """
        now = describe(plan, space, recipe, digest)
        require_same(self.settings, now, str(self.path / "sweep.json"))
        for option, asked, its in [
            ("backend", backend, self.settings["backend"]),
            ("device", ",".join(devices), ",".join(self.settings["devices"])),
        ]:
            if asked != its:
                raise UserError(
                    f"--{option} is {asked!r}, but the sweep in {self.path} was begun with {its!r}"
                )
        if curves not in (None, self.curves):
            its, other = ("with", "without") if self.curves else ("without", "with")
            raise UserError(
                f"--curves: the sweep in {self.path} was begun {its} training curves and cannot "
                f"go on {other} them; name another folder"
            )

    @property
    def curves(self) -> bool:
        """True if the training data are evaluated after every epoch too."""
        return has_curves(self.settings)

    def address(self, given: str | None) -> str | None:
        """Where the study is kept: as it was, with the password, which is not written down.

        Raises:
            UserError: the address given is another one, or is needed for its password.
        """
        kept = self.settings["storage"]
        if given is None:
            if kept is not None and HIDDEN in kept:
                raise UserError(f"--storage is needed again, for the password of {kept}")
            return str(kept) if kept is not None else None
        if hide_password(given) != kept:
            raise UserError(
                f"--storage is {hide_password(given)}, but the sweep in {self.path} is kept in "
                f"{kept or 'its own folder'}"
            )
        return given

    def discard(self) -> None:
        """Take back what `create` wrote of a sweep that could not begin."""
        clear(self.path)
        with contextlib.suppress(OSError):  # it holds what others wrote
            self.path.rmdir()

    def close(self) -> None:
        """Let another process hold the folder."""
        self._lock.close()


def require_unshared(path: Path, storage: str | None, study: str) -> None:
    """Raise UserError where a folder's sweep is part of the study that is to be begun: its trials
    there cannot be replaced, and those it left running would be waited for."""
    before = read_settings(path)
    if storage is not None and (before["storage"], before["study"]) == (
        hide_password(storage),
        study,
    ):
        raise UserError(
            f"--overwrite would leave the trials of {path} in the study {study!r} of "
            f"{before['storage']}; give --resume to continue it, or another --study"
        )


def clear(path: Path) -> None:
    """Remove what a sweep wrote, and nothing else; sweep.json last."""
    for name in WRITTEN:
        if (path / name).is_dir():
            shutil.rmtree(path / name)
        else:
            (path / name).unlink(missing_ok=True)


def read_settings(path: Path) -> dict[str, Any]:
    """Content of a sweep's sweep.json.

    Raises:
        UserError: there is none, or something that no sweep wrote.
    """
    file = path / "sweep.json"
    try:
        settings = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"--out {path}: holds no sweep (sweep.json is missing)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error})") from error
    if not isinstance(settings, dict) or NEEDED - set(settings):
        raise UserError(f"{file}: is not what a sweep writes; name another folder")
    return settings


def space_of(settings: dict[str, Any], recipe: Recipe, file: Path) -> Space:
    """The space of a sweep; a UserError that names the file if today's recipes have none such."""
    try:
        return parse_space(settings["space"], recipe)
    except UserError as error:
        raise UserError(f"{file}: cannot be resumed, begin anew ({error})") from error


def has_curves(settings: Mapping[str, Any]) -> bool:
    """True if a sweep evaluates the training data after every epoch; the first sweeps all did."""
    return bool(settings.get("curves", True))


def parse_settings(settings: dict[str, Any], file: Path) -> tuple[Plan, Recipe, Space]:
    """Plan, recipe and space of a sweep.

    Raises:
        UserError: a value is not what a sweep writes.
    """
    try:
        recipe = Recipe.from_json(settings["recipe"], str(file))
        if not all(isinstance(device, str) for device in settings["devices"] or [None]):
            raise TypeError("devices")
        if not isinstance(settings["dataset"], dict):
            raise TypeError("dataset")
        return Plan.from_json(settings["plan"]), recipe, space_of(settings, recipe, file)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{file}: is damaged ({error})") from error
