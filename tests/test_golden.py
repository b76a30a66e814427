"""Both implementations against values that nobody in this project computed."""

import numpy as np
import pytest
import torch

import manual_impl
import torch_impl
from tests.support import arrays, golden, golden_network, golden_parameters
from twingrad.dataset import Split

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


class ManualReplay:
    """A golden trajectory in NumPy."""

    def __init__(self, run):
        self.network, self.parameters = golden_network(run), golden_parameters(run, "{kind}0_{l}")
        self.penalty, self.averages = float(run["lam"]), {}

    def loss(self, X, y):
        trace = manual_impl.forward(self.network, self.parameters, X, y, penalty=self.penalty)
        return float(trace["loss"])

    def update(self, X, y, learning_rate):
        return manual_impl.sgd_update(
            self.network,
            self.parameters,
            self.averages,
            X,
            y,
            penalty=self.penalty,
            learning_rate=learning_rate,
            alpha=0.9,
        )

    def state(self):
        return self.parameters | self.averages

    def evaluate(self, X, y):
        return manual_impl.evaluate(
            self.network, self.parameters, self.averages, Split(X, y), penalty=self.penalty
        )


class TorchReplay:
    """The same in torch."""

    def __init__(self, run):
        self.penalty = float(run["lam"])
        self.module = torch_impl.TorchNetwork(
            golden_network(run), golden_parameters(run, "{kind}0_{l}"), dtype=torch.float64
        )

    def loss(self, X, y):
        parameters = self.module.parameters_by_name()
        trace = torch_impl.forward(self.module.network, parameters, X, y, penalty=self.penalty)
        return trace["loss"].item()

    def update(self, X, y, learning_rate):
        cost = torch_impl.sgd_update(
            self.module,
            torch.as_tensor(X),
            torch.as_tensor(y),
            penalty=self.penalty,
            learning_rate=learning_rate,
        )
        return cost.item()

    def state(self):
        return arrays(self.module.parameters_by_name() | self.module.statistics())

    def evaluate(self, X, y):
        return torch_impl.evaluate(
            self.module, torch.as_tensor(X), torch.as_tensor(y), penalty=self.penalty, chunk=64
        )


@pytest.fixture(scope="module", params=[ManualReplay, TorchReplay], ids=["manual", "torch"])
def replay(request):
    """Every golden trajectory replayed: (golden run, end, costs, losses, states after t = 1, 2)."""
    replayed = {}
    for name, run in TRAJECTORIES.items():
        twin, costs, losses, states = request.param(run), [], [], {}
        for t, (rows, eta) in enumerate(zip(run["inds"], run["etas"], strict=True), start=1):
            X, y = np.ascontiguousarray(run["X"].T[rows]), run["y"][rows]
            losses.append(twin.loss(X, y))
            costs.append(twin.update(X, y, float(eta)))
            if t <= 2:
                states[t] = {key: value.copy() for key, value in twin.state().items()}
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
@pytest.mark.parametrize(("part", "X", "y"), [("train", "X", "y"), ("test", "Xtest", "ytest")])
def test_replayed_evaluation(replay, name, part, X, y):
    run, twin, _, _, _ = replay[name]
    found = twin.evaluate(np.ascontiguousarray(run[X].T), run[y])
    expected = [run[f"{what}_{part}"] for what in ("J", "loss", "acc")]
    np.testing.assert_allclose([found.cost, found.loss, found.accuracy], expected, **REPLAYED)
