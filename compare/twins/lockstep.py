"""Train both implementations side by side in float64, and compare them after every update."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from compare.numerics.agreement import Verdict
from compare.numerics.structure import structural_zeros
from twingrad.augmentation import Augmentation
from twingrad.contract import Implementation
from twingrad.dataset import Dataset
from twingrad.initialization import initialize
from twingrad.minibatches import EpochInputs
from twingrad.recipe import Recipe

LOCKSTEP = 1e-9
"""Maximum difference of two float64 trainings in lockstep, relative to each tensor."""


@dataclass(frozen=True)
class Lockstep:
    """Two float64 trainings from the same start on the same minibatches.

    Arguments:
        judged: number of updates that must agree.
        tolerance: relative to each tensor; absolute for biases below a batch norm.
        worst: for each update, the largest difference of any parameter or running statistic.
        worst_tensor: the tensor with the largest difference within the judged updates.
        parted_at: the first update, judged or not, beyond the tolerance; None if there is none.
        parted_tensor: the tensor with the largest difference at that update.
    """

    judged: int
    tolerance: float
    worst: tuple[float, ...]
    worst_tensor: str
    parted_at: int | None
    parted_tensor: str | None

    @property
    def verdict(self) -> Verdict:
        parted = self.parted_at is not None and self.parted_at <= self.judged
        return "disagree" if parted else "agree"

    def as_json(self) -> dict[str, Any]:
        """Every field and the verdict, ready for JSON; infinite differences become strings."""
        fields = asdict(self)
        fields["worst"] = [w if np.isfinite(w) else repr(w) for w in self.worst]
        return {"verdict": self.verdict, **fields}


def lockstep(
    recipe: Recipe,
    dataset: Dataset,
    first: Implementation,
    second: Implementation,
    *,
    judged: int = 200,
    updates: int = 450,
    watched: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> Lockstep:
    """Train both in float64, and compare every tensor after every update.

    Arguments:
        recipe: its schedule and order are followed from the first update.
        dataset: float32 or float64; both sides compute in float64.
        first, second: the implementations.
        judged: number of updates that must agree.
        updates: number of updates to run; those after `judged` show when the two part, if ever.
        watched: yields the numbers of the updates that it is given, to show how far it is.
    """
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    recipe = replace(recipe, dtype="float64")
    plan = recipe.plan_for(dataset)
    parameters = initialize(network, recipe.initialization, recipe.seed)
    learners = [side.learner([recipe], network, dataset, [parameters]) for side in (first, second)]
    zeros = structural_zeros(network, recipe.batch_size)
    names = (*network.parameter_shapes, *network.statistic_shapes)

    worst: list[float] = []
    worst_tensors: list[str] = []
    updates = min(updates, len(plan.learning_rates))
    for t in watched(range(updates)):
        epoch, row = divmod(t, plan.updates_per_epoch)
        if row == 0:
            inputs = recipe.inputs(network, epoch, plan)
        for learner in learners:
            learner.run_epoch(single_update(inputs, row))
        one, other = (learner.state()[0] for learner in learners)
        differences = {name: distance(name, one, other, zeros) for name in names}
        worst_tensors.append(max(differences, key=lambda name: differences[name]))
        worst.append(differences[worst_tensors[-1]])
    parted = next((t for t, w in enumerate(worst) if not w <= LOCKSTEP), None)
    judged = min(judged, updates)
    return Lockstep(
        judged=judged,
        tolerance=LOCKSTEP,
        worst=tuple(worst),
        worst_tensor=worst_tensors[int(np.argmax(worst[:judged]))],
        parted_at=None if parted is None else parted + 1,
        parted_tensor=None if parted is None else worst_tensors[parted],
    )


def single_update(inputs: EpochInputs, row: int) -> EpochInputs:
    """The inputs of one update of an epoch, numbered from 0."""
    rows = slice(row, row + 1)
    augmentation = inputs.augmentation
    return EpochInputs(
        inputs.order[rows],
        inputs.learning_rates[:, rows],
        {name: mask[rows] for name, mask in inputs.masks.items()},
        augmentation
        and Augmentation(
            augmentation.flip[rows], augmentation.shift[rows], augmentation.jitter[rows]
        ),
    )


def distance(
    name: str,
    one: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    zeros: Mapping[str, str],
) -> float:
    """Maximum difference relative to the tensor; absolute for a bias whose gradient is zero."""
    difference = float(np.abs(one[name] - other[name]).max())
    if not np.isfinite(difference):
        return np.inf
    if name in zeros and name.startswith("b"):
        return difference
    magnitude = float(np.abs(one[name]).max())
    return difference / magnitude if magnitude else difference
