"""What a training records: three numbers per epoch and part, the learning rate per update."""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, Literal

Part = Literal["training", "validation", "test"]


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one part of the data: cost = loss + penalty in nats; accuracy from 0 to 1."""

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
        training, validation: evaluated at its end, with the running statistics; None where that
            part was not evaluated.
        learning_rates: of each of its updates.
        seconds: its duration, evaluations included.
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
        """The line, without its end."""
        return json.dumps(dataclasses.asdict(self), allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> "Epoch":
        """The epoch that `as_line` wrote."""
        fields: dict[str, Any] = json.loads(line)
        for part in ("training", "validation"):
            fields[part] = fields[part] and Evaluation(**fields[part])
        for series in ("learning_rates", "costs"):
            fields[series] = tuple(fields.get(series, ()))
        return cls(**fields)


History = list[Epoch]
