"""The folder of a sweep.

sweep.json       the options, written first
study.journal    the study, unless --storage names a database
trials/          recipe and curves of every trial that ended here
results.json, results.csv, report.html
lock             held by the process that runs the sweep
chosen/          the run folder of the final choice
"""

import contextlib
import json
import platform
import shutil
import uuid
from pathlib import Path
from types import UnionType
from typing import IO, Any

from sweeps.study.setup import Setup
from sweeps.study.storage import HIDDEN, JOURNAL, hide_password
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.files import write_json
from twingrad.locks import hold
from twingrad.run_folder import make_folder

NEEDED: dict[str, type | UnionType] = {
    "space": list,
    "plan": dict,
    "recipe": dict,
    "data": str,
    "dataset": dict,
    "backend": str,
    "devices": list,
    "storage": str | None,
    "study": str,
    "owner": str,
}
"""Keys of sweep.json that resuming needs, and their types."""

WRITTEN = (
    *("chosen", "trials", "report.html", "results.csv", "results.json"),
    *(JOURNAL, "lock", "sweep.json"),
)
"""Everything that a sweep writes."""


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
        self.setup = Setup.from_json(settings, path / "sweep.json")
        self._lock: IO[str] = hold(path, "sweep")

    @classmethod
    def create(
        cls,
        path: Path,
        setup: Setup,
        *,
        storage: str | None,
        study: str,
        stack: int | None,
        overwrite: bool,
    ) -> "SweepFolder":
        """Start a new sweep.

        Arguments:
            path: an empty or missing folder, or with `overwrite` one that holds a sweep.
            setup: of the sweep.
            storage, study: where the study is kept; None for a journal in the folder.
            stack: size of the largest stack; None if the user did not set it.

        Raises:
            UserError: the folder already holds a sweep or something else, or is in use.
        """
        hidden = None if storage is None else hide_password(storage)
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
            before = read_settings(path)
            if storage is not None and (before["storage"], before["study"]) == (hidden, study):
                raise UserError(
                    f"--overwrite would leave the trials of {path} in the study {study!r} of "
                    f"{hidden}; give --resume to continue it, or another --study"
                )
            clear(path)
        make_folder(path)
        settings = {
            **setup.as_json(),
            "storage": hidden,
            "study": study,
            "stack": stack,
            "owner": f"{platform.node()} {uuid.uuid4().hex[:12]}",
            "environment": environment(setup.devices[0]),
        }
        folder = cls(path, settings)
        (path / "trials").mkdir(exist_ok=True)
        write_json(path / "sweep.json", settings)  # last: it makes the folder a sweep's
        return folder

    @classmethod
    def reopen(cls, path: Path) -> "SweepFolder":
        """Open an interrupted or finished sweep; UserError if there is none."""
        return cls(path, read_settings(path))

    def address(self, given: str | None) -> str | None:
        """The address of the study's database, None for the journal.

        Arguments:
            given: the address with its password, which sweep.json does not hold; None if the user
                gave none.

        Raises:
            UserError: the address is another one, or is needed for its password.
        """
        kept: str | None = self.settings["storage"]
        if given is None:
            if kept is not None and HIDDEN in kept:
                raise UserError(f"--storage is needed again, for the password of {kept}")
            return kept
        if hide_password(given) != kept:
            raise UserError(
                f"--storage is {hide_password(given)}, but the sweep in {self.path} is kept in "
                f"{kept or 'its own folder'}"
            )
        return given

    def discard(self) -> None:
        """Remove what `create` wrote."""
        clear(self.path)
        with contextlib.suppress(OSError):  # the folder holds other files
            self.path.rmdir()

    def close(self) -> None:
        """Release the folder to other processes."""
        self._lock.close()


def clear(path: Path) -> None:
    """Remove what a sweep wrote and nothing else; sweep.json last."""
    for name in WRITTEN:
        if (path / name).is_dir():
            shutil.rmtree(path / name)
        else:
            (path / name).unlink(missing_ok=True)


def read_settings(path: Path) -> dict[str, Any]:
    """Read the sweep.json of a folder.

    Raises:
        UserError: there is none, or it is not a sweep's.
    """
    file = path / "sweep.json"
    try:
        settings = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"--out {path}: holds no sweep (sweep.json is missing)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error})") from error
    if not isinstance(settings, dict) or NEEDED.keys() - settings.keys():
        raise UserError(f"{file}: is not the sweep.json of a sweep; name another folder")
    for key, kind in {**NEEDED, "stack": int | None}.items():
        if not isinstance(settings.get(key), kind):
            raise UserError(f"{file}: is damaged ({key} is {settings.get(key)!r:.40})")
    return settings
