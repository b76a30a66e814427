"""Search for the mistake of training that explains all states found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np

from compare.diagnosis.catalogue.plain_training import PlainLearner
from compare.diagnosis.catalogue.schedule_faults import right
from compare.diagnosis.catalogue.state_fault import StateFault
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.states import (
    STATE_TOLERANCE,
    States,
    course,
    first_wrong,
    recipe_of,
    zeros_of,
)
from compare.numerics.agreement import TensorVerdict
from compare.twins.lockstep import distance


@dataclass(frozen=True)
class StateMatch:
    """A mistake of training, or a pair, that explains every state found.

    Arguments:
        faults: the mistakes.
        residual: largest difference that remains, relative to its tensor.
        runner_up: residual of the best mistake that does not explain the states.
    """

    faults: tuple[StateFault, ...]
    residual: float
    runner_up: float | None

    def as_json(self) -> dict[str, Any]:
        """The match in the format of `compare.diagnosis.search`."""
        return {
            "fault": " + ".join(fault.name for fault in self.faults),
            "layer": None,
            "residual": self.residual,
            "runner_up": self.runner_up,
            "explanation": " ".join(fault.explanation for fault in self.faults),
            "fix": " ".join(fault.fix for fault in self.faults),
            "tensor": self.faults[0].tensor,
            "pass": "state",
        }


@dataclass(frozen=True)
class StateExamination:
    """The result of examining the states of a training.

    Arguments:
        tensor: the first wrong state.
        update: the update, from 1, after which it is wrong; None for evaluation.
        matches: the mistakes that explain all states, the best first.
    """

    tensor: str
    update: int | None
    matches: tuple[StateMatch, ...]

    @property
    def sentences(self) -> list[str]:
        """The first wrong state and the explanation, in sentences."""
        when = "" if self.update is None else f" after update {self.update}"
        said = [f"Training, first wrong: {self.tensor}{when}."]
        if not self.matches:
            return [*said, "No known fault explains this."]
        best = self.matches[0]
        said += [f"{fault.explanation} {fault.fix}" for fault in best.faults]
        return said

    def as_json(self) -> dict[str, Any]:
        """The result, ready for JSON."""
        return {
            "said": self.sentences,
            "first_fault": {"tensor": self.tensor, "pass": "state", "update": self.update},
            "diagnosis": [match.as_json() for match in self.matches],
        }


def examine_states(
    found: Mapping[str, np.ndarray], verdicts: list[TensorVerdict], setting: str = "sgd"
) -> StateExamination | None:
    """Find the first wrong state and the mistakes that explain all states; None if all agree.

    Arguments:
        found: what `course` recorded in this setting.
        verdicts: of `judge_states`.
        setting: one of `compare.diagnosis.states.SETTINGS`.
    """
    first = first_wrong(verdicts, found, states_with((), setting))
    if first is None:
        return None
    possible, zeros = faults_in(setting), zeros_of(setting)

    def tried(combinations: Iterable[tuple[StateFault, ...]]) -> list[tuple[Any, float]]:
        return [(each, residual(found, states_with(each, setting), zeros)) for each in combinations]

    left = tried((fault,) for fault in possible)
    if not any(r <= STATE_TOLERANCE for _, r in left):
        left += tried(pair for pair in combinations(possible, 2) if combine(pair) is not None)
    runner_up = min((r for _, r in left if STATE_TOLERANCE < r < np.inf), default=None)
    matches = [StateMatch(f, r, runner_up) for f, r in left if r <= STATE_TOLERANCE]
    return StateExamination(*first, tuple(matches))


def faults_in(setting: str) -> tuple[StateFault, ...]:
    """The mistakes that are possible in this setting."""
    recipe = recipe_of(setting)
    return tuple(fault for fault in STATE_FAULTS if fault.where(recipe))


@cache
def states_with(faults: tuple[StateFault, ...], setting: str = "sgd") -> States:
    """The states of a training with these mistakes; of a right one if there are none."""
    schedules = [fault.learning_rates for fault in faults if fault.learning_rates is not None]
    rates = schedules[0] if schedules else right(recipe_of(setting).schedule)
    with np.errstate(all="ignore"):  # a mistake may well diverge
        return course(SimpleNamespace(learner=combine(faults), learning_rates=rates), setting)


def combine(faults: tuple[StateFault, ...]) -> type[PlainLearner] | None:
    """A training with several mistakes; None if two of them replace the same method."""
    if sum(fault.learning_rates is not None for fault in faults) > 1:
        return None
    learners = [fault.learner for fault in faults if fault.learner is not PlainLearner]
    if len(learners) < 2:
        return learners[0] if learners else PlainLearner
    steps = [
        name for learner in learners for name in vars(learner) if callable(vars(learner)[name])
    ]
    if len(steps) != len(set(steps)):
        return None
    return type("Combined", tuple(learners), {})


def residual(
    found: Mapping[str, np.ndarray],
    predicted: Mapping[str, np.ndarray],
    zeros: Mapping[str, str],
) -> float:
    """Maximum difference of any state, relative to its tensor.

    Entries that are not finite in both are equal: a mistake that produces NaN produces it in the
    same places.
    """
    if any(n not in predicted or v.shape != predicted[n].shape for n, v in found.items()):
        return np.inf
    worst = 0.0
    for name, value in found.items():
        lost = ~np.isfinite(value) & ~np.isfinite(predicted[name])
        ours, theirs = ({name: np.where(lost, 0, v)} for v in (predicted[name], value))
        worst = max(worst, distance(name, ours, theirs, zeros))
    return worst
