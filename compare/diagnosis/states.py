"""What no gradient check sees: parameters and running statistics after updates, and evaluation.

A short training with batch norm is followed update by update. Whoever brings a `learner` (the
contract of `twingrad.contract`) can be compared: both implementations, and adapters of other code.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.cases import random_case
from compare.numerics.agreement import TensorVerdict, judge
from compare.numerics.structure import structural_zeros
from twingrad.dataset import Dataset, Split
from twingrad.initialization import initialize
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.schedule import learning_rates
from twingrad.streams import stream
from twingrad.training import Learner

UPDATES, HALF_CYCLE, BATCH = 8, 3, 10

STATE_TOLERANCE = 1e-10
"""Relative to the tensor: rounding of eight updates in float64, and room."""

States = dict[str, np.ndarray]
"""By name, after every update: W1 (updates, out, in), mu1 (updates, m), ...; "cost" (updates,)
before each; "evaluation of validation" and "evaluation of test" with cost, loss, accuracy; and
"mu1 after evaluation", ..., "learning rate" (updates,) where there is a schedule."""


def setting() -> tuple[Recipe, Network, Dataset, Parameters]:
    """A small training with everything that can go wrong in it."""
    recipe = Recipe(
        hidden=(6, 5),
        penalty=0.05,
        eta_min=0.01,
        eta_max=0.2,
        half_cycle=HALF_CYCLE,
        batch_size=BATCH,
        dtype="float64",
    )
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


ZEROS = structural_zeros(setting()[1], BATCH)
"""b below a batch norm, which rounding alone moves."""


def course(implementation: Any) -> States:
    """Trains with an implementation's learner and writes down every state.

    Arguments:
        implementation: has `learner(recipe, network, dataset, parameters)`, and perhaps
            `learning_rates(updates, half_cycle, eta_min, eta_max)`.
    """
    recipe, network, dataset, parameters = setting()
    learner: Learner = implementation.learner(recipe, network, dataset, parameters)
    order = stream(0, "order").integers(len(dataset.training), size=(UPDATES, BATCH))
    rates = learning_rates(UPDATES, HALF_CYCLE, recipe.eta_min, recipe.eta_max)
    names = [*network.parameter_shapes, *network.statistic_shapes]
    series: dict[str, list[np.ndarray]] = {name: [] for name in ("cost", *names)}
    for t in range(UPDATES):
        costs = learner.run_epoch(order[t : t + 1], rates[t : t + 1])
        series["cost"].append(np.asarray(costs, np.float64).reshape(-1)[:1])
        state = learner.state()
        for name in names:
            series[name].append(np.asarray(state[name], np.float64))
    states = {name: np.stack(values) for name, values in series.items()}
    for part in ("validation", "test"):
        evaluation = learner.evaluate(part)
        states[f"evaluation of {part}"] = np.array(
            [evaluation.cost, evaluation.loss, evaluation.accuracy]
        )
    after = learner.state()
    states |= {
        f"{name} after evaluation": np.asarray(after[name], np.float64)
        for name in network.statistic_shapes
    }
    schedule = getattr(implementation, "learning_rates", None)
    if callable(schedule):
        found = schedule(4 * HALF_CYCLE, HALF_CYCLE, recipe.eta_min, recipe.eta_max)
        states["learning rate"] = np.asarray(found, np.float64)
    return states


def judge_states(
    witness: str, expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> list[TensorVerdict]:
    """Every state found against the witness's; the first number of an index is the update."""
    verdicts = []
    for name, value in found.items():
        if name not in expected:
            continue
        if value.shape != expected[name].shape:
            value = np.full(expected[name].shape, np.nan)
        verdicts.append(
            judge(
                name,
                witness,
                expected[name],
                value,
                relative=STATE_TOLERANCE,
                absolute=STATE_TOLERANCE if name in ZEROS else 0.0,
                note="of the index, the first number is the update, from 0",
            )
        )
    return verdicts


def first_wrong(
    verdicts: list[TensorVerdict],
    found: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
) -> tuple[str, int | None] | None:
    """The first state that is wrong, and the update (from 1) after which it is.

    Of tensors that go wrong at the same update the cause stands first: the cost before the
    update, then running statistics, then parameters; evaluation comes last.
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
    """The first update after which a series differs, from 1."""
    if found.shape != expected.shape:
        return 1
    size = float(np.abs(expected).max()) or 1.0
    far = np.abs(found - expected).reshape(len(expected), -1).max(axis=1) > STATE_TOLERANCE * size
    return int(far.argmax()) + 1
