"""Train seeds of one setting as a stack that can be interrupted after any epoch."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reproduction.beyond.finishing import finish, needed
from reproduction.beyond.job import Job, folder_of
from reproduction.beyond.predictions import Average
from reproduction.beyond.training_folder import AVERAGES, Progress, TrainingFolder
from reproduction.results import rounded
from sweeps.engine.data import without_test
from sweeps.engine.execution import VALIDATION, trainer
from twingrad.dataset import Dataset
from twingrad.history import Epoch, Evaluation
from twingrad.network import Network
from twingrad.schedule import Plan
from twingrad.training import Checkpoint


def run_job(job: Job, dataset: Dataset, root: Path) -> None:
    """Train what the folders do not contain yet. The test images are not used.

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
    """Wall time and processor time of the process, in seconds, since the last lap."""

    def __init__(self) -> None:
        self.before = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        before, self.before = self.before, (time.perf_counter(), time.process_time())
        return self.before[0] - before[0], self.before[1] - before[1]


def keep_members(
    progress: Progress, folder: TrainingFolder, network: Network, plan: Plan, update: int
) -> None:
    """Add the state after an update to its averages, and store it at the end of a cycle."""
    cycle, total = 2 * plan.half_cycle, len(plan.learning_rates)
    names = list(network.parameter_shapes)
    if update > total - cycle:
        progress.averages["cycle-average"].add(progress.state, names)
    if update > total - plan.half_cycle:
        progress.averages["fall-average"].add(progress.state, names)
    if update % cycle == 0 and update < total:
        folder.save_state(f"snapshot-{update // cycle}", needed(progress.state, network))


def checkpoint_of(progress: Sequence[Progress], plan: Plan) -> Checkpoint | None:
    """The checkpoint from which `train_stack` continues; None at the beginning.

    Of the earlier epochs, only their number and the last validation accuracy are needed.
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
