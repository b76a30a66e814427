"""The lines of the program that ran in one update, each with what it computes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from compare.cases import one_hot
from compare.numerics.structure import structural_zeros
from compare.watching.combined import average, parts
from compare.watching.judge import Judged
from compare.watching.recording import Event, Site
from compare.watching.relations import scaled
from compare.watching.roles import Role
from compare.watching.simple import Simple
from compare.watching.values import Value, Values

STATUSES = ("wrong", "inherits", "right", "derived", "unknown")
"""Statuses of a line, the worst first. "wrong" is the first error, or the line of a fault that only
the whole training shows; "inherits" has a wrong input; "derived" follows from recognised arrays by
a simple operation."""

NOTHING = 1e-12
"""Entries below this are considered 0."""

MOST = 8
"""Maximum number of arrays of a line that are shown by name."""

SHOWN_KINDS = ("assign", "augmented", "item", "return", "module", "call")
"""Kinds of sites that are shown as lines."""


@dataclass
class Line:
    """One line of the program in one update.

    Arguments:
        site: where.
        text: as its author wrote it.
        status: see `STATUSES`.
        what: what it computes, each once: "dJ/dW2, with 0.01 W2".
    """

    site: Site
    label: str
    text: str
    first: int
    status: str = "unknown"
    what: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.label}:{self.site.line}"

    @property
    def words(self) -> str:
        """What it computes, at most `MOST` things by name."""
        more = f"; {len(self.what) - MOST} more" if len(self.what) > MOST else ""
        return "; ".join(self.what[:MOST]) + more

    def as_json(self) -> dict[str, object]:
        """The line, ready for JSON."""
        return {
            "file": self.label,
            "line": self.site.line,
            "text": self.text,
            "status": self.status,
            "computes": self.what,
        }


def lines_of(values: Values, judged: Judged) -> list[Line]:
    """Every line with an array in an update, in order of execution."""
    recording, update = values.recording, judged.update
    known = Known(values, judged)
    lines: dict[tuple[int, int], Line] = {}
    for event in recording.events[update.start : update.end]:
        if event.array is None or event.site.kind not in SHOWN_KINDS:
            continue
        value = values.by_id.get(event.array)
        if value is None or (value.raw.dtype.kind in "iu" and value.id not in known.roles):
            continue  # indices
        key = (event.site.file, event.site.line)
        if key not in lines:
            lines[key] = Line(
                event.site,
                recording.files[event.site.file].label,
                recording.text(event.site),
                event.index,
            )
        for held in known.parts(value):
            add(lines[key], *known.describe(held, event))
    return sorted(lines.values(), key=lambda line: line.first)


def add(line: Line, status: str, what: str) -> None:
    """Adds what an array of the line is; the line's status is that of its worst array.

    A line with something recognised and something not is recognised.
    """
    if status == "unknown" and line.what:
        return
    if line.status == "unknown" or STATUSES.index(status) < STATUSES.index(line.status):
        line.status = status
    if what and what not in line.what:
        line.what.append(what)


class Known:
    """What is known about each array of one update."""

    def __init__(self, values: Values, judged: Judged) -> None:
        self.values, self.judged = values, judged
        self.roles: dict[int, tuple[str, str]] = {}
        self.assigned: dict[int, int] = {}
        update = judged.update
        assert update.roles is not None
        assert update.trace is not None
        assert update.case is not None
        for role in update.roles.copies:
            self.roles[role.value.id] = (judged.statuses.get(role.name, "right"), multiple(role))
        for name, role in update.roles.found.items():
            status = judged.statuses.get(name, "derived")
            if judged.wrong is role.value:
                status = "wrong"
            self.roles[role.value.id] = (status, gradient_words(role, judged))
            self.assigned[role.value.id] = role.shown.index
        for name, role in update.roles.updates.items():
            said = f"the new {name}"
            self.roles[role.value.id] = ("right" if role.c else "derived", said)
        zeros = structural_zeros(update.case.network, update.found.n)
        self.zeros = {name: update.case.parameters[name].shape for name in zeros}
        self.names = dict(self.forward_names())
        self.simple = Simple(self.names, update.roles, update.found, update.case.network.loss)
        for value in values.all:
            if value.seen_in(update.start, update.end):
                self.learn(value)

    def forward_names(self) -> Iterator[tuple[str, np.ndarray]]:
        """The values of the forward pass, with their names."""
        update = self.judged.update
        assert update.trace is not None
        assert update.case is not None
        assert update.labels is not None
        for name, array in update.trace.items():
            if np.ndim(array):
                yield name, np.asarray(array)
        for name, array in update.case.parameters.items():
            yield name, array
        yield "X", update.case.X
        yield "Y", one_hot(update.labels.y, update.case.network.classes)
        yield "y", update.labels.y.astype(float)
        for name, array in update.case.masks.items():
            yield name, np.asarray(array, float)

    def learn(self, value: Value) -> None:
        """Record what an array is, unless that is known."""
        if value.id in self.roles:
            return
        zero = self.rounded_zero(value)
        if zero:
            self.roles[value.id] = ("right", zero)
            return
        tolerance = 10 * self.judged.update.found.tolerance
        for name, array in self.names.items():
            if any(scaled_to_one(rows, array, tolerance) for rows, _ in value.views(array.shape)):
                self.roles[value.id] = ("right", name)
                return
        said = self.simple.explain(value) or self.combined(value, tolerance)
        if said:
            self.roles[value.id] = ("derived", said)

    def rounded_zero(self, value: Value) -> str:
        """The gradient that an array of the backward pass is which is 0 but for rounding, such as
        that of b below a batch norm; "" for any other array."""
        late = value.first > self.judged.update.found.index
        if not (late and value.array.any() and np.abs(value.array).max() < NOTHING):
            return ""
        named = [f"dJ/d{n}" for n, shape in self.zeros.items() if shape == value.array.shape]
        return f"{' or '.join(named)}, 0 but for rounding" if named else ""

    def combined(self, value: Value, tolerance: float) -> str:
        """A description of a running average, a velocity, or several arrays in one vector."""
        update = self.judged.update
        assert update.roles is not None
        gradients = [(f"dJ/d{n}", r.gradient) for n, r in update.roles.found.items()]
        statistics = [(n, a) for n, a in self.names.items() if n.startswith(("mu", "v"))]
        new = [(f"the new {n}", r.gradient) for n, r in update.roles.updates.items()]
        return average(value, self.values, [*statistics, *gradients], tolerance) or parts(
            value, [*gradients, *self.names.items(), *new], tolerance
        )

    def parts(self, value: Value) -> list[Value]:
        """An array's parts, where one of them is known and the whole is not; else itself."""
        told = value.id not in self.roles and any(part.id in self.roles for part in value.parts)
        return value.parts if told else [value]

    def describe(self, value: Value, event: Event) -> tuple[str, str]:
        """The status and the description; a line that passes a wrong array on inherits it."""
        status, said = self.roles.get(value.id, ("unknown", ""))
        if status == "wrong" and event.index > self.assigned.get(value.id, event.index):
            status = "inherits"
        return status, said


