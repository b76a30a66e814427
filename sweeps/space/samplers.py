"""How trials get their values. Samplers that learn are Optuna's.

The others draw from the seed and the number of the trial alone, so a sweep that is resumed or
shared by several drivers tries the same values as an uninterrupted one. The draws of Optuna's own
random and grid samplers depend on earlier draws.
"""

import hashlib
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
    """Values that depend on the number of the trial: a point of the grid, or an independent draw
    from the space of its stage."""

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
    """The space of a stage: for every field the span of the best trials so far.

    The span is extended on both sides by the mean distance of two trials in the range before, and
    limited to that range. Trials that repeat another do not count.

    Arguments:
        stage: from 0; all stages before it have ended.
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
        if known:
            space = tuple(narrowed(axis, known, plan.best_kept(before)) for axis in space)
    return space


def narrowed(axis: Axis, trials: list[FrozenTrial], best: int) -> Axis:
    """An axis narrowed to the best of the trials, which are in order of accuracy."""
    values = [trial.params[axis.field] for trial in trials]
    return axis.narrowed(values[:best], spacing=1 / sum(axis.holds(value) for value in values))


def make_sampler(plan: Plan, space: Space, recipe: Recipe, salt: str) -> BaseSampler:
    """The sampler of a plan.

    Arguments:
        salt: different for every process that uses the study. Samplers that learn do not record
            their draws, so with equal seeds two processes would draw the same values.
    """
    if plan.sampler not in LEARNING:
        return NumberedSampler(plan, space, recipe)
    digest = hashlib.sha256(f"{plan.seed} {salt}".encode()).digest()
    kind = {"tpe": TPESampler, "cma-es": CmaEsSampler, "gp": GPSampler}[plan.sampler]
    return kind(seed=int.from_bytes(digest[:4], "big"))
