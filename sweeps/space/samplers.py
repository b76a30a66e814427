"""Which values a trial gets. Samplers that learn are Optuna's.

The others draw from the seed and the trial's number alone, so a sweep that resumes, or is shared by
several drivers, tries what one that was never stopped would. Optuna's own random and grid samplers
depend on what was drawn before.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.axes import Axis, Space, combinations
from sweeps.study.plan import LEARNING, Plan
from twingrad.recipe import Recipe
from twingrad.streams import stream


class NumberedSampler(RandomSampler):
    """Values that the number of the trial decides: the points of a grid in their order, or
    independent draws from a space that each stage of coarse-to-fine takes narrower."""

    def __init__(self, plan: Plan, space: Space, recipe: Recipe) -> None:
        super().__init__()
        self.plan, self.space = plan, space
        self.grid = combinations(space, recipe, plan.points) if plan.sampler == "grid" else None

    def sample_independent(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        if self.grid is not None:
            return self.grid[trial.number][name]
        space = narrowed_space(self.plan, self.space, study, self.plan.stage_of(trial.number))
        (axis,) = (axis for axis in space if axis.field == name)
        return axis.draw(stream(self.plan.seed, f"sweep {name}", trial.number))


def narrowed_space(plan: Plan, space: Space, study: Study, stage: int) -> Space:
    """What a stage searches: for every field the span of the best trials of all stages before.

    The span is made wider on both sides by the mean distance between two trials there were in the
    range so far, and never leaves the range of the stage before. Trials that repeat another do
    not count.

    Arguments:
        stage: from 0, whose predecessors have ended.
    """
    if stage == 0:
        return space
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
        salt: of whoever asks; a sampler that learns keeps no record of its draws, so two that ask
            one study, or one that comes back to it, must not draw alike.
    """
    if plan.sampler not in LEARNING:
        return NumberedSampler(plan, space, recipe)
    digest = hashlib.sha256(f"{plan.seed} {salt}".encode()).digest()
    kind = {"tpe": TPESampler, "cma-es": CmaEsSampler, "gp": GPSampler}[plan.sampler]
    return kind(seed=int.from_bytes(digest[:4], "big"))
