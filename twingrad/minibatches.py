"""The random draws of an epoch: sample order, dropout masks and augmentation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from twingrad.augmentation import Augmentation
from twingrad.network import Masks, Network
from twingrad.streams import stream


@dataclass(frozen=True)
class EpochInputs:
    """The inputs of the updates of one epoch, for one network or many.

    Arguments:
        order: the rows of every minibatch: (updates, n) if all networks share them, otherwise
            (networks, updates, n).
        learning_rates: (networks, updates).
        masks: dropout masks, (updates, n, width) or (networks, updates, n, width); may be empty.
        augmentation: with the leading axes of `order`; None for no augmentation.
    """

    order: Int[np.ndarray, "*networks updates n"]
    learning_rates: Float[np.ndarray, "networks updates"]
    masks: Masks
    augmentation: Augmentation | None

    @property
    def shared(self) -> bool:
        """Whether all networks share their minibatches."""
        return self.order.ndim == 2

    def of(self, network: int) -> "EpochInputs":
        """The inputs of one network."""
        augmentation, rates = self.augmentation, self.learning_rates[network : network + 1]
        if self.shared:
            return EpochInputs(self.order, rates, self.masks, augmentation)
        return EpochInputs(
            self.order[network],
            rates,
            {name: mask[network] for name, mask in self.masks.items()},
            augmentation
            and Augmentation(
                augmentation.flip[network],
                augmentation.shift[network],
                augmentation.jitter[network],
            ),
        )


def minibatch_order(
    seed: int | None, epoch: int, samples: int, batch_size: int
) -> Int[np.ndarray, "updates batch"]:
    """The rows of every minibatch of one epoch: a new shuffle, cut into whole minibatches.

    Samples left over are not used in this epoch: a smaller minibatch would give them more weight,
    and batch norm fails on a single sample.

    Arguments:
        seed: the run's seed; None for no shuffling.
        epoch: from 0.
        samples: number of training samples.
        batch_size: samples per minibatch, at most `samples`.

    Returns:
        int64; row u holds the sample indices of minibatch u.
    """
    updates = samples // batch_size
    if seed is None:
        order = np.arange(samples)
    else:
        order = stream(seed, "order", epoch).permutation(samples)
    return order[: updates * batch_size].reshape(updates, batch_size)


def draw_masks(
    network: Network, seed: int, epoch: int, shape: tuple[int, ...]
) -> dict[str, Bool[np.ndarray, "*shape width"]]:
    """Draw the dropout masks of one epoch, from the stream "dropout": True keeps a unit.

    Arguments:
        network: defines the layers with dropout, their widths and the probability.
        seed: the run's seed.
        epoch: from 0.
        shape: (updates, batch).
    """
    return {
        name: stream(seed, "dropout", epoch, l).random((*shape, *width), dtype=np.float32)
        >= network.dropout
        for l, (name, width) in enumerate(network.mask_shapes.items(), start=1)
    }
