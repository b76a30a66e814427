import numpy as np

import manual_impl
from compare.cases import random_case
from compare.numerics.derivatives import derivatives, probes
from twingrad.network import Network


def all_derivatives(case, every_below=400):
    along = probes(case.parameters, np.random.default_rng(0), every_below=every_below, entries=5)
    return derivatives(manual_impl, case, along=along)


def test_complex_step_of_softmax_regression_is_its_textbook_gradient():
    case = random_case(Network(4, (), 3), 6, penalty=0.1, seed=0)
    found = all_derivatives(case)
    W, b = case.parameters["W1"], case.parameters["b1"]
    scores = np.exp(case.X @ W.T + b)
    G = scores / scores.sum(axis=1, keepdims=True) - np.eye(3)[case.y]
    expected = G.T @ case.X / 6 + 2 * 0.1 * W
    np.testing.assert_allclose(
        np.reshape(found["W1"].complex_step, W.shape), expected, rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(np.reshape(found["W1"].central, W.shape), expected, atol=1e-8)


def test_small_tensors_are_probed_everywhere_and_large_ones_sampled():
    case = random_case(Network(30, (20,), 10), 4, penalty=0.0, seed=0)
    found = all_derivatives(case, every_below=250)
    assert [len(found[name].probes) for name in ("W1", "b1", "W2", "b2")] == [8, 20, 200, 10]
    assert sum(probe.index is None for probe in found["W1"].probes) == 3


def test_a_central_difference_across_a_kink_is_left_out():
    case = random_case(Network(3, (2,), 3), 5, penalty=0.0, seed=0)
    # sample 0 sits a tenth of a step from the kink of unit 0
    s = case.X @ case.parameters["W1"].T + case.parameters["b1"]
    case.parameters["b1"][0] -= s[0, 0] - 1e-7
    found = all_derivatives(case)
    assert np.isnan(found["b1"].central[0])
    assert np.isfinite(found["b1"].central[1])
    assert np.isfinite(found["b1"].complex_step).all()
