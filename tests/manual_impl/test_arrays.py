"""Arithmetic that saves passes over memory against what it stands for."""

import numpy as np
import pytest

from manual_impl.arrays import (
    LARGE,
    add_scaled,
    per_network,
    product,
    squared_norm,
    weight_gradient,
)

SIDE = 1 + int(LARGE**0.5)
"""Side of a square matrix with more entries than `LARGE`."""


def matrix(shape, seed, dtype="float64", order="C"):
    """Random; with order "F" its last two axes lie in memory in the other order."""
    value = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return np.ascontiguousarray(value.mT).mT if order == "F" else value


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("orders", ["CC", "FF", "CF"])
@pytest.mark.parametrize("shape", [(3, 2), (SIDE, SIDE)])
def test_add_scaled_of_one_network(shape, orders, dtype):
    y, x = (matrix(shape, seed, dtype, order) for seed, order in enumerate(orders))
    expected = y + 0.5 * x
    kept = y
    add_scaled(y, 0.5, x)
    assert kept is y
    assert y.dtype == dtype
    # half of a number is exact; a fused multiply-add rounds once, not twice
    np.testing.assert_allclose(y, expected, rtol=3e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 2), (SIDE, SIDE)])
def test_add_scaled_of_each_network(shape, dtype):
    y, x = (matrix((3, *shape), seed, dtype) for seed in (0, 1))
    expected = y + np.array([0.5, -1, 0], dtype)[:, None, None] * x
    add_scaled(y, np.array([0.5, -1, 0]), x)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


def test_add_scaled_moves_a_view_and_nothing_beside_it():
    whole = np.zeros((SIDE, 2 * SIDE))
    add_scaled(whole[:, :SIDE], 2.0, np.ones((SIDE, SIDE)))
    assert (whole[:, :SIDE] == 2).all()
    assert (whole[:, SIDE:] == 0).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_squared_norm_is_the_sum_of_squares(order):
    W = matrix((5, 4), 0, order=order)
    np.testing.assert_allclose(squared_norm(W), (W**2).sum(), rtol=1e-14)
    stack = matrix((3, 5, 4), 0, order=order)
    np.testing.assert_allclose(squared_norm(stack), (stack**2).sum(axis=(1, 2)), rtol=1e-14)


def test_squared_norm_of_complex_numbers_takes_no_conjugate():
    assert squared_norm(np.array([[1j, 2.0]])) == 3


def test_scalars_of_each_network_take_its_dtype_and_axes():
    found = per_network(np.array([1.0, 2.0]), np.zeros((2, 3, 4), np.float32))
    assert (found.shape, found.dtype) == ((2, 1, 1), np.float32)
    assert per_network(0.5, np.zeros(3, np.float32)) == 0.5


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("x_shape", "W_shape"), [((6, 4), (3, 4)), ((2, 6, 4), (2, 3, 4)), ((6, 4), (2, 3, 4))]
)
def test_products_of_one_network_and_of_many(x_shape, W_shape, order):
    x, W = matrix(x_shape, 0), matrix(W_shape, 1, order=order)
    s = product(x, W)
    np.testing.assert_allclose(s, np.einsum("...ik,...jk->...ij", x, W), atol=1e-14)
    G = matrix(s.shape, 2)
    found = weight_gradient(G, x, W)
    assert found.shape == W.shape
    np.testing.assert_allclose(found, np.einsum("...ij,...ik->...jk", G, x), atol=1e-14)
