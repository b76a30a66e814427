"""Both implementations trained side by side in float64, compared after every update."""

from collections.abc import Mapping
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
"""Relative, per tensor, of two float64 trainings in lockstep."""


@dataclass(frozen=True)
class Lockstep:
    """Two float64 trainings from the same start on the same minibatches.

    Arguments:
        judged: the updates that must agree.
        tolerance: relative to each tensor; absolute for biases below a batch norm.
        worst: per update, the largest difference of any parameter or running statistic.
        worst_tensor: the tensor that has the largest of these within the judged updates.
        parted_at: the first update, judged or beyond, that differs by more; None if none did.
        parted_tensor: which tensor did so.
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
        """Every field and the verdict; an infinite difference becomes a string."""
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
) -> Lockstep:
    """Trains both in float64 and compares every tensor after every update.

    Arguments:
        recipe: its schedule and order are followed from update 1.
        dataset: float32 or float64; both sides compute in float64.
        first, second: the implementations.
        judged: the updates that must agree.
        updates: how many to do; those beyond `judged` tell when, if ever, they part.
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
    for t in range(updates):
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
    """What one update of an epoch takes, counted from 0."""
    one = slice(row, row + 1)
    augmentation = inputs.augmentation
    return EpochInputs(
        inputs.order[one],
        inputs.learning_rates[:, one],
        {name: mask[one] for name, mask in inputs.masks.items()},
        augmentation
        and Augmentation(augmentation.flip[one], augmentation.shift[one], augmentation.jitter[one]),
    )


def distance(
    name: str,
    one: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    zeros: Mapping[str, str],
) -> float:
    """Largest difference relative to the tensor; absolute for a bias that never truly moves."""
    difference = float(np.abs(one[name] - other[name]).max())
    if not np.isfinite(difference):
        return np.inf
    if name in zeros and name.startswith("b"):
        return difference
    magnitude = float(np.abs(one[name]).max())
    return difference / magnitude if magnitude else difference
