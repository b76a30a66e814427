"""Adam's two moments stored in one array."""

import numpy as np

from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.relations import close, two_terms
from compare.watching.values import Value, Values


def shared_moments(values: Values, update: Update, out: TrainingVerdict) -> bool:
    """Finds a second moment that was computed from the first one: both are one array.

    In the first update the second moment must be b g^2; a g + b g^2 with the factors of Adam
    shows that it started from the first moment just written.
    """
    if update.right is None or update.roles is None:
        return False
    for name in update.roles.found:
        role = update.roles.found[name]
        if name not in update.case.parameters or not role.c:  # type: ignore[union-attr]
            continue
        g = role.gradient
        arrays: list[tuple[Value, np.ndarray]] = [
            (value, rows)
            for value in values.within(role.value.first, update.end, g.shape)
            for rows, _ in value.views(g.shape)
        ]
        firsts = [float((a * g).sum() / (g * g).sum()) for _, a in arrays]
        ks = [k for k, (_, a) in zip(firsts, arrays, strict=True)
              if 0 < k < 0.5 and close(a, k * g, 1e-7)]  # fmt: skip
        for value, a in arrays:
            fit = two_terms(a, g, g * g)
            for k in ks:
                counts = fit.d * np.abs(g * g).max() > 1e-6 * np.abs(a).max()
                if fit.error < 1e-9 and counts and fit.d < 0.2 and near(fit.c, (1 - fit.d) * k):
                    said = (
                        f"Update 1: Adam's second moment of {name} is {fit.c:.4g} g + "
                        f"{fit.d:.4g} g^2, not {fit.d:.4g} g^2: it shares its array with the "
                        f"first moment, {k:.4g} g."
                    )
                    out.add("reference_shared", value.shown, said)
                    return True
    return False


def near(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-5 * abs(b)
