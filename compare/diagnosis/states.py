"""Follow a short training for what no gradient check sees: updates, running statistics, evaluation.

Parameters and running statistics are recorded after every update, in one of several settings.
Everything with a `learner` (see `twingrad.contract`) can be compared: both implementations, and
adapters.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.cases import random_case
from compare.numerics.agreement import TensorVerdict, judge
from compare.numerics.structure import structural_zeros
from twingrad.dataset import Dataset, Split
from twingrad.history import Part
from twingrad.initialization import initialize
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.schedule import learning_rates
from twingrad.streams import stream
from twingrad.training import Learner

UPDATES, HALF_CYCLE, BATCH = 8, 3, 10

SCHEDULED = 6 * HALF_CYCLE
"""Number of updates for which a schedule is compared: three cycles."""

STATE_TOLERANCE = 1e-10
"""Tolerance relative to the tensor: generous for the rounding of eight updates in float64."""

PARTS: tuple[Part, ...] = ("validation", "test")
"""The parts of the data set that are evaluated, in this order."""

States = dict[str, np.ndarray]
"""By name, after every update: W1 (updates, out, in), mu1 (updates, m), ...; "cost" (updates,)
before each; "evaluation of validation" and "evaluation of test" with cost, loss, accuracy; and
"mu1 after evaluation", ..., "learning rate" (updates,) where there is a schedule."""


ADAM = {"optimizer": "adam", "normalization": "none", "eta_min": 0.002, "eta_max": 0.05}
"""Without batch norm, because the gradient of b below it is zero in theory, and Adam, which divides
a gradient by its magnitude, would turn its rounding into visible steps."""

SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"optimizer": "momentum"},
    "nesterov": {"optimizer": "nesterov"},
    "adam": ADAM,
    "adamw": ADAM | {"decoupled": True},
    "cosine": {"schedule": "cosine"},
    "step": {"schedule": "step"},
}
"""By name of the setting, the options that differ from the default in `recipe_of`."""


def recipe_of(name: str) -> Recipe:
    """The recipe of a setting."""
    options: dict[str, Any] = {"eta_min": 0.01, "eta_max": 0.2, "normalization": "batch"}
    options |= SETTINGS[name]
    return Recipe(
        hidden=(6, 5),
        penalty=0.05,
        half_cycle=HALF_CYCLE,
        batch_size=BATCH,
        dtype="float64",
        **options,
    )


def setting(name: str = "sgd") -> tuple[Recipe, Network, Dataset, Parameters]:
    """A small training in which every mistake is visible.

    Arguments:
        name: one of `SETTINGS`.
    """
    recipe = recipe_of(name)
    network = recipe.network(8, 10)
    rng = stream(0, "states")

    def split(n: int, shift: float) -> Split:
        return Split(shift + rng.standard_normal((n, 8)), rng.integers(10, size=n))

    # the test set is off centre, so that standardising it by itself shows
    dataset = Dataset(split(40, 0.0), split(24, 0.1), split(21, 0.5), 10, identity={})
    parameters = random_case(network, 2, penalty=0.0, seed=5).parameters
    return (
        recipe,
        network,
        dataset,
        initialize(network, "he", 1)
        | {name: value for name, value in parameters.items() if name[0] != "W"},
    )


def zeros_of(name: str) -> dict[str, str]:
    """The biases below a batch norm in a setting, whose gradients are zero in theory."""
    return structural_zeros(recipe_of(name).network(8, 10), BATCH)


def course(implementation: Any, name: str = "sgd") -> States:
    """Train with an implementation's learner and record every state.

    Arguments:
        implementation: has `learner(recipes, network, dataset, parameters)`, and perhaps
            `learning_rates(updates, half_cycle, eta_min, eta_max)`, its schedule.
        name: one of `SETTINGS`.
    """
    recipe, network, dataset, parameters = setting(name)
    learner: Learner = implementation.learner([recipe], network, dataset, [parameters])
    order = stream(0, "order").integers(len(dataset.training), size=(UPDATES, BATCH))
    numbers = (HALF_CYCLE, recipe.eta_min, recipe.eta_max)
    rates = learning_rates(recipe.schedule, UPDATES, *numbers, recipe.step_factor)
    names = [*network.parameter_shapes, *network.statistic_shapes]
    series: dict[str, list[np.ndarray]] = {name: [] for name in ("cost", *names)}
    for t in range(UPDATES):
        costs = learner.run_epoch(EpochInputs(order[t : t + 1], rates[None, t : t + 1], {}, None))
        series["cost"].append(np.asarray(costs, np.float64).reshape(-1)[:1])
        [state] = learner.state()
        for name in names:
            series[name].append(np.asarray(state[name], np.float64))
    states = {name: np.stack(values) for name, values in series.items()}
    for part in PARTS:
        [evaluation] = learner.evaluate(part)
        states[f"evaluation of {part}"] = np.array(
            [evaluation.cost, evaluation.loss, evaluation.accuracy]
        )
    [after] = learner.state()
    states |= {
        f"{name} after evaluation": np.asarray(after[name], np.float64)
        for name in network.statistic_shapes
    }
    schedule = getattr(implementation, "learning_rates", None)
    if callable(schedule):
        states["learning rate"] = np.asarray(schedule(SCHEDULED, *numbers), np.float64)
    return states


def judge_states(
    witness: str,
    expected: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    name: str = "sgd",
) -> list[TensorVerdict]:
    """Judge every state against the witness's; an index begins with the update."""
    zeros, verdicts = zeros_of(name), []
    for tensor, value in found.items():
        if tensor not in expected:
            continue
        if value.shape != expected[tensor].shape:
            value = np.full(expected[tensor].shape, np.nan)
        verdicts.append(
            judge(
                tensor,
                witness,
                expected[tensor],
                value,
                relative=STATE_TOLERANCE,
                absolute=STATE_TOLERANCE if tensor in zeros else 0.0,
                note="of the index, the first number is the update, from 0",
            )
        )
    return verdicts


def first_wrong(
    verdicts: list[TensorVerdict],
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
) -> tuple[str, int | None] | None:
    """The first wrong state, and the update (from 1) after which it is wrong.

    If several states first differ after the same update, the cause comes first: the cost before the
    update, then running statistics, then parameters. Evaluation comes last.
    """
    wrong = [verdict.name for verdict in verdicts if verdict.verdict == "disagree"]
    if not wrong:
        return None

    def key(name: str) -> tuple[int, int]:
        update = updates_until_wrong(found[name], expected[name])
        if name.startswith("evaluation") or name.endswith("after evaluation"):
            return UPDATES + 1, 0
        kinds = ["learning rate", "cost", "mu", "v", "W"]
        rank = next((i for i, kind in enumerate(kinds) if name.startswith(kind)), len(kinds))
        return update, rank

    first = min(wrong, key=key)
    update = key(first)[0]
    return first, update if update <= UPDATES else None


def updates_until_wrong(found: np.ndarray, expected: np.ndarray) -> int:
    """The first update, from 1, after which a series differs."""
    if found.shape != expected.shape:
        return 1
    size = float(np.abs(expected).max()) or 1.0
    with np.errstate(invalid="ignore"):  # what is not finite is not near
        near = np.abs(found - expected).reshape(len(expected), -1) <= STATE_TOLERANCE * size
    return int((~near.all(axis=1)).argmax()) + 1
