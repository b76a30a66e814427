"""The folder of one training of the ladder: checkpoint, kept parameters, what it gave.

checkpoint.safetensors  where an interrupted training continues: state, averages and progress
last.safetensors        parameters and running statistics at the end
precise.safetensors     the same with the statistics of the whole training set
snapshot-N.safetensors  the same at the end of cycle N, but for the last
cycle-average.safetensors, fall-average.safetensors
run.json                recipe, curves, seconds, training and validation accuracies; once finished
test.json               test accuracies of the evaluations that were asked for
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save

from reproduction.beyond.predictions import Average
from twingrad.errors import UserError
from twingrad.files import write_json, write_whole
from twingrad.run_folder import make_folder, read_metadata
from twingrad.training import State

AVERAGES = ("cycle-average", "fall-average")


@dataclass
class Progress:
    """The state of a training at the end of an epoch.

    Arguments:
        state: parameters, running statistics and the optimiser's memory.
        averages: by name, of `AVERAGES`.
        costs, validation: of every epoch, the mean cost of its minibatches and the validation
            accuracy.
        seconds, processor_seconds: trained so far.
    """

    state: State
    averages: dict[str, Average]
    costs: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.validation)


class TrainingFolder:
    """The files of one training."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def finished(self) -> bool:
        return (self.path / "run.json").is_file()

    def read(self, name: str = "run.json") -> dict[str, Any]:
        """The recorded results; {} if there are none."""
        try:
            return json.loads((self.path / name).read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path / name}: cannot be read ({error})") from error

    def finish(self, values: dict[str, Any]) -> None:
        """Record the end of the training and delete its checkpoint."""
        make_folder(self.path)
        write_json(self.path / "run.json", values)
        (self.path / "checkpoint.safetensors").unlink(missing_ok=True)

    def record_test(self, accuracies: dict[str, float]) -> None:
        """Add test accuracies to the recorded results."""
        write_json(self.path / "test.json", self.read("test.json") | accuracies)

    def save_state(self, name: str, state: State) -> None:
        make_folder(self.path)
        write_whole(self.path / f"{name}.safetensors", save(state))

    def load_state(self, name: str) -> State:
        return load_file(self.path / f"{name}.safetensors")

    def snapshots(self) -> list[State]:
        """The states at the ends of all cycles, including the last state."""
        numbers = sorted(
            int(path.stem.split("-")[1]) for path in self.path.glob("snapshot-*.safetensors")
        )
        return [*(self.load_state(f"snapshot-{n}") for n in numbers), self.load_state("last")]

    def save_progress(self, progress: Progress) -> None:
        make_folder(self.path)
        tensors = {f"state/{name}": value for name, value in progress.state.items()}
        for kind, average in progress.averages.items():
            tensors |= {f"{kind}/{name}": value for name, value in average.total.items()}
        about = {
            "counts": {kind: average.count for kind, average in progress.averages.items()},
            "costs": progress.costs,
            "validation": progress.validation,
            "seconds": progress.seconds,
            "processor_seconds": progress.processor_seconds,
        }
        content = save(tensors, {"progress": json.dumps(about)})
        write_whole(self.path / "checkpoint.safetensors", content)

    def epochs_done(self) -> int:
        """The number of epochs in the checkpoint; 0 without one."""
        path = self.path / "checkpoint.safetensors"
        if not path.exists():
            return 0
        return len(json.loads(read_metadata(path)["progress"])["validation"])

    def load_progress(self) -> Progress | None:
        """The progress that was saved last; None if there is none."""
        path = self.path / "checkpoint.safetensors"
        if not path.exists():
            return None
        about = json.loads(read_metadata(path)["progress"])
        parts: dict[str, State] = {kind: {} for kind in ("state", *AVERAGES)}
        for name, value in load_file(path).items():
            kind, _, tensor = name.partition("/")
            parts[kind][tensor] = value
        averages = {kind: Average(about["counts"][kind], parts[kind]) for kind in AVERAGES}
        return Progress(
            parts["state"],
            averages,
            about["costs"],
            about["validation"],
            about["seconds"],
            about["processor_seconds"],
        )
