from dataclasses import replace

import numpy as np
import pytest

import manual_impl
from compare.architectures import random_cases
from compare.cases import random_case
from compare.derivation import (
    all_steps,
    backward_pass,
    forward_pass,
    node,
    operation_of,
    steps_of,
)
from compare.derivation.affine import AFFINE
from compare.derivation.backward import order as backward_order
from compare.derivation.backward import step_from
from compare.derivation.forward import order as forward_order
from compare.derivation.source import code_of
from compare.numerics.structure import unit
from tests.support import ROOT
from twingrad.network import Network

STEPS = list(all_steps())

W_STEP = AFFINE.backward[0]


def random_network(seed):
    rng = np.random.default_rng(seed)
    hidden = tuple(int(width) for width in rng.integers(1, 30, size=seed % 5))
    return Network(
        int(rng.integers(1, 40)),
        hidden,
        int(rng.integers(2, 11)),
        "batch" if bool(seed % 2) else "none",
    )


def case_of(seed):
    samples = 2 + 3 * (seed % 7)
    return random_case(random_network(seed), samples, penalty=0.05 * (seed % 3), seed=seed)


def small_case(batch_norm=True):
    return random_case(
        Network(5, (6, 4), 10, "batch" if batch_norm else "none"), 12, penalty=0.1, seed=3
    )


def both_passes(case):
    trace = forward_pass(case)
    return trace, backward_pass(case, trace)


@pytest.mark.parametrize("seed", range(20))
def test_it_says_the_arithmetic_of_the_implementation_by_hand(seed):
    case = case_of(seed)
    says_what_is_done_by_hand(case)


@pytest.mark.parametrize("case", list(random_cases(60, seed=4)), ids=lambda case: case.name)
def test_so_it_does_with_every_kind_of_layer(case):
    says_what_is_done_by_hand(case)


def says_what_is_done_by_hand(case):
    trace, gradients = both_passes(case)
    by_hand = case.forward(manual_impl)
    assert list(trace) == list(by_hand)
    for name, value in by_hand.items():
        # rounding of a sum in another order
        np.testing.assert_allclose(trace[name], value, rtol=0, atol=1e-12 * np.abs(value).max())
    expected = case.gradients(manual_impl)
    assert set(gradients) == set(expected)
    for name, value in expected.items():
        size = max(np.abs(value).max(), unit(case.network, name, by_hand))
        np.testing.assert_allclose(gradients[name], value, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.operation}: {step.title}")
def test_every_step_stands_where_it_says(step):
    for place, code in code_of(step):
        file, number = place.split(":")
        assert (ROOT / file).read_text().splitlines()[int(number) - 1].strip() == code


def test_a_line_that_is_no_longer_there_is_an_error():
    with pytest.raises(KeyError):
        code_of(replace(W_STEP, code="return 42"))


def test_the_weights_step_has_the_penalty_s_line_too():
    assert "2 * penalty" in code_of(W_STEP)[1][1]


def test_a_change_replaces_one_backward_step_and_what_hangs_on_it():
    case = small_case()
    trace, right = both_passes(case)
    changed = backward_pass(case, trace, {("mask", 1): lambda at: np.zeros_like(at.G_x)})
    differ = {name for name in right if not np.array_equal(right[name], changed[name])}
    assert differ == {"s_tilde1", "gamma1", "beta1", "s_hat1", "v1", "mu1", "s1", "W1", "b1"}
    assert not changed["s_tilde1"].any()
    # nothing comes down, so the penalty's part alone is left
    np.testing.assert_array_equal(changed["W1"], 2 * case.penalty * case.parameters["W1"])


def test_a_change_of_one_layer_spares_the_same_operation_of_the_others():
    case = small_case()
    trace, right = both_passes(case)
    changed = backward_pass(case, trace, {("gamma", 2): lambda at: at.gamma})
    np.testing.assert_array_equal(changed["gamma2"], case.parameters["gamma2"])
    np.testing.assert_array_equal(changed["gamma1"], right["gamma1"])


