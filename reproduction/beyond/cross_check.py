"""Check every recipe before it is trained: by hand, by autograd, by complex step."""

from dataclasses import replace
from typing import Any

import numpy as np

from compare.cases import random_case
from compare.numerics.structure import structural_zeros
from compare.twins.gradient_check import check_case
from twingrad.dataset import Dataset, Split
from twingrad.recipe import Recipe
from twingrad.stacks import initial_parameters, stack_inputs
from twingrad.training import State

SAMPLES = 10
"""Number of samples in the gradient check."""

UPDATES = 4
"""Number of updates for which both implementations are trained side by side."""

APART = 1e-9
"""Largest difference of a parameter after them in float64, relative to its tensor. Rounding makes
about 1e-12 of it where the learning rate is small, as it is at the start of these schedules."""

SMALLEST = 1e-6
"""Smallest scale of relative differences: the gradient of b before a batch norm is zero, so only
rounding moves b."""

EVERY_BELOW, ENTRIES = 60, 4
"""Parameters with fewer than the first number of entries are compared with complex step in full,
others at the second number of entries."""


def check_recipe(recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """Whether both implementations compute the recipe's gradients and its first updates alike.

    Arguments:
        recipe: of any dtype; it is checked in float64.
        dataset: its first training images are used for the updates.

    Returns:
        Ready for JSON: "verdict" is "agree" or "disagree", beside the largest differences.
    """
    import manual_impl
    import torch_impl

    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    case = random_case(network, SAMPLES, penalty=recipe.penalty, seed=recipe.seed)
    found = check_case(case, manual_impl, torch_impl, every_below=EVERY_BELOW, entries=ENTRIES)
    apart = updates_apart(recipe, dataset)
    agree = found.verdict == "agree" and apart <= APART
    return {
        "verdict": "agree" if agree else "disagree",
        "network": case.name,
        "tensors": len(found.tensors),
        "gradients apart": max(
            tensor.max_rel or 0.0 for tensor in found.tensors if tensor.scale == "relative"
        ),
        "updates": UPDATES,
        "updates apart": apart,
    }


def updates_apart(recipe: Recipe, dataset: Dataset) -> float:
    """The largest difference of a parameter after a few updates, relative to its tensor.

    Augmentation, dropout, optimiser and schedule are the recipe's. With Adam, parameters whose
    gradient is zero in theory are left out: Adam would turn their rounding into steps.
    """
    from manual_impl.training import ManualLearner
    from torch_impl.training import TorchLearner

    recipe = replace(recipe, dtype="float64")
    n = UPDATES * recipe.batch_size
    training = Split(dataset.training.X[:n].astype(np.float64), dataset.training.y[:n])
    few = replace(dataset, training=training)
    network = recipe.network(training.X.shape[1], dataset.classes)
    inputs = stack_inputs([recipe], network, 0, [recipe.plan(n)])
    states: list[State] = []
    for make in (ManualLearner, TorchLearner):
        learner = make([recipe], network, few, initial_parameters(network, [recipe]))
        learner.run_epoch(inputs)
        states.append(learner.state()[0])
    by_hand, autograd = states
    zeros = structural_zeros(network, recipe.batch_size) if recipe.optimizer == "adam" else {}
    return max(
        float(np.abs(by_hand[name] - autograd[name]).max())
        / max(float(np.abs(autograd[name]).max()), SMALLEST)
        for name in network.parameter_shapes
        if name not in zeros
    )
