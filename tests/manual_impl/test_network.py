import numpy as np
import pytest

import manual_impl
from tests.support import random_parameters, random_samples
from twingrad.network import Network

STEP = 1e-30
"""A complex step has no subtraction that could cancel, so it may be as small as one likes."""

NETWORKS = [
    (Network(5, ()), 6),
    (Network(5, (4,)), 6),
    (Network(5, (4, 3), batch_norm=True), 6),
    (Network(8, (6, 5, 4, 3), batch_norm=True), 20),
    (Network(8, (6, 5, 4, 3)), 2),
]


def complex_step(network, parameters, X, y, name):
    """d cost / d of one parameter: the imaginary part after a step along i (Squire, Trapp 1998)."""
    values = {key: value.astype(np.complex128) for key, value in parameters.items()}
    derivative = np.empty(parameters[name].shape)
    for index in np.ndindex(derivative.shape):
        values[name][index] += 1j * STEP
        cost = manual_impl.forward(network, values, X.astype(np.complex128), y, penalty=0.1)["cost"]
        derivative[index] = cost.imag / STEP
        values[name][index] = parameters[name][index]
    return derivative


@pytest.mark.parametrize(("network", "n"), NETWORKS)
def test_gradients_equal_complex_step_derivatives(network, n):
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, n, 1)
    gradients = manual_impl.gradients(network, parameters, X, y, penalty=0.1)
    for name in parameters:
        expected = complex_step(network, parameters, X, y, name)
        # both are exact up to rounding; b below batch norm is 0, so judged beside 1
        size = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(gradients[name], expected, atol=1e-12 * size, rtol=0)


@pytest.mark.parametrize(("network", "n"), NETWORKS)
def test_complex_forward_pass_of_real_numbers_is_the_real_one(network, n):
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, n, 1)
    values = {key: value.astype(np.complex128) for key, value in parameters.items()}
    real = manual_impl.forward(network, parameters, X, y, penalty=0.1)
    complex_ = manual_impl.forward(network, values, X.astype(np.complex128), y, penalty=0.1)
    for name, value in real.items():
        # complex products and roots round otherwise than real ones
        np.testing.assert_allclose(complex_[name], value, atol=1e-12, rtol=1e-12, err_msg=name)


def test_complex_evaluation_with_running_statistics():
    network = Network(5, (4,), batch_norm=True)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    statistics = {"mu1": np.full(4, 0.1), "v1": np.full(4, 2.0)}
    values = {key: value.astype(np.complex128) for key, value in parameters.items()}
    real, complex_ = (
        manual_impl.forward(network, which, X, y, penalty=0.1, statistics=statistics)["cost"]
        for which in (parameters, values)
    )
    assert complex_.real == pytest.approx(real, rel=1e-14)  # as above


def test_backward_leaves_the_trace_alone():
    network = Network(5, (4, 3), batch_norm=True)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    trace = manual_impl.forward(network, parameters, X, y, penalty=0.1)
    before = {name: value.tobytes() for name, value in trace.items()}
    manual_impl.backward(network, parameters, X, y, trace, penalty=0.1)
    assert {name: value.tobytes() for name, value in trace.items()} == before
