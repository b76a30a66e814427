import numpy as np
import pytest

import manual_impl
from compare.cases import random_case
from compare.numerics.structure import structural_zeros
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


def test_without_batch_norm_nothing_vanishes():
    assert structural_zeros(Network(10, (6, 5), 10, normalization="none"), 2) == {}
