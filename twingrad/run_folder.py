"""What a run leaves on disk, and how it resumes.

recipe.json             the resolved recipe, the backend and the device
environment.json        machine and versions
dataset.json            the identity of the data
metrics.jsonl           an entry per epoch
checkpoint.safetensors  the state at the end of the last epoch, until the run is finished; what the
                        optimiser remembers of a parameter is called velocity.W1, moment1.W1, ...
parameters.safetensors  parameters and running statistics at the end
summary.json            final training, validation and test evaluation; or where it diverged
figures/                cost, loss, accuracy and learning rate; of a range test also its outcome
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.files import write_json, write_whole
from twingrad.history import Epoch, History
from twingrad.recipe import Recipe


class RunFolder:
    """The folder of one run. `create` starts one, `reopen` continues one."""

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
        """A new run's folder.

        Arguments:
            path: an empty or missing folder, or with `overwrite` one that holds a run.
            recipe, backend, device: what will run.
            identity: of the data, `Dataset.identity`.
            overwrite: removes the run that is there.

        Raises:
            UserError: the folder holds a run already, or something that is not a run.
        """
        if path.exists() and not path.is_dir():
            raise UserError(f"--out {path}: is a file, but a folder was expected")
        if path.is_dir() and any(path.iterdir()):
            if not (path / "recipe.json").is_file():
                raise UserError(f"--out {path}: is not empty and holds no run; name another folder")
            if not overwrite:
                raise UserError(
                    f"--out {path}: already holds a run; name another folder, "
                    "or give --resume to continue it or --overwrite to replace it"
                )
            shutil.rmtree(path)
        make_folder(path)
        folder = cls(path)
        write_json(path / "environment.json", environment(device))
        write_json(path / "dataset.json", identity)
        run = {"backend": backend, "device": device, **recipe.as_json()}
        write_json(path / "recipe.json", run)  # last: with it the folder is a run
        return folder

    @classmethod
    def reopen(cls, path: Path) -> tuple["RunFolder", Recipe, str, str]:
        """An interrupted or finished run: the folder, its recipe, backend and device.

        Raises:
            UserError: there is no run, or its recipe cannot be read.
        """
        folder = cls(path)
        fields = folder._read_json("recipe.json")
        backend, device = fields.pop("backend", "?"), fields.pop("device", "?")
        return folder, Recipe.from_json(fields, str(path / "recipe.json")), backend, device

    def require_same_data(self, identity: dict[str, Any]) -> None:
        """Raises UserError unless the run was made on data of the same content."""
        before, now = self._read_json("dataset.json").get("digest"), identity["digest"]
        if before != now:
            raise UserError(
                f"{self.path / 'dataset.json'}: the run was made on data of digest {before}, "
                f"but these have {now}; resume it on the same data"
            )

    def save_checkpoint(self, history: History, state: dict[str, np.ndarray]) -> None:
        """Saves an epoch's end: first its metrics, then the state that says how many count."""
        lines = "".join(epoch.as_line() + "\n" for epoch in history)
        write_whole(self.path / "metrics.jsonl", lines.encode())
        metadata = {"epoch": str(len(history))}
        write_whole(self.path / "checkpoint.safetensors", save(state, metadata))

    def load_checkpoint(self) -> tuple[History, dict[str, np.ndarray]] | None:
        """The history and state of the last whole epoch; None if there was none yet.

        Raises:
            UserError: the checkpoint or the metrics are damaged.
        """
        path = self.path / "checkpoint.safetensors"
        if not path.exists():
            return None
        try:
            state = load_file(path)
            epochs = int(read_metadata(path)["epoch"])
            lines = (self.path / "metrics.jsonl").read_text().splitlines()[:epochs]
            history = [Epoch.from_line(line) for line in lines]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: cannot be resumed from ({error}); train anew") from error
        if len(history) != epochs:
            raise UserError(
                f"{self.path / 'metrics.jsonl'}: has {len(history)} epochs, but {epochs} were "
                "expected; train anew"
            )
        return history, state

    def finish(self, summary: dict[str, Any], state: dict[str, np.ndarray]) -> None:
        """Writes the end of a run and drops the checkpoint, whose state it holds."""
        write_whole(self.path / "parameters.safetensors", save(state))
        self.record_summary(summary)
        (self.path / "checkpoint.safetensors").unlink(missing_ok=True)

    def record_summary(self, summary: dict[str, Any]) -> None:
        """Writes summary.json alone: what a run that diverged leaves."""
        write_json(self.path / "summary.json", summary)

    def read_summary(self) -> dict[str, Any] | None:
        """The summary of a finished run, None of any other."""
        if not (self.path / "summary.json").exists():
            return None
        return self._read_json("summary.json")

    def read_history(self) -> History:
        """Every epoch in metrics.jsonl; none before the first has ended."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Epoch.from_line(line) for line in lines]

    def read_state(self) -> dict[str, np.ndarray]:
        """Parameters and running statistics of a finished run."""
        return load_file(self.path / "parameters.safetensors")

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            value = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(f"--out {self.path}: holds no run ({name} is missing)") from None
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read as JSON ({error})") from error
        if not isinstance(value, dict):
            raise UserError(f"{path}: holds {type(value).__name__}, but an object was expected")
        return value


def make_folder(path: Path) -> None:
    """Creates the folder and its parents; UserError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {path}: cannot be made ({error.strerror})") from error


def read_metadata(path: Path) -> dict[str, str]:
    """The strings that a safetensors file carries beside its tensors."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length))["__metadata__"]
