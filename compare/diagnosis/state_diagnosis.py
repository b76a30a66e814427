"""Which mistake of training gives exactly the states found."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np

from compare.diagnosis.catalogue.plain_training import schedule
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS, PlainLearner, StateFault
from compare.diagnosis.states import STATE_TOLERANCE, ZEROS, States, course, first_wrong
from compare.numerics.agreement import TensorVerdict
from compare.twins.lockstep import distance


@dataclass(frozen=True)
class StateMatch:
    """A fault of training, or two, that explains every state found.

    Arguments:
        faults: which.
        residual: the largest difference left, relative to its tensor.
        runner_up: that of the best that does not explain it.
    """

    faults: tuple[StateFault, ...]
    residual: float
    runner_up: float | None

    def as_json(self) -> dict[str, Any]:
        """As a match of `compare.diagnosis.search`."""
        return {
            "fault": " + ".join(fault.name for fault in self.faults),
            "layer": None,
            "residual": self.residual,
            "runner_up": self.runner_up,
            "explanation": " ".join(fault.explanation for fault in self.faults),
            "mend": " ".join(fault.mend for fault in self.faults),
            "tensor": self.faults[0].tensor,
            "pass": "state",
        }


@dataclass(frozen=True)
class StateExamination:
    """What the states of a training show.

    Arguments:
        tensor: the first that is wrong.
        update: after which, from 1; None for evaluation.
        matches: the faults that explain all of them, best first.
    """

    tensor: str
    update: int | None
    matches: tuple[StateMatch, ...]

    @property
    def sentences(self) -> list[str]:
        """For people."""
        when = "" if self.update is None else f" after update {self.update}"
        said = [f"Training, first wrong: {self.tensor}{when}."]
        if not self.matches:
            return [*said, "No known fault explains this."]
        best = self.matches[0]
        said += [f"{fault.explanation} {fault.mend}" for fault in best.faults]
        return said

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "said": self.sentences,
            "first_fault": {"tensor": self.tensor, "pass": "state", "update": self.update},
            "diagnosis": [match.as_json() for match in self.matches],
        }


def examine_states(
    found: Mapping[str, np.ndarray], verdicts: list[TensorVerdict]
) -> StateExamination | None:
    """The first state that is wrong, and the faults that give the same; None if all agree."""
    expected = states_with(())
    first = first_wrong(verdicts, found, expected)
    if first is None:
        return None
    singles: list[tuple[StateFault, ...]] = [(fault,) for fault in STATE_FAULTS]
    tried = [(faults, residual(found, states_with(faults))) for faults in singles]
    if not any(r <= STATE_TOLERANCE for _, r in tried):
        pairs = [pair for pair in combinations(STATE_FAULTS, 2) if combine(pair) is not None]
        tried += [(faults, residual(found, states_with(faults))) for faults in pairs]
    runner_up = min((r for _, r in tried if r > STATE_TOLERANCE), default=None)
    if runner_up is not None and not np.isfinite(runner_up):
        runner_up = None
    matches = [StateMatch(f, r, runner_up) for f, r in tried if r <= STATE_TOLERANCE]
    return StateExamination(*first, tuple(matches))


@cache
def states_with(faults: tuple[StateFault, ...]) -> States:
    """The course of a training with these faults; with none, the right one."""
    learner = combine(faults)
    rates = next((f.learning_rates for f in faults if f.learning_rates is not schedule), schedule)
    with np.errstate(all="ignore"):  # a mistake may well diverge
        return course(SimpleNamespace(learner=learner, learning_rates=rates))


def combine(faults: tuple[StateFault, ...]) -> type[PlainLearner] | None:
    """A training with several faults; None where two replace the same step."""
    learners = [fault.learner for fault in faults if fault.learner is not PlainLearner]
    if len(learners) < 2:
        return learners[0] if learners else PlainLearner
    steps = [
        name for learner in learners for name in vars(learner) if callable(vars(learner)[name])
    ]
    if len(steps) != len(set(steps)):
        return None
    return type("Combined", tuple(learners), {})


def residual(found: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray]) -> float:
    """The largest difference of any state, relative to its tensor."""
    if any(n not in predicted or v.shape != predicted[n].shape for n, v in found.items()):
        return np.inf
    return max(distance(name, predicted, found, ZEROS) for name in found)
