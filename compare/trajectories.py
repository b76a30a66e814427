"""Trainings compared update by update: a file's replayed, or both implementations' side by side."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from common.contract import Implementation
from common.dataset import Dataset, Split
from common.initialization import initialize
from common.minibatches import minibatch_order
from common.network import Network, Parameters
from common.recipe import Recipe
from common.training import Learner
from compare.agreement import CaseVerdict, TensorVerdict, Verdict, judge
from compare.golden import GoldenCase, file_key
from compare.gradient_check import array, first_fault
from compare.structure import structural_zeros

REPLAY_ABSOLUTE = 1e-11
"""Of a replayed file: rounding over 50 updates, whatever the BLAS."""

LOCKSTEP = 1e-9
"""Relative, per tensor, of two float64 trainings in lockstep."""


def is_trajectory(golden: GoldenCase) -> bool:
    """Whether a file's case is a training."""
    return "inds" in golden and "etas" in golden


def judge_trajectory(golden: GoldenCase, witnesses: dict[str, Implementation]) -> CaseVerdict:
    """Replays a file's training with each implementation and judges what the file holds of it."""
    tensors: list[TensorVerdict] = []
    missing: list[str] = []
    for witness, implementation in witnesses.items():
        values = replay(golden, implementation)
        for key, expected in values.items():
            if key in golden:
                actual = golden.read(key, expected.shape)
                verdict = judge(key, witness, expected, actual, absolute=REPLAY_ABSOLUTE)
                tensors.append(verdict)
        missing = [key for key in values if key not in golden]
    return CaseVerdict(golden.name, tuple(tensors), first_fault(tensors, []), tuple(missing))


def replay(golden: GoldenCase, implementation: Implementation) -> dict[str, np.ndarray]:
    """What an implementation makes of a file's start and minibatches, by the file's keys.

    Raises:
        UserError: indices beyond the samples, or shapes that contradict each other.
    """
    network, parameters = golden.parameters("0")
    X = golden.read("X", (network.inputs, None)).T
    y = golden.labels("Y", network.classes, len(X))
    X_test, y_test = X, y
    if "Xtest" in golden:
        X_test = golden.read("Xtest", (network.inputs, None)).T
        y_test = golden.labels("Ytest", network.classes, len(X_test))
    etas = golden.read("etas", (None,))
    order = golden.read("inds", (len(etas), None)).astype(np.int64)
    if order.min() < 0 or order.max() >= len(X):
        raise golden.error(
            "inds", f"spans {order.min()}..{order.max()}, but there are {len(X)} samples, from 0"
        )
    penalty = float(golden.read("lam"))
    recipe = Recipe(
        hidden=network.hidden,
        batch_norm=network.batch_norm,
        penalty=penalty,
        alpha=float(golden.read("alpha")) if "alpha" in golden else 0.9,
        batch_size=order.shape[1],
        dtype="float64",
    )
    training, test = Split(np.ascontiguousarray(X), y), Split(np.ascontiguousarray(X_test), y_test)
    dataset = Dataset(training, test, test, network.classes, identity={})
    learner = implementation.learner(recipe, network, dataset, parameters)

    found: dict[str, np.ndarray] = {}
    batch_J, batch_loss = [], []
    for t, rows in enumerate(order, start=1):
        state = learner.state()
        now = {name: state[name] for name in network.parameter_shapes}
        trace = implementation.forward(network, now, X[rows], y[rows], penalty=penalty)
        batch_J.append(array(trace["cost"]))
        batch_loss.append(array(trace["loss"]))
        learner.run_epoch(order[t - 1 : t], etas[t - 1 : t])
        if t in (1, 2):
            state = learner.state()
            for name in network.statistic_shapes:
                found[f"ema_{file_key(name)}_t{t}"] = state[name]
    found["batch_J"], found["batch_loss"] = np.array(batch_J), np.array(batch_loss)
    return found | end_of_replay(golden, implementation, network, learner, test)


def end_of_replay(
    golden: GoldenCase,
    implementation: Implementation,
    network: Network,
    learner: Learner,
    test: Split,
) -> dict[str, np.ndarray]:
    """The last parameters and running statistics, and what they make of the data."""
    state = learner.state()
    found = {f"ema_{file_key(name)}": state[name] for name in network.statistic_shapes}
    found |= {f"final_{file_key(name)}": state[name] for name in network.parameter_shapes}
    parameters = {name: state[name] for name in network.parameter_shapes}
    statistics = {name: state[name] for name in network.statistic_shapes}
    trace = implementation.forward(
        network, parameters, test.X, test.y, penalty=0, statistics=statistics
    )
    found["P_test"] = array(trace["p"]).T
    parts = {"train": learner.evaluate("training")}
    if "Xtest" in golden:
        parts["test"] = learner.evaluate("test")
    for part, evaluation in parts.items():
        found[f"J_{part}"] = np.array(evaluation.cost)
        found[f"loss_{part}"] = np.array(evaluation.loss)
        found[f"acc_{part}"] = np.array(evaluation.accuracy)
    return found


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
    plan = recipe.plan(len(dataset.training))
    parameters = initialize(network, recipe.initialization, recipe.seed)
    learners = [side.learner(recipe, network, dataset, parameters) for side in (first, second)]
    zeros = structural_zeros(network, recipe.batch_size)

    worst: list[float] = []
    worst_tensors: list[str] = []
    updates = min(updates, len(plan.learning_rates))
    for t in range(updates):
        epoch, row = divmod(t, plan.updates_per_epoch)
        if row == 0:
            order = minibatch_order(recipe.seed, epoch, len(dataset.training), recipe.batch_size)
        for learner in learners:
            learner.run_epoch(order[row : row + 1], plan.learning_rates[t : t + 1])
        one, other = (learner.state() for learner in learners)
        differences = {name: distance(name, one, other, zeros) for name in one}
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


def distance(name: str, one: Parameters, other: Parameters, zeros: dict[str, str]) -> float:
    """Largest difference relative to the tensor; absolute for a bias that never truly moves."""
    difference = float(np.abs(one[name] - other[name]).max())
    if not np.isfinite(difference):
        return np.inf
    if name in zeros and name.startswith("b"):
        return difference
    magnitude = float(np.abs(one[name]).max())
    return difference / magnitude if magnitude else difference
