"""Which values a trial gets. All but TPE draw from the seed and the trial's number alone, so a
sweep that resumes, or is shared by several machines, tries what one that was never stopped would.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.axes import Axis, Space, combinations
from sweeps.study.plan import Plan
from twingrad.recipe import Recipe
from twingrad.streams import stream


class NumberedSampler(BaseSampler):
    """Values by the number of the trial: `point` says which."""

    def point(self, study: Study, number: int) -> dict[str, Any]:
        """Every parameter of a trial."""
        raise NotImplementedError

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self.point(study, trial.number)[param_name]


class GridSampler(NumberedSampler):
    """The points of a grid in their order."""

    def __init__(self, plan: Plan, space: Space, recipe: Recipe) -> None:
        self.grid = combinations(space, recipe, plan.points)

    def point(self, study: Study, number: int) -> dict[str, Any]:
        return dict(self.grid[number])


class RandomSampler(NumberedSampler):
    """Independent draws from a space that each stage takes narrower; with one stage, random
    search."""

    def __init__(self, plan: Plan, space: Space) -> None:
        self.plan, self.space = plan, space

    def point(self, study: Study, number: int) -> dict[str, Any]:
        space = narrowed_space(self.plan, self.space, study, self.plan.stage_of(number))
        return {
            axis.field: axis.draw(stream(self.plan.seed, f"sweep {axis.field}", number))
            for axis in space
        }


def narrowed_space(plan: Plan, space: Space, study: Study, stage: int) -> Space:
    """What a stage searches: for every field the span of the best trials of all stages before.

    The span is made wider on both sides by the mean distance between two trials there were in the
    range so far, and never leaves the range of the stage before. Trials that repeat another do
    not count.

    Arguments:
        stage: from 0, whose predecessors have ended.
    """
    finished = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state == TrialState.COMPLETE and trial.user_attrs["outcome"].get("repeats") is None
    ]
    for before in range(stage):
        end = plan.first_of(before + 1)
        known = [trial for trial in finished if trial.number < end]
        known.sort(key=lambda trial: (-(trial.value or 0.0), trial.number))
        best = known[: plan.best_kept(before)]
        if best:
            space = tuple(narrowed_axis(axis, known, best) for axis in space)
    return space


def narrowed_axis(axis: Axis, known: Sequence[FrozenTrial], best: Sequence[FrozenTrial]) -> Axis:
    """The span of the best, and the mean distance of all known in the range beyond its ends."""
    inside = sum(axis.holds(trial.params[axis.field]) for trial in known)
    return axis.narrowed([trial.params[axis.field] for trial in best], 1 / inside)


def make_sampler(plan: Plan, space: Space, recipe: Recipe, salt: str) -> BaseSampler:
    """The sampler of a plan.

    Arguments:
        salt: of whoever asks; TPE keeps no record of its draws, so two that ask one study, or
            one that comes back to it, must not draw alike.
    """
    if plan.sampler == "grid":
        return GridSampler(plan, space, recipe)
    if plan.sampler == "tpe":
        digest = hashlib.sha256(f"{plan.seed} {salt}".encode()).digest()
        return TPESampler(seed=int.from_bytes(digest[:4], "big"))
    return RandomSampler(plan, space)
