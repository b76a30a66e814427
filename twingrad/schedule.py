"""The cyclical learning rate (Smith 2017), by the assignment's formula."""

import numpy as np
from jaxtyping import Float


def learning_rates(
    updates: int, half_cycle: int, eta_min: float, eta_max: float
) -> Float[np.ndarray, " updates"]:
    """The learning rate of updates t = 1, ..., updates.

    In cycle l = floor(t / 2 n_s) the rate rises from eta_min at t = 2 l n_s to eta_max at
    (2 l + 1) n_s and falls back the same way.

    Arguments:
        updates: how many.
        half_cycle: n_s, in updates.
        eta_min, eta_max: the ends of the range.

    Returns:
        float64; entry t - 1 belongs to update t.
    """
    t = np.arange(1, updates + 1)
    position = (t % (2 * half_cycle)) / half_cycle  # 0 ... 2 within the cycle
    height = np.where(position < 1, position, 2 - position)
    return eta_min + height * (eta_max - eta_min)


def stale_rates(
    rates: Float[np.ndarray, " updates"], half_cycle: int
) -> Float[np.ndarray, " updates"]:
    """The same, but update t = 2 l n_s keeps the rate of update t - 1, as in the published code.

    Arguments:
        rates: what `learning_rates` returned; not changed.
        half_cycle: n_s, in updates.
    """
    begins = np.arange(2 * half_cycle, len(rates) + 1, 2 * half_cycle)
    stale = rates.copy()
    stale[begins - 1] = rates[begins - 2]
    return stale
