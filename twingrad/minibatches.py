"""The order of the samples, from the seed alone."""

import numpy as np
from jaxtyping import Int

from twingrad.streams import stream


def minibatch_order(
    seed: int | None, epoch: int, samples: int, batch_size: int
) -> Int[np.ndarray, "updates batch"]:
    """The rows of every minibatch of one epoch: a fresh shuffle, cut into whole minibatches.

    The samples that do not fill a last minibatch wait for the next epoch's shuffle: a smaller
    minibatch would weigh them more, and batch norm fails on one of a single sample.

    Arguments:
        seed: the run's seed; None for the samples as they lie, in every epoch.
        epoch: from 0.
        samples: how many training samples there are.
        batch_size: samples per minibatch, at most `samples`.

    Returns:
        int64; row u holds the sample indices of the epoch's minibatch u.
    """
    updates = samples // batch_size
    if seed is None:
        order = np.arange(samples)
    else:
        order = stream(seed, "order", epoch).permutation(samples)
    return order[: updates * batch_size].reshape(updates, batch_size)
