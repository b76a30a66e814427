"""One seed, many independent streams of random numbers, each found by its name."""

import zlib

import numpy as np


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """The generator of one purpose.

    Streams of different names or numbers are independent, so asking for one more never shifts
    another, and a resumed run finds the order of epoch 7 without drawing the six before it.

    Arguments:
        seed: the run's seed, 0 or more.
        name: the purpose: "initialization", "order", ...
        numbers: which one of that purpose, such as the epoch.
    """
    key = (zlib.crc32(name.encode()), *numbers)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
