"""Both implementations trained alike, and their curves judged alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.training import Run
from compare.agreement import Verdict

PER_EPOCH = 0.02
"""Largest difference of training accuracy allowed at the end of any epoch, for equal seeds."""

FINAL = 0.01
"""Largest difference of final test accuracy allowed, averaged over the seeds."""

CRITERION = (
    f"For equal seeds, training accuracies at the end of every epoch differ by at most "
    f"{100 * PER_EPOCH:g} points, and validation accuracies by that plus twice the standard error "
    f"of a difference of two accuracies on so many images; final test accuracies differ by at "
    f"most {100 * FINAL:g} point, averaged over the seeds."
)


def allowed(part: str, validation_images: int) -> float:
    """How far two accuracies at the end of an epoch may be apart.

    In float32 rounding sends equal trainings on different paths, as a change of one weight by a
    millionth does to one implementation alone; on few images their accuracies differ by sampling.
    """
    if part == "training":
        return PER_EPOCH
    return PER_EPOCH + 2 * (2 * 0.25 / validation_images) ** 0.5


@dataclass(frozen=True)
class CurveVerdict:
    """Two sets of runs, equal seeds side by side.

    Arguments:
        seeds: of the runs.
        names: of the two implementations.
        finals: test accuracy by implementation, in the order of the seeds.
        largest: the epoch nearest to or furthest beyond what is allowed: seed, epoch, part,
            difference and allowed.
        mean_final: mean absolute difference of the final test accuracies.
    """

    seeds: tuple[int, ...]
    names: tuple[str, str]
    finals: dict[str, tuple[float, ...]]
    largest: dict[str, Any]
    mean_final: float

    @property
    def verdict(self) -> Verdict:
        alike = self.largest["difference"] <= self.largest["allowed"] and self.mean_final <= FINAL
        return "agree" if alike else "disagree"

    def as_json(self) -> dict[str, Any]:
        """Every field, the criterion and the verdict."""
        return {"verdict": self.verdict, "criterion": CRITERION, **vars(self)}


def judge_curves(
    names: tuple[str, str], pairs: Sequence[tuple[Run, Run]], *, validation_images: int
) -> CurveVerdict:
    """Compares runs of equal recipes.

    Arguments:
        names: of the two implementations.
        pairs: a run of each, per seed.
        validation_images: how many there are.
    """
    differences = [
        {
            "seed": one.recipe.seed,
            "epoch": epoch.epoch,
            "part": part,
            "difference": abs(getattr(epoch, part).accuracy - getattr(twin, part).accuracy),
            "allowed": allowed(part, validation_images),
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
        largest=max(differences, key=lambda entry: entry["difference"] / entry["allowed"]),
        mean_final=float(np.mean(np.abs(np.subtract(finals[names[0]], finals[names[1]])))),
    )
