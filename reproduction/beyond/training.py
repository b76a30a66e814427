"""Trains seeds of one setting as a stack, so that they can be interrupted after any epoch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reproduction.beyond.predictions import Average, ensemble_accuracy
from reproduction.beyond.rung import Setting
from reproduction.beyond.training_folder import AVERAGES, Progress, TrainingFolder
from reproduction.results import rounded
from sweeps.engine.data import without_test
from sweeps.engine.execution import VALIDATION, trainer
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.history import Epoch, Evaluation
from twingrad.network import Network
from twingrad.recipe import Recipe
from twingrad.schedule import Plan
from twingrad.stacks import initial_parameters
from twingrad.training import Checkpoint, Diverged, Learner, Run, State


@dataclass(frozen=True)
class Job:
    """Trainings to run side by side, none of them finished, all after as many epochs.

    Arguments:
        setting: what is trained.
        seeds: of each training.
        backend, device: what trains it.
    """

    setting: Setting
    seeds: tuple[int, ...]
    backend: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        """For people."""
        seeds = ",".join(map(str, self.seeds))
        return f"{self.setting.training}, {self.backend}, seed {seeds}"

    @property
    def recipes(self) -> list[Recipe]:
        """What is trained."""
        return [self.setting.recipe(seed) for seed in self.seeds]


def folder_of(root: Path, training: str, backend: str, seed: int) -> TrainingFolder:
    """Where a training is kept."""
    return TrainingFolder(root / training / f"{backend}-{seed}")


def check_of(root: Path, setting: Setting) -> Path:
    """Where the cross-check of its recipe is kept."""
    return root / setting.training / "check.json"


def run_job(job: Job, dataset: Dataset, root: Path) -> None:
    """Trains what the folders do not hold yet. The test images are not used.

    Arguments:
        job: what to train.
        dataset: in the recipes' dtype.
        root: holds the folders of all trainings.
    """
    recipes = job.recipes
    folders = [folder_of(root, job.setting.training, job.backend, seed) for seed in job.seeds]
    dataset = without_test(dataset)
    network = recipes[0].network(dataset.training.X.shape[1], dataset.classes)
    plan = recipes[0].plan_for(dataset)
    known = [folder.load_progress() for folder in folders]
    progress = [one or Progress({}, {kind: Average() for kind in AVERAGES}) for one in known]
    clock = Clock()

    def save(checkpoint: Checkpoint) -> None:
        seconds, processor_seconds = clock.lap()
        for i, (one, folder) in enumerate(zip(progress, folders, strict=True)):
            if checkpoint.diverged[i] is not None:
                continue
            epoch = checkpoint.histories[i][-1]
            assert epoch.validation is not None
            one.state = checkpoint.states[i]
            one.costs.append(rounded(float(np.mean(epoch.costs))))
            one.validation.append(epoch.validation.accuracy)
            one.seconds += seconds / len(job.seeds)
            one.processor_seconds += processor_seconds / len(job.seeds)
            keep_members(one, folder, network, plan, epoch.update)
            folder.save_progress(one)
        clock.lap()  # saving is not counted

    train, options = trainer(job.backend, job.device)
    outcomes = train(
        recipes,
        dataset,
        start=checkpoint_of(progress, plan),
        save=save,
        evaluate=VALIDATION,
        **options,
    )
    for one, folder, outcome in zip(progress, folders, outcomes, strict=True):
        finish(job, one, folder, outcome, dataset, network)


class Clock:
    """Seconds by the clock, and of all the process's threads, since the last lap."""

    def __init__(self) -> None:
        self.before = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        before, self.before = self.before, (time.perf_counter(), time.process_time())
        return self.before[0] - before[0], self.before[1] - before[1]


def keep_members(
    progress: Progress, folder: TrainingFolder, network: Network, plan: Plan, update: int
) -> None:
    """Adds the state after an update to the averages it belongs to; keeps it at a cycle's end."""
    cycle, total = 2 * plan.half_cycle, len(plan.learning_rates)
    names = list(network.parameter_shapes)
    if update > total - cycle:
        progress.averages["cycle-average"].add(progress.state, names)
    if update > total - plan.half_cycle:
        progress.averages["fall-average"].add(progress.state, names)
    if update % cycle == 0 and update < total:
        folder.save_state(f"snapshot-{update // cycle}", needed(progress.state, network))


