"""What an epoch draws: the order of the samples, the masks of dropout, the augmentation."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from twingrad.augmentation import Augmentation
from twingrad.network import Masks, Network
from twingrad.streams import stream


@dataclass(frozen=True)
class EpochInputs:
    """All that the updates of one epoch take, for one network or many.

    Arguments:
        order: the rows of every minibatch: (updates, n) where all networks share them, else
            (networks, updates, n).
        learning_rates: (networks, updates).
        masks: of dropout, (updates, n, width) or (networks, updates, n, width); empty without.
        augmentation: of the images, with the leading axes of the order; None without.
    """

    order: Int[np.ndarray, "*networks updates n"]
    learning_rates: Float[np.ndarray, "networks updates"]
    masks: Masks
    augmentation: Augmentation | None

    @property
    def shared(self) -> bool:
        """Whether all networks see the same minibatches."""
        return self.order.ndim == 2

    def of(self, network: int) -> "EpochInputs":
        """Those of one network."""
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


def draw_masks(
    network: Network, seed: int, epoch: int, shape: tuple[int, ...]
) -> dict[str, Bool[np.ndarray, "*shape width"]]:
    """The masks of dropout of one epoch, from the stream "dropout": True keeps a unit.

    Arguments:
        network: gives the layers with dropout, their widths and the probability.
        seed: the run's.
        epoch: from 0.
        shape: (updates, batch).
    """
    return {
        name: stream(seed, "dropout", epoch, l).random((*shape, *width), dtype=np.float32)
        >= network.dropout
        for l, (name, width) in enumerate(network.mask_shapes.items(), start=1)
    }