def scaled_to_one(rows: np.ndarray, array: np.ndarray, tolerance: float) -> bool:
    """Whether two arrays are equal up to rounding."""
    if np.abs(array).max() < NOTHING:  # b below a batch norm keeps its 0, but for rounding
        return bool(np.abs(rows).max() < NOTHING)
    fit = scaled(rows, array)
    return fit.error <= tolerance and abs(fit.c - 1) <= tolerance


def gradient_words(role: Role, judged: Judged) -> str:
    """A description such as "dJ/dW2, with 0.01 W2, summed over the minibatch"."""
    said = f"dJ/d{role.name}"
    n = judged.update.found.n
    if role.status == "wrong" or judged.statuses.get(role.name) == "wrong":
        return said
    factor = abs(role.c)
    if n > 1 and abs(factor - n) < 1e-6 * n:
        said += f" times n = {n}"
    elif abs(factor - 1) > 1e-6:
        said += f" times {role.c:.4g}"
    if role.c < 0:
        said += ", negated"
    if role.d:
        said += f", with {role.d:.4g} {role.name}"
    return said


def multiple(role: Role) -> str:
    """A description of a further array that contains a gradient."""
    words = f"dJ/d{role.name}"
    if abs(role.c - 1) > 1e-6:
        words = f"{role.c:.4g} {words}"
    if role.d:
        words += f" with {role.d * role.c:.4g} {role.name}"
    return words


def identified(lines: list[Line]) -> float:
    """The share of lines whose arrays were recognised."""
    return sum(line.status != "unknown" for line in lines) / len(lines) if lines else 0.0
