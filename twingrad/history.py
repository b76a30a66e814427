"""The record of a training: metrics of every epoch, learning rate and cost of every update."""

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["training", "validation", "test"]


@dataclass(frozen=True)
class Evaluation:
    """Metrics on one part of the data: loss and cost = loss + penalty in nats, accuracy in 0..1."""

    cost: float
    loss: float
    accuracy: float

    @classmethod
    def from_json(cls, fields: dict[str, Any], *, finite: bool = True) -> "Evaluation":
        """Read an evaluation from JSON.

        Arguments:
            finite: whether NaN and infinity are refused.

        Raises:
            AttributeError, TypeError, ValueError: it is not an evaluation.
        """
        return cls(**{name: number(value, finite=finite) for name, value in fields.items()})

    @property
    def finite(self) -> bool:
        return math.isfinite(self.cost)


@dataclass(frozen=True)
class Epoch:
    """One line of metrics.jsonl.

    Arguments:
        epoch: from 1.
        update: updates done by its end.
        training, validation: metrics at its end, with the running statistics; None if not
            evaluated.
        learning_rates: of each of its updates.
        seconds: its duration, including evaluation.
        costs: of each minibatch, before its update.
    """

    epoch: int
    update: int
    training: Evaluation | None
    validation: Evaluation | None
    learning_rates: tuple[float, ...]
    seconds: float
    costs: tuple[float, ...] = ()

    def as_line(self) -> str:
        """The line, without a newline."""
        return json.dumps(dataclasses.asdict(self), allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> "Epoch":
        """Read a line that `as_line` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is not such a line.
        """
        return cls.from_json(json.loads(line))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Epoch":
        """Read an epoch from its fields in JSON.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: they are not those of an epoch.
        """
        read: dict[str, Any] = {
            part: None if fields[part] is None else Evaluation.from_json(fields[part])
            for part in ("training", "validation")
        }
        for series in ("learning_rates", "costs"):
            read[series] = tuple(map(number, fields.get(series, ())))
        for whole in ("epoch", "update"):
            read[whole] = int(number(fields[whole]))
        return cls(**{**fields, **read, "seconds": number(fields["seconds"])})


History = list[Epoch]


def history_from(lines: Iterable[str]) -> History:
    """The epochs of metrics.jsonl.

    Raises:
        ValueError, TypeError, KeyError: a line is not an epoch, or is out of order.
    """
    history = [Epoch.from_line(line) for line in lines]
    for expected, epoch in enumerate(history, start=1):
        if epoch.epoch != expected:
            raise ValueError(f"line {expected} is of epoch {epoch.epoch}")
    return history


def number(value: Any, *, finite: bool = True) -> float:
    """Check that a value from JSON is a number, and return it as a float.

    Arguments:
        finite: whether NaN and infinity are refused.

    Raises:
        TypeError, ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r:.40}")
    if finite and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}")
    return float(value)
