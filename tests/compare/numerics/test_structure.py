import numpy as np
import pytest

import manual_impl
from compare.cases import random_case
from compare.numerics.structure import structural_zeros, unit
from twingrad.network import Network


@pytest.mark.parametrize("samples", [2, 3, 20])
def test_what_is_called_zero_is_zero_and_nothing_else_is(samples):
    network = Network(10, (6, 5, 4), 10, normalization="batch")
    case = random_case(network, samples, penalty=0.0, seed=1)
    gradients = manual_impl.gradients(network, case.parameters, case.X, case.y, penalty=0.0)
    zeros = structural_zeros(network, samples)
    for name, gradient in gradients.items():
        size = np.abs(gradient).max()
        # rounding of terms near 1 stays below 1e-13; the true gradients here are above 1e-4
        assert size < 1e-13 if name in zeros else size > 1e-4, (name, size)


FURTHER = {
    "batch norm after the activation": Network(10, (6, 5, 4), 10, "batch-after", "leaky_relu"),
    "layer norm": Network(10, (6, 5, 4), 10, "layer"),
    "layer norm over 2 units": Network(10, (6, 2, 4), 10, "layer", "leaky_relu"),
    "batch norm and dropout": Network(10, (6, 5, 4), 10, "batch", dropout=0.3),
    "smoothing": Network(10, (6, 5, 4), 10, "batch", smoothing=0.1),
    "a single input": Network(1, (6, 1, 4), 10, "batch", "gelu"),
    "a single input after": Network(1, (6, 1, 4), 10, "batch-after", "gelu"),
}


@pytest.mark.parametrize("samples", [2, 20])
@pytest.mark.parametrize("name", FURTHER)
def test_of_every_kind_what_is_called_zero_is_zero_and_nothing_else_is(name, samples):
    case = random_case(FURTHER[name], samples, penalty=0.0, seed=2)
    trace, gradients = case.forward(manual_impl), case.gradients(manual_impl)
    zeros = structural_zeros(case.network, samples)
    for tensor, gradient in gradients.items():
        size = np.abs(gradient).max() / unit(case.network, tensor, trace)
        # two samples or units are +1 and -1 up to eps, so zero up to eps / v
        if tensor in zeros:
            assert size < 1e-12, (tensor, size)
        elif samples > 2:
            assert size > 1e-6, (tensor, size)


def test_a_shift_of_all_units_alike_is_what_a_layer_norm_takes_out():
    network = FURTHER["layer norm"]
    case = random_case(network, 20, penalty=0.0, seed=2)
    gradients = case.gradients(manual_impl)
    assert abs(gradients["b1"].sum()) < 1e-14 < np.abs(gradients["b1"]).min()
    # scaling W and b together changes nothing either
    along = sum(np.vdot(gradients[k], case.parameters[k]) for k in ("W1", "b1"))
    assert abs(along) < 1e-13


def test_a_relu_or_leaky_relu_hands_on_the_scale_that_a_batch_norm_behind_it_takes_out():
    case = random_case(FURTHER["batch norm after the activation"], 20, penalty=0.0, seed=2)
    gradients = case.gradients(manual_impl)
    along = [
        np.vdot(gradients["W1"][j], case.parameters["W1"][j])
        + gradients["b1"][j] * case.parameters["b1"][j]
        for j in range(6)
    ]
    np.testing.assert_allclose(along, 0, atol=1e-14)
    assert "b1" not in structural_zeros(case.network, 20)


def test_without_batch_norm_nothing_vanishes():
    assert structural_zeros(Network(10, (6, 5), 10, normalization="none"), 2) == {}
