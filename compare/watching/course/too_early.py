"""Gradients passed down through a weight that was already updated."""

from itertools import pairwise

import numpy as np

from compare.watching.course.steps import is_float32
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.relations import scaled
from compare.watching.values import Values

EQUAL = 1e-9
"""Maximum relative error of a product with the right operands."""

VISIBLE = 1e-7
"""Minimum relative error of a product with the other weight."""


def judge_order(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """Find products of a gradient with the new value of the forward pass's weight."""
    for number, (u, then) in enumerate(pairwise(updates), start=1):
        if u.case is None or then.case is None or u.right is None or is_float32(u):
            continue
        for l in range(2, len(u.found.layers) + 1):
            W, new = u.case.parameters[f"W{l}"], then.case.parameters.get(f"W{l}")
            G = u.right.get(f"s{l}")
            if G is None or new is None or new.shape != W.shape:
                continue
            before, after = G @ W, G @ new
            for value in values.within(u.found.index, u.end, before.shape):
                for rows, _ in value.views(before.shape):
                    fit = scaled(rows, after).error
                    if fit < EQUAL and scaled(rows, before).error > VISIBLE:
                        off = float(np.abs(new - W).max())
                        said = (
                            f"Update {number}: the gradient goes back through W{l} after its "
                            f"update, which changed it by up to {off:.3g}."
                        )
                        out.add("update", value.shown, said)
                        return
