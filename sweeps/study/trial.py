"""One trial of a sweep: what it tries, and what became of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sweeps.space.axes import Parameters
from twingrad.errors import UserError
from twingrad.history import Epoch, Evaluation
from twingrad.recipe import Recipe
from twingrad.training import EVERY_EPOCH, Diverged, Run

Status = Literal["running", "finished", "diverged", "pruned", "invalid"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial to run.

    Arguments:
        number: from 0, in its study.
        parameters: where in the space it lies.
        recipe: of its training.
    """

    number: int
    parameters: Parameters
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial. Nothing in it comes from the test data.

    Arguments:
        status: "finished"; "diverged", with what `said` tells; "pruned" at the end of a cycle;
            "invalid", if its values do not go together.
        epochs: done.
        training, validation: at the end of the last; None before the first. The training data of
            trials that did not finish are evaluated in a sweep with training curves alone.
        seconds: from its start to its end; a stack's trials share theirs.
        said: why it ended early, or which it repeats.
        repeats: the number of the trial of the same values that trained in its place.
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
            UserError: it is something else.
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
                "begin the sweep anew"
            ) from error


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the results.

    Arguments:
        number, parameters: as in `Trial`.
        stage: from 1.
        outcome: None while it runs.
        owner: the run folder, and its machine, that ran it.
        curve: the validation accuracy after each epoch, from 1, as far as it is known.
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
        """True if another trial of the same values trained in its place."""
        return self.outcome is not None and self.outcome.repeats is not None

    @property
    def accuracy(self) -> float | None:
        """On the validation data, from 0 to 1; of trials that finished alone."""
        if self.outcome is None or self.outcome.status != "finished":
            return None
        return self.outcome.validation.accuracy if self.outcome.validation else None

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        outcome = {} if self.outcome is None else self.outcome.as_json()
        return {
            "trial": self.number,
            "stage": self.stage,
            "parameters": dict(self.parameters),
            **outcome,
            "status": self.status,
            "owner": self.owner,
        }


def outcome_of(result: Run | Diverged) -> Outcome:
    """Outcome of a training that ended by itself."""
    seconds = sum(epoch.seconds for epoch in result.history)
    if isinstance(result, Diverged):
        said = (
            f"the cost became {result.cost} at update {result.update} "
            f"(learning rate {result.learning_rate:.6g})"
        )
        return ended("diverged", result.history, seconds, said)
    training, validation = result.final["training"], result.final["validation"]
    if not training.finite:  # seen at the end alone, as where validation data stay small enough
        said = f"the cost of the training data is {training.cost} at the end"
        return ended("diverged", result.history, seconds, said)
    outcome = ended("finished", result.history, seconds)
    return replace(outcome, training=training, validation=validation)


def ended(status: Status, history: Sequence[Epoch], seconds: float, said: str = "") -> Outcome:
    """An outcome after so many epochs."""
    last = history[-1] if history else None
    return Outcome(
        status=status,
        epochs=len(history),
        training=last.training if last else None,
        validation=last.validation if last else None,
        seconds=seconds,
        said=said,
    )


def ranked(rows: Sequence[Row]) -> list[Row]:
    """Finished trials, the best validation accuracy first, the earlier trial first among equals."""
    finished = [row for row in rows if row.accuracy is not None]
    return sorted(finished, key=lambda row: (-(row.accuracy or 0.0), row.number))
