"""Verdicts on an object's running statistics and its evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.submissions.asking.objects import coefficients
from compare.submissions.submission import Evaluation, Running

FACTOR = 0.9
"""alpha of the specification: the weight of the old running statistics."""

TOLERANCE = 1e-9
"""Relative tolerance: rounding of a few updates."""


@dataclass(frozen=True)
class Rule:
    """The rule of a running statistic: kept * old + added * batch's.

    Arguments:
        variance: whether it is one.
        samples: n of a minibatch.
    """

    kept: float
    added: float
    variance: bool
    samples: int

    @property
    def swapped(self) -> bool:
        """Whether the smaller weight belongs to the old value."""
        return self.kept < 0.5

    @property
    def unbiased(self) -> bool:
        """Whether the variance is divided by n - 1."""
        bessel = self.samples / (self.samples - 1)
        return self.variance and close(self.added, bessel * (1 - self.kept))

    @property
    def right(self) -> tuple[float, float]:
        """The right weights: the code's own factor, if it is one."""
        kept = 1 - self.kept if self.swapped else self.kept
        return (kept, 1 - kept) if 0.5 <= kept < 1 else (FACTOR, 1 - FACTOR)

    @property
    def sentence(self) -> str:
        """What is wrong with the rule; "" if nothing is."""
        what = "running variance" if self.variance else "running mean"
        said = []
        if self.unbiased:
            said.append(
                f"The {what} takes the variance by n - 1 of every minibatch (unbiased), but "
                "expected that by n, which the training normalises by."
            )
        elif not close(self.kept + self.added, 1):
            said.append(
                f"The {what} is {self.kept:.4g} times the one before plus {self.added:.4g} times "
                "the minibatch's: these weights should add up to 1."
            )
        if self.swapped:
            said.append(
                f"The {what} keeps {self.kept:.4g} of the one before, but expected "
                f"{self.right[0]:.4g}: the two weights are swapped."
            )
        return " ".join(said)


def close(one: float, other: float) -> bool:
    """Whether two fitted weights are equal."""
    return abs(one - other) <= 1e-6 * max(1.0, abs(other))


def rule_of(running: Running) -> Rule:
    """The rule that the values follow."""
    kept, added = coefficients(running.values, running.seen)
    return Rule(kept, added, running.name.startswith("v"), running.samples)


def judge_object(
    running: Sequence[Running], evaluations: Sequence[Evaluation]
) -> Iterator[CaseVerdict]:
    """One case for the running statistics, and one for each evaluation."""
    if running:
        tensors = [judge_running(one) for one in running]
        wrong = next((t.name for t in tensors if t.verdict == "disagree"), None)
        fault = None if wrong is None else {"tensor": wrong, "pass": "update"}
        yield CaseVerdict(RUNNING, tuple(tensors), fault)
    for number, one in enumerate(evaluations, 1):
        tensor = judge(
            f"evaluation: {one.name}", "by hand", one.expected, one.found, relative=TOLERANCE
        )
        tensors = [tensor, *map(left_alone, one.changed)]
        fault = {"tensor": tensor.name, "pass": "evaluation"}
        wrong_here = any(t.verdict == "disagree" for t in tensors)
        name = f"evaluation, {one.how}" + (f" {number}" if number > 1 else "")
        yield CaseVerdict(name, tuple(tensors), fault if wrong_here else None)


RUNNING = "running statistics over minibatches"


def judge_running(running: Running) -> TensorVerdict:
    """Compare every value with that for its own previous value and the minibatch's statistic."""
    kept, added = rule_of(running).right
    expected = kept * running.values[:-1] + added * running.seen[1:]
    note = f"{running.where}; of the index, the first number is the minibatch, from 0"
    name = f"running {running.name}"
    return judge(name, "by hand", expected, running.values[1:], relative=TOLERANCE, note=note)


def left_alone(where: str) -> TensorVerdict:
    """A running statistic that an evaluation changed."""
    return judge(where, "before the evaluation", np.zeros(1), np.ones(1))


def object_sentences(
    running: Sequence[Running], evaluations: Sequence[Evaluation]
) -> Iterator[str]:
    """What is wrong, in sentences without duplicates."""
    told: dict[str, list[str]] = {}
    for one in running:
        told.setdefault(rule_of(one).sentence, []).append(one.where)
    for sentence, places in told.items():
        if sentence:
            yield f"{places[0]}: {sentence}" + (
                f" So for {', '.join(places[1:])}." if places[1:] else ""
            )
    for given in evaluations:
        if given.by_batch is not None and near(given.found, given.by_batch):
            yield (
                f"{given.how} normalises by the statistics of the samples that it is given, but "
                "expected the running ones: what it says of a sample depends on the others."
            )
        elif not near(given.found, given.expected):
            what = "the running statistics that it keeps give" if given.by_batch is not None else ""
            yield f"{given.how} gives other values than {what or 'the forward pass of training'}."
        if given.changed:
            yield (
                f"{given.how} changes {', '.join(given.changed)}: an evaluation should leave the "
                "running statistics alone."
            )


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether outputs are equal up to rounding."""
    size = float(np.abs(expected).max(initial=0))
    return bool(np.abs(found - expected).max(initial=0) <= TOLERANCE * size)


def conventions_of(running: Sequence[Running]) -> str:
    """Where the statistics are, and the conventions used; "" if there are none."""
    if not running:
        return ""
    rules = [rule_of(one) for one in running]
    places = ", ".join(f"{one.name} = {one.where}" for one in running)
    factors = sorted({f"{rule.right[0]:.4g}" for rule in rules})
    starts = sorted({start_of(one, rule) for one, rule in zip(running, rules, strict=True)})
    return f"{places}; factor {' and '.join(factors)}; start {' and '.join(starts)}"


def start_of(running: Running, rule: Rule) -> str:
    """The statistics before the first minibatch, in words."""
    first, seen = running.values[0], running.seen[0]
    if near(first, seen) or near(first, rule.added / (1 - rule.kept or 1) * seen):
        return "at the first minibatch's"
    for value in (0.0, 1.0):
        if near(first, rule.kept * value + rule.added * seen):
            return f"at {value:g}"
    return "at something else"