def needed(state: State, network: Network) -> State:
    """Parameters and running statistics, without what the optimiser remembers."""
    return {name: state[name] for name in network.parameter_shapes | network.statistic_shapes}


def checkpoint_of(progress: Sequence[Progress], plan: Plan) -> Checkpoint | None:
    """Where `train_stack` goes on; None at the beginning.

    Of the epochs before, only their number and the last validation accuracy matter.
    """
    epochs = progress[0].epochs
    if epochs == 0:
        return None
    histories = [
        [
            Epoch(
                epoch=number,
                update=min(number * plan.updates_per_epoch, len(plan.learning_rates)),
                training=None,
                validation=Evaluation(np.nan, np.nan, accuracy),
                learning_rates=(),
                seconds=0.0,
            )
            for number, accuracy in enumerate(one.validation, start=1)
        ]
        for one in progress
    ]
    return Checkpoint(epochs, histories, [None] * len(progress), [one.state for one in progress])


def finish(
    job: Job,
    progress: Progress,
    folder: TrainingFolder,
    outcome: Run | Diverged,
    dataset: Dataset,
    network: Network,
) -> None:
    """Keeps the parameters, evaluates every variant on the validation data and records it all."""
    values: dict[str, Any] = {
        "recipe": outcome.recipe.as_json(),
        "backend": job.backend,
        "device": job.device,
        "stack": len(job.seeds),
        "costs": progress.costs,
        "validation_curve": progress.validation,
        "seconds": rounded(progress.seconds),
        "processor_seconds": rounded(progress.processor_seconds),
        "environment": environment(job.device),
        "data": dataset.identity["digest"],
    }
    if isinstance(outcome, Diverged):
        folder.finish(values | {"diverged": {"update": outcome.update}})
        return
    folder.save_state("last", outcome.parameters | outcome.statistics)
    means = {kind: progress.averages[kind].mean(outcome.recipe.dtype) for kind in AVERAGES}
    for kind, mean in {"precise": outcome.parameters, **means}.items():
        state = with_statistics(job, outcome.recipe, network, dataset, mean, outcome.statistics)
        folder.save_state(kind, state)
    values["training"] = outcome.final["training"].accuracy
    values["validation"] = evaluations(
        folder, network, dataset.validation, job.backend, ALL_EVALUATIONS
    )
    folder.finish(values)


def with_statistics(
    job: Job,
    recipe: Recipe,
    network: Network,
    dataset: Dataset,
    mean: State,
    statistics: State,
) -> State:
    """Averaged parameters with running statistics of the whole training set.

    Arguments:
        statistics: running ones of the last parameters; they are replaced.
    """
    if not network.statistic_shapes:
        return mean
    learner = learner_of(job, recipe, network, dataset)
    memory = {name: np.zeros_like(value) for name, value in learner.state()[0].items()}
    learner.restore([memory | mean | statistics | {"updates": np.array(1)}])
    learner.take_precise_statistics()
    return needed(learner.state()[0], network)


def learner_of(job: Job, recipe: Recipe, network: Network, dataset: Dataset) -> Learner:
    """One network of the job's backend."""
    parameters = initial_parameters(network, [recipe])
    if job.backend == "torch":
        from torch_impl.training import TorchLearner

        return TorchLearner([recipe], network, dataset, parameters, job.device)
    from manual_impl.training import ManualLearner

    return ManualLearner([recipe], network, dataset, parameters)


ALL_EVALUATIONS = tuple(
    variant + flips
    for variant in ("last", "precise", *AVERAGES, "snapshots")
    for flips in ("", "+flips")
)


def evaluations(
    folder: TrainingFolder,
    network: Network,
    split: Any,
    backend: str,
    wanted: Sequence[str],
) -> dict[str, float]:
    """The accuracy of each evaluation on a part of the data."""
    found = {}
    for evaluation in wanted:
        variant, _, flips = evaluation.partition("+")
        members = folder.snapshots() if variant == "snapshots" else [folder.load_state(variant)]
        found[evaluation] = ensemble_accuracy(network, members, split, backend, flips=bool(flips))
    return found
