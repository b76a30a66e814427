"""The outcome of a trial, and its line in the results."""

import dataclasses
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeps.space.axes import Parameters
from twingrad.errors import UserError
from twingrad.history import Epoch, Evaluation
from twingrad.training import EVERY_EPOCH, Diverged, Run

Status = Literal["running", "finished", "diverged", "pruned", "invalid"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended. Nothing in it depends on the test data.

    Arguments:
        status: "finished"; "diverged"; "pruned" at the end of a cycle; "invalid" if its values
            cannot be combined.
        epochs: number of epochs trained.
        training, validation: evaluations after the last epoch; None before the first. Trials that
            did not finish have a training evaluation only in a sweep with training curves.
        seconds: training time; the trials of a stack have the same.
        said: why it ended early, or which trial it repeats.
        repeats: number of the trial with the same values that trained in its place.
    """

    status: Status
    epochs: int
    training: Evaluation | None
    validation: Evaluation | None
    seconds: float
    said: str = ""
    repeats: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Outcome":
        """The outcome that `as_json` described.

        Raises:
            UserError: the fields are damaged.
        """
        try:
            evaluated = [part for part in EVERY_EPOCH if fields[part] is not None]
            parts: dict[str, Any] = {
                part: Evaluation.from_json(fields[part], finite=False) for part in evaluated
            }
            if fields["status"] == "finished" and len(evaluated) < len(EVERY_EPOCH):
                raise ValueError("finished without an evaluation")
            numbers = {"epochs": int(fields["epochs"]), "seconds": float(fields["seconds"])}
            return cls(**{**fields, **parts, **numbers})
        except (AttributeError, TypeError, ValueError, KeyError, OverflowError) as error:
            raise UserError(
                f"the study holds a damaged outcome of a trial ({type(error).__name__}: {error}); "
                "start a new sweep"
            ) from error


@dataclass(frozen=True, slots=True)
class Row:
    """A trial in the results.

    Arguments:
        number: from 0, in its study.
        parameters: its point in the space.
        stage: from 1.
        outcome: None while it runs.
        owner: the machine and the run folder that it belongs to.
        curve: the validation accuracy after each epoch, from 1, that was reported.
    """

    number: int
    parameters: Parameters
    stage: int
    outcome: Outcome | None
    owner: str
    curve: Mapping[int, float] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return "running" if self.outcome is None else self.outcome.status

    @property
    def repeats(self) -> bool:
        """True if another trial with the same values trained in its place."""
        return self.outcome is not None and self.outcome.repeats is not None

    @property
    def accuracy(self) -> float | None:
        """Validation accuracy from 0 to 1; None unless the trial finished."""
        if self.outcome is None or self.outcome.status != "finished":
            return None
        return self.outcome.validation.accuracy if self.outcome.validation else None

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "trial": self.number,
            "stage": self.stage,
            "parameters": dict(self.parameters),
            **({} if self.outcome is None else self.outcome.as_json()),
            "status": self.status,
            "owner": self.owner,
        }


def outcome_of(result: Run | Diverged) -> Outcome:
    """The outcome of a training that was not pruned."""
    if isinstance(result, Diverged):
        said = (
            f"the cost became {result.cost} at update {result.update} "
            f"(learning rate {result.learning_rate:.6g})"
        )
        return stopped("diverged", result.history, said)
    training, validation = result.final["training"], result.final["validation"]
    if not training.finite:  # the validation cost may still be finite
        said = f"the cost of the training data is {training.cost} at the end"
        return stopped("diverged", result.history, said)
    seconds = sum(epoch.seconds for epoch in result.history)
    return Outcome("finished", len(result.history), training, validation, seconds)


def stopped(status: Status, history: Sequence[Epoch], said: str) -> Outcome:
    """The outcome of a trial that did not finish.

    Arguments:
        history: its epochs so far.
        said: the reason.
    """
    training, validation = None, None
    if history:
        training, validation = history[-1].training, history[-1].validation
    seconds = sum(epoch.seconds for epoch in history)
    return Outcome(status, len(history), training, validation, seconds, said)


def best_of(rows: Iterable[Row], count: int = 1) -> list[Row]:
    """The finished trials with the highest validation accuracy, best first, at most `count`; the
    earlier of two equal trials comes first."""
    finished = (row for row in rows if row.accuracy is not None)
    return heapq.nsmallest(count, finished, key=lambda row: (-(row.accuracy or 0.0), row.number))
