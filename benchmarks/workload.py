"""Inputs of the benchmarks: noise of CIFAR-10's size, and minibatches at one learning rate."""

import numpy as np
from jaxtyping import Int

from twingrad.dataset import Dataset, Split
from twingrad.minibatches import EpochInputs


def noise(seed: int = 0) -> Dataset:
    """45,000, 5,000 and 100 samples of noise, float32; the speed does not depend on the values."""
    rng = np.random.default_rng(seed)

    def split(n: int) -> Split:
        return Split(rng.standard_normal((n, 3072), dtype=np.float32), rng.integers(10, size=n))

    return Dataset(split(45_000), split(5_000), split(100), 10, identity={})


def at_rate(
    order: Int[np.ndarray, "*networks updates n"], eta: float, networks: int = 1
) -> EpochInputs:
    """Updates of this many networks on these rows, all at one learning rate."""
    return EpochInputs(order, np.full((networks, order.shape[-2]), eta), {}, None)
