"""Independent streams of random numbers, derived by name from one seed."""

import zlib

import numpy as np


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """The random generator for one purpose.

    Streams with different names or numbers are independent: a new stream never changes another,
    and a resumed run draws the order of epoch 7 without drawing the previous ones.

    Arguments:
        seed: the run's seed, at least 0.
        name: the purpose, such as "initialization" or "order".
        numbers: distinguish streams of one purpose, such as the epoch.
    """
    key = (zlib.crc32(name.encode()), *numbers)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
