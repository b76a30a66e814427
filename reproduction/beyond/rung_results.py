"""The ladder's results so far: the accuracies of every finished rung."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.beyond.choice import OTHER, chosen, deciding_seeds, validation
from reproduction.beyond.finishing import evaluations
from reproduction.beyond.job import check_of, folder_of
from reproduction.beyond.rung import Rung, Setting
from reproduction.beyond.training_folder import TrainingFolder
from reproduction.published.commands import train_options
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.files import write_json


@dataclass(frozen=True)
class RungResult:
    """A rung whose trainings are all finished. Accuracies are in %, one for each seed.

    Arguments:
        key, title, against, group: of the rung.
        label, training, evaluation: of the chosen setting.
        options: the options of `twingrad train` for its first seed.
        tried: validation accuracy of every setting of the rung over the deciding seeds.
        training_accuracies, validation, test: of the chosen setting.
        curve: mean validation accuracy after every epoch, of the last parameters.
        processor_seconds: of each training of one network.
        processor: of the machine that trained the first seed.
        epochs: number of epochs of a training.
        other_test: of the first seeds with the other backend; empty until all of these are trained.
        check: the result of the recipe's cross-check.
    """

    key: str
    title: str
    against: str
    group: str
    label: str
    training: str
    evaluation: str
    options: Sequence[str]
    tried: Mapping[str, float]
    training_accuracies: Sequence[float]
    validation: Sequence[float]
    test: Sequence[float]
    curve: Sequence[float]
    processor_seconds: Sequence[float]
    processor: str
    epochs: int
    other_test: Sequence[float]
    check: Mapping[str, Any]


@dataclass(frozen=True)
class LadderResults:
    """Every finished rung, and the progress of the others.

    Arguments:
        rungs: by key, in the ladder's order.
        waiting: for every other rung, the number of finished trainings and of all its trainings.
        about: machine, versions, data; ready for JSON.
    """

    rungs: Mapping[str, RungResult]
    waiting: Mapping[str, tuple[int, int]]
    about: Mapping[str, Any]

    @property
    def processors(self) -> list[str]:
        """The processors that trained the finished rungs, in the ladder's order."""
        return list(dict.fromkeys(rung.processor for rung in self.rungs.values()))

    def save(self, path: Path) -> None:
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "LadderResults":
        """Load what `save` wrote.

        Raises:
            UserError: it cannot be read.
        """
        try:
            fields = json.loads(path.read_text())
            # a file without processors is of one machine
            machine = {"processor": fields["about"]["environment"]["processor"]}
            rungs = {key: RungResult(**machine | rung) for key, rung in fields["rungs"].items()}
            waiting = {key: (done, needed) for key, (done, needed) in fields["waiting"].items()}
            return cls(rungs, waiting, fields["about"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: no results of the ladder ({error})") from error


def collect(
    root: Path, ladder: Sequence[Rung], dataset: Dataset, backend: str
) -> Mapping[str, RungResult]:
    """Collect the finished rungs. Test images are predicted only here, after everything was chosen.

    Arguments:
        root: the folder that contains all trainings.
        ladder: all rungs that may be finished.
        dataset: in the recipes' dtype.
        backend: the main backend.

    Raises:
        UserError: the trainings used other data.
    """
    found = {}
    for rung in ladder:
        setting = chosen(root, rung, backend)
        if setting is None or progress_of(root, rung, backend)[0] < setting.seeds:
            continue
        result = result_of(root, rung, setting, dataset, backend)
        if result is not None:
            found[rung.key] = result
    return found


def progress_of(root: Path, rung: Rung, backend: str) -> tuple[int, int]:
    """The number of finished trainings of the chosen setting, and of all its trainings."""
    setting = chosen(root, rung, backend) or rung.settings[0]
    done = [
        folder_of(root, setting.training, backend, seed).finished for seed in range(setting.seeds)
    ]
    return sum(done), len(done)


def result_of(
    root: Path, rung: Rung, setting: Setting, dataset: Dataset, backend: str
) -> RungResult | None:
    """A rung's result from the trainings of the chosen setting; None if one diverged.

    Raises:
        UserError: they used other data.
    """
    folders = [folder_of(root, setting.training, backend, seed) for seed in range(setting.seeds)]
    runs = [folder.read() for folder in folders]
    if any("diverged" in run for run in runs):
        return None
    for folder, run in zip(folders, runs, strict=True):
        if run["data"] != dataset.identity["digest"]:
            raise UserError(
                f"{folder.path}: was trained on data of digest {run['data']}, but these have "
                f"{dataset.identity['digest']}; give the same --data, or another --out"
            )
    recipe = setting.recipe(0)
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)

    def test_of(folder: TrainingFolder, which: str) -> float:
        known = folder.read("test.json")
        if setting.evaluation not in known:
            known = evaluations(folder, network, dataset.test, which, [setting.evaluation])
            folder.record_test(known)
        return percent(known[setting.evaluation])

    twins = [folder_of(root, setting.training, OTHER[backend], i) for i in range(rung.twins)]
    known = all(twin.finished and "diverged" not in twin.read() for twin in twins)
    return RungResult(
        key=rung.key,
        title=rung.title,
        against=rung.against,
        group=rung.group,
        label=setting.label,
        training=setting.training,
        evaluation=setting.evaluation,
        options=list(train_options(recipe)),
        tried=tried_of(root, rung, backend),
        training_accuracies=[percent(run["training"]) for run in runs],
        validation=[percent(run["validation"][setting.evaluation]) for run in runs],
        test=[test_of(folder, backend) for folder in folders],
        curve=[percent(float(a)) for a in np.mean([r["validation_curve"] for r in runs], axis=0)],
        processor_seconds=[run["processor_seconds"] for run in runs],
        processor=runs[0]["environment"]["processor"],
        epochs=len(runs[0]["costs"]),
        other_test=[test_of(twin, OTHER[backend]) for twin in twins] if known else [],
        check=json.loads(check_of(root, setting).read_text()),
    )


def tried_of(root: Path, rung: Rung, backend: str) -> dict[str, float]:
    """The validation accuracy, in %, by which each setting was compared."""
    seeds = deciding_seeds(rung)
    found = {setting.label: validation(root, setting, backend, seeds) for setting in rung.settings}
    return {label: percent(value) for label, value in found.items() if value is not None}


def percent(accuracy: float) -> float:
    """Accuracy in percent, with two decimals because there are 10,000 test images."""
    return round(100 * accuracy, 2)
