"""The record of a training: metrics of every epoch, learning rate and cost of every update."""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["training", "validation", "test"]


@dataclass(frozen=True)
class Evaluation:
    """Metrics on one part of the data: loss and cost = loss + penalty in nats, accuracy in 0..1."""

    cost: float
    loss: float
    accuracy: float

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
        """Read a line that `as_line` wrote."""
        fields: dict[str, Any] = json.loads(line)
        for part in ("training", "validation"):
            fields[part] = fields[part] and Evaluation(**fields[part])
        for series in ("learning_rates", "costs"):
            fields[series] = tuple(fields.get(series, ()))
        return cls(**fields)


History = list[Epoch]
