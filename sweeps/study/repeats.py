"""Trials that draw the values of another: one of them trains, the others take over its outcome."""

from dataclasses import replace

from sweeps.space.axes import Choices, apply
from sweeps.study.study import SweepStudy
from sweeps.study.trial import Outcome, Trial
from twingrad.recipe import Recipe


class Repeats:
    """Which recipes of a study have their outcome, or train here, and who waits for it.

    A training is the same every time, so nothing is learnt from repeating it. Lists and whole
    numbers are soon drawn twice; where other numbers are searched, nothing is remembered.

    Arguments:
        study: told of the trials that repeat others.
    """

    def __init__(self, study: SweepStudy) -> None:
        self.study = study
        self.known: dict[Recipe, tuple[int, Outcome]] = {}
        self.waiting: dict[Recipe, list[int]] = {}
        self.finite = all(isinstance(axis, Choices) or axis.whole for axis in study.space)
        for row in study.rows() if self.finite else ():
            if row.outcome and row.status != "invalid" and not row.repeats:
                recipe = apply(study.recipe, study.space, row.parameters)
                self.known[recipe] = (row.number, row.outcome)

    def admit(self, trial: Trial) -> bool:
        """Let a trial train, or has it take over another's outcome, now or when that ends."""
        if not self.finite:
            return True
        if trial.recipe in self.known:
            self._repeat(trial.number, *self.known[trial.recipe])
        elif trial.recipe in self.waiting:
            self.waiting[trial.recipe].append(trial.number)
        else:
            self.waiting[trial.recipe] = []
            return True
        return False

    def tell(self, number: int, recipe: Recipe, outcome: Outcome) -> None:
        """What became of a trial that trained, and so of all that wait for it."""
        if self.finite:
            self.known[recipe] = (number, outcome)
        for other in self.waiting.pop(recipe, []):
            self._repeat(other, number, outcome)

    def _repeat(self, number: int, first: int, outcome: Outcome) -> None:
        said = ": ".join(filter(None, [f"repeats trial {first}", outcome.said]))
        self.study.tell(number, replace(outcome, seconds=0.0, said=said, repeats=first))
