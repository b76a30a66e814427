"""Array arithmetic in as few passes over memory as possible, independent of any layer.

Arrays of N networks have a leading axis, and scalars of N networks have shape (N,). A single
network has no leading axis, and its scalars are floats.
"""

from functools import cache, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Shaped
from scipy.linalg.blas import get_blas_funcs
from threadpoolctl import threadpool_info

Array = np.ndarray
Scalars = float | Array
"""A float, or (N,): one value for each network."""

AXPY = {code: get_blas_funcs("axpy", dtype=code) for code in "fdFD"}
"""BLAS's y += a x, by dtype character."""

AVX512 = ("SkylakeX", "Cooperlake", "SapphireRapids")
"""OpenBLAS's names for the processors on which it uses AVX-512."""

LARGE = 4096
"""Minimum number of entries for which a BLAS call costs less than the passes it saves."""


@cache
def transposed_is_faster() -> bool:
    """Whether x W' is faster if W (out, in) is stored as (in, out).

    With OpenBLAS's AVX-512 kernels it is faster by a third; with its AVX2 kernels slower by 3 %.
    """
    return any(library.get("architecture") in AVX512 for library in threadpool_info())


def per_network(scalars: Scalars, array: Array) -> Any:
    """Scalars ready to multiply the array: a float, or (N, 1, ...) in the array's dtype."""
    if isinstance(scalars, float):
        return scalars
    return np.asarray(scalars, array.dtype).reshape(-1, *[1] * (array.ndim - 1))


def add_scaled(y: Array, a: Scalars, x: Array) -> None:
    """y += a x in place, in one pass if both have the same memory layout."""
    if isinstance(a, float):
        same_layout = x.strides == y.strides and contiguous(y)
        if y.size >= LARGE and same_layout and y.dtype == x.dtype and y.dtype.char in AXPY:
            AXPY[y.dtype.char](flat(x), flat(y), a=a)
        else:
            y += a * x
    elif y[0].size < LARGE:
        y += per_network(a, x) * x
    else:
        for y_i, a_i, x_i in zip(y, np.asarray(a).tolist(), x, strict=True):
            add_scaled(y_i, a_i, x_i)


def sum_over(axis: int, x: Shaped[Array, "*networks n m"]) -> Shaped[Array, "*networks rest"]:
    """Sum over the samples (axis -2) or the units (axis -1).

    A product with ones, which takes half the time of `np.sum` on arrays of this size.
    """
    ones = ones_of(x.shape[axis], x.dtype.char)
    return ones @ x if axis == -2 else x @ ones


@lru_cache(maxsize=64)
def ones_of(length: int, dtype: str) -> Array:
    """A vector of ones. It is cached: do not modify it."""
    return np.ones(length, dtype)


def squared_norm(W: Shaped[Array, "*networks out in"]) -> Shaped[Array, "*networks"]:
    """The sum of squares for each network, without conjugates if W is complex."""
    if W.ndim > 2:
        return np.array([squared_norm(W_i) for W_i in W])
    vector = W.ravel(order="K")
    return np.asarray(vector @ vector)


def sigmoid(s: Array) -> Array:
    """1 / (1 + exp(-s)), in a form that does not overflow."""
    return np.tanh(s / 2) / 2 + 0.5


def contiguous(array: Array) -> bool:
    """Whether an array is C- or Fortran-contiguous."""
    return array.flags.c_contiguous or array.flags.f_contiguous


def flat(array: Array) -> Array:
    """A contiguous array as a vector, without a copy."""
    return array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)


def product(
    x: Shaped[Array, "*networks n in"], W: Shaped[Array, "*networks out in"]
) -> Shaped[Array, "*networks n out"]:
    """x W'. If many networks share x, one product with all their W stacked."""
    if x.ndim == W.ndim:
        return x @ W.mT
    networks, out, into = W.shape
    side_by_side = x @ W.reshape(-1, into).T  # (n, networks * out)
    return side_by_side.reshape(len(x), networks, out).swapaxes(0, 1)


def weight_gradient(
    G: Shaped[Array, "*networks n out"],
    x: Shaped[Array, "*networks n in"],
    W: Shaped[Array, "*networks out in"],
) -> Shaped[Array, "*networks out in"]:
    """G' x, the gradient of `product` with respect to W, in W's memory layout."""
    if x.ndim == G.ndim:
        return G.mT @ x if W.strides[-1] == W.itemsize else (x.mT @ G).mT
    side_by_side = G.swapaxes(0, 1).reshape(len(x), -1)  # (n, networks * out), usually a view
    return (side_by_side.T @ x).reshape(W.shape)
