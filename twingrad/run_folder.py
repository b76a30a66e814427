"""The files of a run, and how it resumes.

recipe.json             the complete recipe, the backend and the device
environment.json        machine and versions
dataset.json            the identity of the data
metrics.jsonl           one line per epoch
checkpoint.safetensors  the state at the end of the last epoch, until the run is finished; then it
                        stays only if it holds the optimiser's memory (velocity.W1, moment1.W1, ...)
parameters.safetensors  final parameters and running statistics
summary.json            final training, validation and test evaluation, or where it diverged
lock                    held by the process that trains here
figures/                cost, loss, accuracy and learning rate; for a range test also its result
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.files import write_json, write_whole
from twingrad.history import History, history_from
from twingrad.recipe import Recipe

LOCK = "lock"
"""The file that says whether a process trains in a folder."""

BEGINNING = (LOCK, "environment.json", "dataset.json")
"""What a run writes before it is one."""

TEMPORARY = tuple(f".{name}." for name in (*BEGINNING, "recipe.json"))
"""Beginnings of the names of files that were not written to their end."""


class RunFolder:
    """The folder of one run: `create` starts a run, `reopen` continues it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls,
        path: Path,
        recipe: Recipe,
        *,
        backend: str,
        device: str,
        identity: dict[str, Any],
        overwrite: bool = False,
    ) -> "RunFolder":
        """Create the folder of a new run.

        Arguments:
            path: an empty or missing folder, or with `overwrite` one that holds a run.
            recipe, backend, device: of the run.
            identity: of the data, `Dataset.identity`.
            overwrite: remove an existing run.

        Raises:
            UserError: the folder already holds a run, or other files.
        """
        require_free(path, overwrite=overwrite)
        make_folder(path)
        for child in path.iterdir():
            if child.name != LOCK:
                remove(child)
        folder = cls(path)
        write_json(path / "environment.json", environment(device))
        write_json(path / "dataset.json", identity)
        folder.write_recipe(recipe, backend, device)  # last: this file marks the folder as a run
        return folder

    def write_recipe(self, recipe: Recipe, backend: str, device: str) -> None:
        """Write recipe.json."""
        run = {"backend": backend, "device": device, **recipe.as_json()}
        write_json(self.path / "recipe.json", run)

    def extend(self, recipe: Recipe, backend: str, device: str) -> None:
        """Reopen a finished run for more epochs.

        Arguments:
            recipe: that of the run, with more epochs.
            backend, device: those of the run.
        """
        if not (self.path / "checkpoint.safetensors").exists() and self.read_summary():
            history = self.read_history()
            updates = {"updates": np.array(history[-1].update)}
            self.save_checkpoint(history, self.read_state() | updates)
        (self.path / "summary.json").unlink(missing_ok=True)  # first: marks the run as unfinished
        self.write_recipe(recipe, backend, device)

    @classmethod
    def reopen(cls, path: Path) -> tuple["RunFolder", Recipe, str, str]:
        """Open an interrupted or finished run; return the folder, its recipe, backend and device.

        Raises:
            UserError: there is no run, or its recipe cannot be read.
        """
        folder = cls(path)
        fields = folder._read_json("recipe.json")
        backend, device = fields.pop("backend", "?"), fields.pop("device", "?")
        return folder, Recipe.from_json(fields, str(path / "recipe.json")), backend, device

    def require_same_data(self, identity: dict[str, Any]) -> None:
        """Raise UserError if the run was trained on other data."""
        before, now = self._read_json("dataset.json").get("digest"), identity["digest"]
        if before != now:
            raise UserError(
                f"{self.path / 'dataset.json'}: the run was trained on data with digest {before}, "
                f"but got data with digest {now}; resume it on the same data"
            )

    def save_checkpoint(self, history: History, state: dict[str, np.ndarray]) -> None:
        """Save the end of an epoch: first its metrics, then the state, which says how many lines
        of metrics are valid."""
        lines = "".join(epoch.as_line() + "\n" for epoch in history)
        write_whole(self.path / "metrics.jsonl", lines.encode())
        metadata = {"epoch": str(len(history))}
        write_whole(self.path / "checkpoint.safetensors", save(state, metadata))

    def load_checkpoint(self) -> tuple[History, dict[str, np.ndarray]] | None:
        """The history and state of the last complete epoch; None if there is none yet.

        Raises:
            UserError: the checkpoint or the metrics are damaged.
        """
        path = self.path / "checkpoint.safetensors"
        if not path.exists():
            return None
        with damage_reported(path):
            state = load_file(path)
            epochs = int(read_metadata(path)["epoch"])
            lines = (self.path / "metrics.jsonl").read_text().splitlines()[:epochs]
            history = history_from(lines)
        if len(history) != epochs:
            raise UserError(
                f"{self.path / 'metrics.jsonl'}: has {len(history)} epochs, but expected "
                f"{epochs}; train anew"
            )
        return history, state

    def finish(self, summary: dict[str, Any], state: dict[str, np.ndarray]) -> None:
        """Write the final parameters and the summary. The checkpoint is removed, unless it holds
        the optimiser's memory, which more epochs would need."""
        write_whole(self.path / "parameters.safetensors", save(state))
        self.record_summary(summary)
        checkpoint = self.path / "checkpoint.safetensors"
        with suppress(*DAMAGE):
            if set(load_file(checkpoint)) <= {*state, "updates"}:
                checkpoint.unlink()

    def record_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json alone, which is all that a diverged run leaves."""
        write_json(self.path / "summary.json", summary)

    def read_summary(self) -> dict[str, Any] | None:
        """The summary of a finished or diverged run, otherwise None."""
        if not (self.path / "summary.json").exists():
            return None
        return self._read_json("summary.json")

    def read_history(self) -> History:
        """Every epoch in metrics.jsonl; empty before the end of the first.

        Raises:
            UserError: the file is damaged.
        """
        path = self.path / "metrics.jsonl"
        with damage_reported(path):
            lines = path.read_text().splitlines() if path.exists() else []
            return history_from(lines)

    def read_state(self) -> dict[str, np.ndarray]:
        """Parameters and running statistics of a finished run.

        Raises:
            UserError: the file is missing or damaged.
        """
        path = self.path / "parameters.safetensors"
        with damage_reported(path):
            return load_file(path)

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            value = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(f"--out {self.path}: holds no run ({name} is missing)") from None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path}: cannot be read as JSON ({error})") from error
        if not isinstance(value, dict):
            raise UserError(f"{path}: holds {type(value).__name__}, but expected an object")
        return value


DAMAGE = (
    SafetensorError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
    MemoryError,
)
"""Exceptions that reading a damaged file can raise."""


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Convert exceptions from reading a damaged file into a UserError that names it."""
    try:
        yield
    except DAMAGE as error:
        raise UserError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); train anew"
        ) from error


def require_free(path: Path, *, overwrite: bool) -> None:
    """Raise UserError if a run may not start in a folder.

    The folder may be missing, empty, or incomplete because a run was stopped before it started;
    with `overwrite` it may hold a run.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"--out {path}: is a file, but expected a folder")
    names = {child.name for child in path.iterdir()} if path.is_dir() else set()
    if (path / "recipe.json").is_file():
        if not overwrite:
            raise UserError(
                f"--out {path}: already holds a run; name another folder, "
                "or give --resume to continue it or --overwrite to replace it"
            )
    elif any(name not in BEGINNING and not name.startswith(TEMPORARY) for name in names):
        raise UserError(f"--out {path}: is not empty and holds no run; name another folder")


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def make_folder(path: Path) -> None:
    """Create the folder and its parents; raise UserError if that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {path}: cannot be created ({error.strerror})") from error


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length))["__metadata__"]
