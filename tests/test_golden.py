"""Both implementations against values that nobody in this project computed."""

from importlib import import_module

import numpy as np
import pytest

from tests.support import arrays, epoch_inputs, golden, golden_network, golden_parameters
from twingrad.dataset import Dataset, Split
from twingrad.recipe import Recipe

CASES = golden("cases.npz")
TRAJECTORIES = golden("trajectories.npz")

# golden/README.md: 1.2e-13 is the largest difference seen between two float64 implementations
SOUND = {"atol": 1e-12, "rtol": 1e-10}
# golden/README.md: safe over 50 updates whatever the BLAS
REPLAYED = {"atol": 1e-11, "rtol": 0}


def test_there_are_54_cases_of_both_kinds():
    assert len(CASES) == 54
    assert sum(int(case["bn"]) for case in CASES.values()) == 27


@pytest.mark.parametrize("name", CASES)
def test_forward_pass_of_a_golden_case(implementation, name):
    case = CASES[name]
    y = case["Y"].argmax(axis=0)
    trace = arrays(
        implementation.forward(
            golden_network(case),
            golden_parameters(case),
            case["X"].T,
            y,
            penalty=float(case["lam"]),
        )
    )
    expected = {"p": case["P"].T, "loss": case["loss"], "cost": case["J"]}
    for key, value in case.items():
        kind, _, l = key.partition("_")
        if kind in ("mu", "v"):
            expected[kind + l] = value[:, 0]
    for tensor, value in expected.items():
        np.testing.assert_allclose(trace[tensor], value, **SOUND, err_msg=tensor)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_a_golden_case(implementation, name):
    case = CASES[name]
    parameters = golden_parameters(case)
    found = arrays(
        implementation.gradients(
            golden_network(case),
            parameters,
            case["X"].T,
            case["Y"].argmax(axis=0),
            penalty=float(case["lam"]),
        )
    )
    expected = golden_parameters(case, "grad_{kind}_{l}")
    assert expected.keys() == parameters.keys()
    for tensor, value in expected.items():
        np.testing.assert_allclose(found[tensor], value, **SOUND, err_msg=tensor)


class Replay:
    """A golden trajectory, one update at a time."""

    def __init__(self, implementation, run):
        self.implementation, self.network = implementation, golden_network(run)
        training, test = (
            Split(np.ascontiguousarray(run[X].T), run[y])
            for X, y in (("X", "y"), ("Xtest", "ytest"))
        )
        self.dataset = Dataset(training, test, test, 10, {})
        self.penalty = float(run["lam"])
        recipe = Recipe(
            hidden=self.network.hidden,
            normalization=self.network.normalization,
            penalty=self.penalty,
            dtype="float64",
        )
        start = golden_parameters(run, "{kind}0_{l}")
        self.learner = implementation.learner([recipe], self.network, self.dataset, [start])

    def loss(self, rows):
        training, state = self.dataset.training, self.state()
        parameters = {name: state[name] for name in self.network.parameter_shapes}
        given = (self.network, parameters, training.X[rows], training.y[rows])
        return float(self.implementation.forward(*given, penalty=self.penalty)["loss"])

    def update(self, rows, learning_rate):
        [[cost]] = self.learner.run_epoch(epoch_inputs(rows[None], [learning_rate]))
        return cost

    def state(self):
        return self.learner.state()[0]

    def evaluate(self, part):
        return self.learner.evaluate(part)[0]


@pytest.fixture(scope="module", params=["manual_impl", "torch_impl"])
def replay(request):
    """Every golden trajectory replayed: (golden run, end, costs, losses, states after t = 1, 2)."""
    replayed, implementation = {}, import_module(request.param)
    for name, run in TRAJECTORIES.items():
        twin, costs, losses, states = Replay(implementation, run), [], [], {}
        for t, (rows, eta) in enumerate(zip(run["inds"], run["etas"], strict=True), start=1):
            losses.append(twin.loss(rows))
            costs.append(twin.update(rows, float(eta)))
            if t <= 2:
                states[t] = twin.state()
        replayed[name] = (run, twin, costs, losses, states)
    return replayed


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_replayed_costs(replay, name):
    run, _, costs, _, _ = replay[name]
    np.testing.assert_allclose(costs, run["batch_J"], **REPLAYED)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_replayed_losses(replay, name):
    run, _, _, losses, _ = replay[name]
    np.testing.assert_allclose(losses, run["batch_loss"], **REPLAYED)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_replayed_final_parameters(replay, name):
    run, twin, _, _, _ = replay[name]
    expected = golden_parameters(run, "final_{kind}_{l}")
    assert len(expected) == (10 if run["bn"] else 6)
    for tensor, value in expected.items():
        np.testing.assert_allclose(twin.state()[tensor], value, **REPLAYED, err_msg=tensor)


@pytest.mark.parametrize("t", [1, 2, 50])
def test_replayed_running_statistics(replay, t):
    run, twin, _, _, states = replay["traj_bn_formula_shuffled"]
    state, suffix = (twin.state(), "") if t == 50 else (states[t], f"_t{t}")
    for tensor in ("mu_1", "v_1", "mu_2", "v_2"):
        expected = run[f"ema_{tensor}{suffix}"][:, 0]
        found = state[tensor.replace("_", "")]
        np.testing.assert_allclose(found, expected, **REPLAYED, err_msg=tensor)


@pytest.mark.parametrize("name", TRAJECTORIES)
@pytest.mark.parametrize(("part", "suffix"), [("training", "train"), ("test", "test")])
def test_replayed_evaluation(replay, name, part, suffix):
    run, twin, _, _, _ = replay[name]
    found = twin.evaluate(part)
    expected = [run[f"{what}_{suffix}"] for what in ("J", "loss", "acc")]
    np.testing.assert_allclose([found.cost, found.loss, found.accuracy], expected, **REPLAYED)
