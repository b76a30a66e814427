"""Learning-rate schedules: the rate of every update t = 1, 2, ... of a training, float64."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SCHEDULES = ("cyclical", "cosine", "step", "constant", "range")


def learning_rates(
    schedule: str,
    updates: int,
    half_cycle: int,
    eta_min: float,
    eta_max: float,
    factor: float = 0.1,
) -> Float[np.ndarray, " updates"]:
    """The learning rate of every update.

    Arguments:
        schedule: one of `SCHEDULES`.
            cyclical: from eta_min up to eta_max in n_s updates and back down (Smith 2017); update
            t is at position t mod 2 n_s of its cycle, as in the assignment's formula.
            cosine: from eta_max down to eta_min along half a cosine in 2 n_s updates, then again
            from eta_max (Loshchilov and Hutter 2017).
            step: eta_max, multiplied by the factor after every 2 n_s updates; at least eta_min.
            constant: eta_max.
            range: the range test, from eta_min to eta_max with a constant ratio between updates.
        updates: number of updates.
        half_cycle: n_s, in updates.
        eta_min, eta_max: minimum and maximum of the rate.
        factor: of "step".

    Returns:
        float64; entry t - 1 belongs to update t.
    """
    t, cycle = np.arange(1, updates + 1), 2 * half_cycle
    if schedule == "cyclical":
        position = (t % cycle) / half_cycle  # 0 ... 2 within the cycle
        height = np.where(position < 1, position, 2 - position)
        return eta_min + height * (eta_max - eta_min)
    if schedule == "cosine":
        height = (1 + np.cos(np.pi * ((t - 1) % cycle) / cycle)) / 2
        return eta_min + height * (eta_max - eta_min)
    if schedule == "step":
        return np.maximum(eta_min, eta_max * factor ** ((t - 1) // cycle))
    if schedule == "constant":
        return np.full(updates, eta_max)
    return np.geomspace(eta_min, eta_max, updates)


@dataclass(frozen=True)
class Plan:
    """The updates of a recipe on a dataset of known size.

    Arguments:
        samples: number of training samples.
        updates_per_epoch: number of whole minibatches in the training set.
        half_cycle: n_s, in updates.
        learning_rates: of every update of the training.
    """

    samples: int
    updates_per_epoch: int
    half_cycle: int
    learning_rates: Float[np.ndarray, " updates"]

    @property
    def epochs(self) -> int:
        """Number of epochs; the last may be incomplete."""
        return -(-len(self.learning_rates) // self.updates_per_epoch)

    def of_epoch(self, epoch: int) -> Float[np.ndarray, " updates"]:
        """The learning rates of one epoch, numbered from 0."""
        first = epoch * self.updates_per_epoch
        return self.learning_rates[first : first + self.updates_per_epoch]
