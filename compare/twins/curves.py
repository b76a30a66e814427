"""Compare the learning curves of both implementations on equal trainings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.numerics.agreement import Verdict
from twingrad.training import Run

MAX_EPOCH_GAP = 0.02
"""Maximum difference of accuracy at the end of any epoch, averaged over the seeds."""

MAX_FINAL_GAP = 0.01
"""Maximum difference of final test accuracy, averaged over the seeds."""

CRITERION = (
    f"At the end of every epoch the training accuracies of equal seeds differ by at most "
    f"{100 * MAX_EPOCH_GAP:g} points, averaged over the seeds, and so do the validation "
    f"accuracies; final test accuracies differ by at most {100 * MAX_FINAL_GAP:g} point, averaged "
    "over the seeds."
)
"""In float32, rounding makes equal trainings diverge from each other, as does changing one weight
of one implementation by a millionth: single epochs then differ by 2 points and more. A fault moves
all seeds in the same direction and remains in the mean; rounding does not."""


@dataclass(frozen=True)
class CurveVerdict:
    """The comparison of two sets of runs with equal seeds.

    Arguments:
        seeds: of the runs.
        names: of the two implementations.
        finals: final test accuracies by implementation, in the order of the seeds.
        largest: the epoch and part with the largest mean difference, and each seed's difference.
        mean_final: mean absolute difference of the final test accuracies.
    """

    seeds: tuple[int, ...]
    names: tuple[str, str]
    finals: dict[str, tuple[float, ...]]
    largest: dict[str, Any]
    mean_final: float

    @property
    def verdict(self) -> Verdict:
        epochs_agree = self.largest["difference"] <= MAX_EPOCH_GAP
        return "agree" if epochs_agree and self.mean_final <= MAX_FINAL_GAP else "disagree"

    def as_json(self) -> dict[str, Any]:
        """Every field, the criterion and the verdict, ready for JSON."""
        return {"verdict": self.verdict, "criterion": CRITERION, **vars(self)}


def judge_curves(names: tuple[str, str], pairs: Sequence[tuple[Run, Run]]) -> CurveVerdict:
    """Compare runs of equal recipes.

    Arguments:
        names: of the two implementations.
        pairs: for each seed, one run of each implementation.
    """
    differences = [
        {
            "epoch": epoch + 1,
            "part": part,
            "each_seed": each,
            "difference": abs(float(np.mean(each))),
        }
        for epoch in range(len(pairs[0][0].history))
        for part in ("training", "validation")
        for each in [[accuracy_gap(pair, epoch, part) for pair in pairs]]
    ]
    finals = {
        name: tuple(pair[side].final["test"].accuracy for pair in pairs)
        for side, name in enumerate(names)
    }
    return CurveVerdict(
        seeds=tuple(one.recipe.seed for one, _ in pairs),
        names=names,
        finals=finals,
        largest=max(differences, key=lambda entry: entry["difference"]),
        mean_final=float(np.mean(np.abs(np.subtract(finals[names[0]], finals[names[1]])))),
    )


def accuracy_gap(pair: tuple[Run, Run], epoch: int, part: str) -> float:
    """The first run's accuracy minus the second's at the end of an epoch, numbered from 0."""
    one, other = (getattr(run.history[epoch], part).accuracy for run in pair)
    return one - other
