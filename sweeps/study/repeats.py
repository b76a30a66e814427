"""Trials with the values of another: one of them trains, and the others take over its outcome."""

from dataclasses import replace

from sweeps.space.axes import Choices
from sweeps.study.study import SweepStudy
from sweeps.study.trial import Outcome
from twingrad.recipe import Recipe


class Repeats:
    """Which recipes of a study have an outcome or are training, and which trials wait for them.

    Nothing is remembered if a continuous range is searched, since no value is drawn twice there.

    Arguments:
        study: where the trials that repeat others are recorded.
    """

    def __init__(self, study: SweepStudy) -> None:
        self.study = study
        self.known: dict[Recipe, tuple[int, Outcome]] = {}
        self.waiting: dict[Recipe, list[int]] = {}
        space = study.setup.space
        self.finite = all(isinstance(axis, Choices) or axis.whole for axis in space)
        for row in study.rows() if self.finite else ():
            if row.outcome and row.status != "invalid" and not row.repeats:
                self.known[study.recipe(row.parameters)] = (row.number, row.outcome)

    def must_train(self, number: int, recipe: Recipe) -> bool:
        """True if a trial must train. Otherwise it gets the outcome of an equal trial, now or when
        that trial ends."""
        if not self.finite:
            return True
        if recipe in self.known:
            self._repeat(number, *self.known[recipe])
        elif recipe in self.waiting:
            self.waiting[recipe].append(number)
        else:
            self.waiting[recipe] = []
            return True
        return False

    def tell(self, number: int, recipe: Recipe, outcome: Outcome) -> None:
        """Record the outcome of a trial that trained, also for the trials that wait for it."""
        if self.finite:
            self.known[recipe] = (number, outcome)
        for other in self.waiting.pop(recipe, []):
            self._repeat(other, number, outcome)

    def _repeat(self, number: int, first: int, outcome: Outcome) -> None:
        said = ": ".join(filter(None, [f"repeats trial {first}", outcome.said]))
        self.study.tell(number, replace(outcome, seconds=0.0, said=said, repeats=first))