def test_a_change_replaces_one_forward_step_and_what_hangs_on_it():
    case = small_case()
    right = forward_pass(case)
    changed = forward_pass(case, {("x", 2): lambda at: at.s_tilde})
    differ = {name for name in right if not np.array_equal(right[name], changed[name])}
    assert differ == {"x2", "s3", "p", "loss", "cost"}
    np.testing.assert_array_equal(changed["x2"], right["s_tilde2"])


def test_a_step_alone_makes_its_gradient_of_those_it_is_handed():
    case = small_case()
    trace, right = both_passes(case)
    doubled = {name: 2 * value for name, value in right.items()}
    np.testing.assert_allclose(
        step_from(case, trace, doubled, "s_hat1"), 2 * right["s_hat1"], rtol=1e-15
    )
    with pytest.raises(KeyError):
        step_from(case, trace, {}, "s_hat1")


@pytest.mark.parametrize("normalization", ["none", "batch", "batch-after", "layer"])
@pytest.mark.parametrize("dropout", [0, 0.5])
def test_names_and_operations_are_each_other_s_inverse(normalization, dropout):
    network = Network(5, (6, 4), 10, normalization, dropout=dropout)
    steps = list(backward_order(network))
    assert [node(network, operation, l) for operation, l, _ in steps] == [n for *_, n in steps]
    assert [operation_of(network, name) for *_, name in steps] == [(o, l) for o, l, _ in steps]


def test_the_orders_are_those_of_execution():
    network = Network(5, (6,), 10, normalization="batch")
    assert " ".join(name for *_, name in forward_order(network)) == (
        "s1 mu1 v1 s_hat1 s_tilde1 x1 s2 p loss cost"
    )
    assert " ".join(name for *_, name in backward_order(network)) == (
        "s2 W2 b2 x1 s_tilde1 gamma1 beta1 s_hat1 v1 mu1 s1 W1 b1"
    )


@pytest.mark.parametrize(
    ("network", "forward", "backward"),
    [
        (
            Network(5, (6,), 10, "batch-after", dropout=0.5),
            "s1 x1 mu1 v1 x_hat1 x_tilde1 x_drop1 s2 p loss cost",
            "s2 W2 b2 x_drop1 x_tilde1 gamma1 beta1 x_hat1 v1 mu1 x1 s1 W1 b1",
        ),
        (
            Network(5, (6,), 10, "layer", "leaky_relu"),
            "s1 mu1 v1 s_hat1 s_tilde1 x1 s2 p loss cost",
            "s2 W2 b2 x1 s_tilde1 gamma1 beta1 s_hat1 v1 mu1 s1 W1 b1",
        ),
    ],
)
def test_so_are_those_of_other_layers(network, forward, backward):
    assert " ".join(name for *_, name in forward_order(network)) == forward
    assert " ".join(name for *_, name in backward_order(network)) == backward


def test_formulas_have_the_letters_of_their_network():
    after = steps_of(Network(5, (6, 4), 10, "batch-after", dropout=0.5), "backward")
    assert after["s", 1].formula == (
        "G_x1 = G_x_hat1 / sqrt(v1 + eps) + G_mu1 / n + G_v1 (2/n) (x1 - mu1)"
    )
    assert after["mask", 1].formula == "G_s1 = G_x1 where s1 > 0, else 0"
    assert after["drop", 1].formula == "G_x_tilde1 = G_x_drop1 mask1 / keep"
    assert after["W", 2].formula == "G_W2 = G_s2' x_drop1 + 2 lambda W2"
    layer = steps_of(Network(5, (6,), 10, "layer", "leaky_relu"), "backward")
    assert layer["v", 1].formula == "G_v1 = -1/2 sum_j G_s_hat1,j s_hat1_j / (v1 + eps)"
    assert layer["mask", 1].formula == "G_s_tilde1 = G_x1 where s_tilde1 > 0, else slope G_x1"
