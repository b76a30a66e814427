"""Replay the training in a golden file update by update."""

import numpy as np

from compare.golden.golden_file import GoldenCase, file_key
from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.twins.gradient_check import array, first_fault
from twingrad.contract import Implementation
from twingrad.dataset import Dataset, Split
from twingrad.minibatches import EpochInputs
from twingrad.network import Network
from twingrad.recipe import Recipe
from twingrad.training import Learner

REPLAY_ABSOLUTE = 1e-11
"""Maximum absolute difference of a replay: the rounding of 50 updates with any BLAS."""


def is_trajectory(golden: GoldenCase) -> bool:
    """Whether a file's case is a training."""
    return "inds" in golden and "etas" in golden


def judge_trajectory(golden: GoldenCase, witnesses: dict[str, Implementation]) -> CaseVerdict:
    """Replay a training with each implementation, and judge the file's values."""
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
    """An implementation's results for the start and minibatches of a file, by the file's keys.

    Raises:
        UserError: an index is out of range, or shapes do not fit each other.
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
            "inds", f"spans {order.min()}..{order.max()}, but expected 0..{len(X) - 1}"
        )
    penalty = float(golden.read("lam"))
    recipe = Recipe(
        hidden=network.hidden,
        normalization=network.normalization,
        penalty=penalty,
        alpha=float(golden.read("alpha")) if "alpha" in golden else 0.9,
        batch_size=order.shape[1],
        dtype="float64",
    )
    training, test = Split(np.ascontiguousarray(X), y), Split(np.ascontiguousarray(X_test), y_test)
    dataset = Dataset(training, test, test, network.classes, identity={})
    learner = implementation.learner([recipe], network, dataset, [parameters])

    values: dict[str, np.ndarray] = {}
    batch_J, batch_loss = [], []
    for t, rows in enumerate(order, start=1):
        [state] = learner.state()
        now = {name: state[name] for name in network.parameter_shapes}
        trace = implementation.forward(network, now, X[rows], y[rows], penalty=penalty)
        batch_J.append(array(trace["cost"]))
        batch_loss.append(array(trace["loss"]))
        learner.run_epoch(EpochInputs(order[t - 1 : t], etas[None, t - 1 : t], {}, None))
        if t in (1, 2):
            [state] = learner.state()
            for name in network.statistic_shapes:
                values[f"ema_{file_key(name)}_t{t}"] = state[name]
    values["batch_J"], values["batch_loss"] = np.array(batch_J), np.array(batch_loss)
    return values | end_of_replay(golden, implementation, network, learner, test)


def end_of_replay(
    golden: GoldenCase,
    implementation: Implementation,
    network: Network,
    learner: Learner,
    test: Split,
) -> dict[str, np.ndarray]:
    """The final parameters and running statistics, and the metrics they give."""
    [state] = learner.state()
    values = {f"ema_{file_key(name)}": state[name] for name in network.statistic_shapes}
    values |= {f"final_{file_key(name)}": state[name] for name in network.parameter_shapes}
    parameters = {name: state[name] for name in network.parameter_shapes}
    statistics = {name: state[name] for name in network.statistic_shapes}
    trace = implementation.forward(
        network, parameters, test.X, test.y, penalty=0, statistics=statistics
    )
    values["P_test"] = array(trace["p"]).T
    parts = {"train": learner.evaluate("training")}
    if "Xtest" in golden:
        parts["test"] = learner.evaluate("test")
    for part, [evaluation] in parts.items():
        values[f"J_{part}"] = np.array(evaluation.cost)
        values[f"loss_{part}"] = np.array(evaluation.loss)
        values[f"acc_{part}"] = np.array(evaluation.accuracy)
    return values
