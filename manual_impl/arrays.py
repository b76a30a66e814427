"""Arithmetic on arrays in as few passes over memory as there can be. It knows of no layer.

Arrays of N networks have a leading axis. Scalars of each network are (N,) or, for one network
without that axis, a float.
"""

from functools import cache, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Shaped
from scipy.linalg.blas import get_blas_funcs
from threadpoolctl import threadpool_info

Array = np.ndarray
Scalars = float | Array
"""A float, or (N,) with one for each network."""

AXPY = {code: get_blas_funcs("axpy", dtype=code) for code in "fdFD"}
"""BLAS's y += a x by the dtype of both."""

AVX512 = ("SkylakeX", "Cooperlake", "SapphireRapids")
"""OpenBLAS's names for processors whose AVX-512 it uses."""

LARGE = 4096
"""Entries from which a call of BLAS costs less than the passes it saves."""


def keep_freed_memory() -> None:
    """Makes the process reuse the memory of freed arrays instead of returning it to the system.

    glibc maps each array of more than 128 KB anew, and the first write to each of its pages is
    then a page fault; but it raises this limit to the size of any such array it frees, up to
    32 MB. Other systems are not affected.
    """
    np.ones(31 * 2**20, dtype=np.uint8)


@cache
def transposed_is_faster() -> bool:
    """Whether a product x W' is faster where W (out, in) lies in memory as (in, out).

    By a third with OpenBLAS's kernels for AVX-512; with those for AVX2 it is slower by 3 %.
    """
    return any(library.get("architecture") in AVX512 for library in threadpool_info())


def per_network(scalars: Scalars, like: Array) -> Any:
    """Scalars that multiply arrays like this one: a float, or (N, 1, ...) in its dtype."""
    if isinstance(scalars, float):
        return scalars
    return np.asarray(scalars, like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def add_scaled(y: Array, a: Scalars, x: Array) -> None:
    """y += a x in place: one pass where both lie alike in memory."""
    if isinstance(a, float):
        alike = y.size >= LARGE and x.strides == y.strides and contiguous(y)
        if alike and y.dtype == x.dtype and y.dtype.char in AXPY:
            AXPY[y.dtype.char](flat(x), flat(y), a=a)
        else:
            y += a * x
    elif y[0].size < LARGE:
        y += per_network(a, x) * x
    else:
        for y_i, a_i, x_i in zip(y, np.asarray(a).tolist(), x, strict=True):
            add_scaled(y_i, a_i, x_i)


def sum_over(axis: int, x: Shaped[Array, "*networks n m"]) -> Shaped[Array, "*networks rest"]:
    """The sums over the samples (axis -2) or the units (-1): products with ones, which take half
    the time of `np.sum` on arrays of this size."""
    ones = ones_of(x.shape[axis], x.dtype.char)
    return ones @ x if axis == -2 else x @ ones


@lru_cache(maxsize=64)
def ones_of(length: int, dtype: str) -> Array:
    """A vector of ones, not to be changed."""
    return np.ones(length, dtype)


def squared_norm(W: Shaped[Array, "*networks out in"]) -> Shaped[Array, "*networks"]:
    """The sum of the squares of each network; of a complex W without conjugates."""
    if W.ndim > 2:
        return np.array([squared_norm(W_i) for W_i in W])
    vector = W.ravel(order="K")
    return np.asarray(vector @ vector)


def contiguous(array: Array) -> bool:
    """Whether an array is one piece of memory, its axes in this order or in the reverse."""
    return array.flags.c_contiguous or array.flags.f_contiguous


def flat(array: Array) -> Array:
    """A contiguous array as a vector, without a copy."""
    return array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)


def product(
    x: Shaped[Array, "*networks n in"], W: Shaped[Array, "*networks out in"]
) -> Shaped[Array, "*networks n out"]:
    """x W'. Where many networks share x, one product with all W on top of each other."""
    if x.ndim == W.ndim:
        return x @ W.mT
    networks, out, into = W.shape
    beside = x @ W.reshape(-1, into).T  # (n, networks * out)
    return beside.reshape(len(x), networks, out).swapaxes(0, 1)


def weight_gradient(
    G: Shaped[Array, "*networks n out"], x: Shaped[Array, "*networks n in"], like: Array
) -> Shaped[Array, "*networks out in"]:
    """G' x, which belongs to `product`; it lies in memory as `like` does."""
    if x.ndim == G.ndim:
        return G.mT @ x if like.strides[-1] == like.itemsize else (x.mT @ G).mT
    beside = G.swapaxes(0, 1).reshape(len(x), -1)  # (n, networks * out), no copy where G lies so
    return (beside.T @ x).reshape(like.shape)
