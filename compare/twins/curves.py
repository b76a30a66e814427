"""Both implementations trained alike, and their curves judged alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.numerics.agreement import Verdict
from twingrad.training import Run

PER_EPOCH = 0.02
"""Largest difference of accuracy allowed at the end of any epoch, equal seeds, mean over them."""

FINAL = 0.01
"""Largest difference of final test accuracy allowed, averaged over the seeds."""

CRITERION = (
    f"At the end of every epoch the training accuracies of equal seeds differ by at most "
    f"{100 * PER_EPOCH:g} points, averaged over the seeds, and so do the validation accuracies; "
    f"final test accuracies differ by at most {100 * FINAL:g} point, averaged over the seeds."
)
"""In float32 rounding sends equal trainings on different paths, as changing one weight by a
millionth does to one implementation alone: single epochs then differ by 2 points and more. A fault
moves all seeds the same way and stays in the mean; rounding does not."""


@dataclass(frozen=True)
class CurveVerdict:
    """Two sets of runs, equal seeds side by side.

    Arguments:
        seeds: of the runs.
        names: of the two implementations.
        finals: test accuracy by implementation, in the order of the seeds.
        largest: the epoch and part where the mean difference is largest, and each seed's there.
        mean_final: mean absolute difference of the final test accuracies.
    """

    seeds: tuple[int, ...]
    names: tuple[str, str]
    finals: dict[str, tuple[float, ...]]
    largest: dict[str, Any]
    mean_final: float

    @property
    def verdict(self) -> Verdict:
        alike = self.largest["difference"] <= PER_EPOCH and self.mean_final <= FINAL
        return "agree" if alike else "disagree"

    def as_json(self) -> dict[str, Any]:
        """Every field, the criterion and the verdict."""
        return {"verdict": self.verdict, "criterion": CRITERION, **vars(self)}


def judge_curves(names: tuple[str, str], pairs: Sequence[tuple[Run, Run]]) -> CurveVerdict:
    """Compares runs of equal recipes.

    Arguments:
        names: of the two implementations.
        pairs: a run of each, per seed.
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
    """The first run's accuracy less the second's, at the end of an epoch from 0."""
    one, other = (getattr(run.history[epoch], part).accuracy for run in pair)
    return one - other
