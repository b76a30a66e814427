"""Finish a training of the ladder: store parameters, and evaluate on the validation data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reproduction.beyond.job import Job
from reproduction.beyond.predictions import ensemble_accuracy
from reproduction.beyond.training_folder import AVERAGES, Progress, TrainingFolder
from reproduction.results import rounded
from twingrad.dataset import Dataset, Split
from twingrad.environment import environment
from twingrad.network import Network
from twingrad.recipe import Recipe
from twingrad.stacks import initial_parameters
from twingrad.training import Diverged, Learner, Run, State


def finish(
    job: Job,
    progress: Progress,
    folder: TrainingFolder,
    outcome: Run | Diverged,
    dataset: Dataset,
    network: Network,
) -> None:
    """Store the parameters, and record the accuracy of every variant on the validation data."""
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
    split: Split,
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


def needed(state: State, network: Network) -> State:
    """Parameters and running statistics, without the optimiser's state."""
    return {name: state[name] for name in network.parameter_shapes | network.statistic_shapes}
