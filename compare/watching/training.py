"""What only a running training shows."""

from dataclasses import dataclass, field

from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.values import Values


@dataclass(frozen=True)
class TrainingFinding:
    """Something wrong with the training.

    Arguments:
        what: "update", "momentum", "learning_rate", "standardisation", "shuffling", ...
        event: the first wrong place; None where none can be named.
        said: one sentence with its evidence.
        fails: whether the verdict is "disagree" by it.
    """

    what: str
    event: Event | None
    said: str
    fails: bool = True


@dataclass
class TrainingVerdict:
    """What is wrong, what was told, and what was not looked at."""

    findings: list[TrainingFinding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)


def judge_training(values: Values, updates: list[Update]) -> TrainingVerdict:
    """Nothing yet."""
    return TrainingVerdict(not_checked=["learning rates, data, running statistics, evaluation"])
