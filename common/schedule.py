"""The cyclical learning rate (Smith 2017), by the assignment's formula."""

import numpy as np
from jaxtyping import Float


def learning_rates(
    updates: int, half_cycle: int, eta_min: float, eta_max: float, *, stale: bool = False
) -> Float[np.ndarray, " updates"]:
    """The learning rate of updates t = 1, ..., updates.

    In cycle l = floor(t / 2 n_s) the rate rises from eta_min at t = 2 l n_s to eta_max at
    (2 l + 1) n_s and falls back the same way.

    Arguments:
        updates: how many.
        half_cycle: n_s, in updates.
        eta_min, eta_max: the ends of the range.
        stale: update t = 2 l n_s uses the rate of update t - 1, as the published code did.

    Returns:
        float64; entry t - 1 belongs to update t.
    """
    t = np.arange(1, updates + 1)
    position = (t % (2 * half_cycle)) / half_cycle  # 0 ... 2 within the cycle
    height = np.where(position < 1, position, 2 - position)
    rates = eta_min + height * (eta_max - eta_min)
    if stale:
        begins = np.arange(2 * half_cycle, updates + 1, 2 * half_cycle)
        rates[begins - 1] = rates[begins - 2]
    return rates
