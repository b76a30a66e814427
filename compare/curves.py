"""Both implementations trained alike, and their curves judged alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.training import Run
from compare.agreement import Verdict

PER_EPOCH = 0.02
"""Largest difference of accuracy allowed at the end of any epoch, for equal seeds."""

FINAL = 0.01
"""Largest difference of final test accuracy allowed, averaged over the seeds."""

CRITERION = (
    f"For equal seeds, training and validation accuracy at the end of every epoch differ by at "
    f"most {100 * PER_EPOCH:g} points; final test accuracies differ by at most "
    f"{100 * FINAL:g} point, averaged over the seeds."
)


@dataclass(frozen=True)
class CurveVerdict:
    """Two sets of runs, equal seeds side by side.

    Arguments:
        seeds: of the runs.
        names: of the two implementations.
        finals: test accuracy by implementation, in the order of the seeds.
        largest: the largest difference of any epoch: seed, epoch, part and difference.
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
            "seed": one.recipe.seed,
            "epoch": epoch.epoch,
            "part": part,
            "difference": abs(getattr(epoch, part).accuracy - getattr(twin, part).accuracy),
        }
        for one, other in pairs
        for epoch, twin in zip(one.history, other.history, strict=True)
        for part in ("training", "validation")
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
