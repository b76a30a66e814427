"""Which gradient each array of the backward pass is, right or wrong.

An array is recognised where it equals the right gradient, or what the right step makes of the
program's own (wrong) gradients above it, up to orientation and a factor. Of those left over, one
is a wrong gradient if what comes after it follows from it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from compare.cases import Case
from compare.derivation.backward import operation_of, order, step_from
from compare.numerics.structure import structural_zeros
from compare.watching.recording import Event, Site
from compare.watching.relations import TwoTerms, scaled, two_terms
from compare.watching.values import Value, Values

LEAVES = ("W", "b", "gamma", "beta")

STATISTICS = ("mu", "v")
"""Gradients that programs hold in many forms, each a step on the way to that of s."""

DECAY = 0.1
"""Largest share of a parameter that its penalty takes away in one update."""

DATA_PART, CLEAR = 1e-4, 100.0
"""The part of the data in a weight's gradient is told above this share, and above so many times
the error of the fit."""

NEAR = 0.5
"""An array that differs from a parameter by less, relative to it, is its new value."""


@dataclass(frozen=True)
class Role:
    """One gradient as the program computes it.

    Arguments:
        name: of what the gradient is by.
        status: "right", "inherits" or "wrong"; "update" for a new value of a parameter.
        value: the array; None where it was not seen and was worked out.
        gradient: in our orientation, with the program's own factor.
        c: the factor to the right gradient, or to the right step's.
        d: of a weight: the factor of W in it, over c; 0 elsewhere.
        error: relative to the largest entry.
        event: where it is assigned, if that is not where its array was first seen.
    """

    name: str
    status: str
    value: Value
    gradient: np.ndarray
    c: float
    d: float = 0.0
    error: float = 0.0
    event: Event | None = None

    @property
    def shown(self) -> Event:
        """Where it is assigned."""
        return self.event or self.value.shown

    def decay(self, n: int) -> float:
        """The factor of W in a weight's gradient over that of the mean or the sum of n samples."""
        return self.d * self.c / nearest_scale(self.c, n)


@dataclass
class Roles:
    """All that was recognised in one backward pass.

    Arguments:
        found: by the name of what the gradient is by, the first array of each.
        copies: further arrays that are multiples of a gradient.
        updates: by the name of a parameter, its new value: W + c times the role's own gradient
            where that is so (d is then the factor of W); c is 0 where it is not.
        again: further new values of parameters.
        unexplained: arrays of the shape of some gradient that are none, in order.
    """

    found: dict[str, Role] = field(default_factory=dict)
    copies: list[Role] = field(default_factory=list)
    updates: dict[str, Role] = field(default_factory=dict)
    again: list[Role] = field(default_factory=list)
    unexplained: list[Value] = field(default_factory=list)


class Reader:
    """Reads one backward pass."""

    def __init__(
        self,
        case: Case,
        right: Mapping[str, np.ndarray],
        trace: Mapping[str, np.ndarray],
        arrays: list[Value],
        tolerance: float,
        text: Callable[[Site], str],
    ) -> None:
        self.text = text
        self.case, self.right, self.trace = case, right, dict(trace)
        self.arrays, self.tolerance = arrays, 10 * tolerance
        self.roles = Roles()
        self.assumed: dict[str, np.ndarray] = {}
        self.taken: set[int] = set()
        self.zeros = structural_zeros(case.network, len(case.y))
        self.names = [name for _, _, name in order(case.network)]

    def read(self) -> Roles:
        """Every gradient from the logits down."""
        for name in self.names:
            self.recognised(name, "right", self.right[name])
        for at, name in enumerate(self.names):
            local = np.asarray(step_from(self.case, self.trace, self.assumed, name))
            if name not in self.roles.found and self.wrong_below(at):
                self.recognised(name, "inherits", local)
                if name not in self.roles.found and not self.is_leaf(name, *STATISTICS):
                    self.leading_on(name, local)
            role = self.roles.found.get(name)
            if role is None or role.d:
                self.assumed[name] = local
            else:
                self.assumed[name] = role.gradient / role.c
        if len(self.case.y) == 1:
            self.biases_of_one()
        self.updates_left_over()
        self.leaves_left_over()
        self.settle()
        self.roles.unexplained = [v for v in self.arrays if v.id not in self.taken]
        return self.roles

    def biases_of_one(self) -> None:
        """The gradient of b, which for one sample is that of s and often the same array."""
        for name in [
            name for name in self.names if operation_of(self.case.network, name)[0] == "b"
        ]:
            role = self.roles.found.get(f"s{name[1:]}")
            if role is not None and name not in self.roles.found:
                status = "right" if role.status == "right" else "inherits"
                same = replace(role, name=name, status=status, gradient=role.gradient[0])
                self.roles.found[name] = same

    def is_leaf(self, name: str, *others: str) -> bool:
        return operation_of(self.case.network, name)[0] in (*LEAVES, *others)

    def wrong_below(self, at: int) -> bool:
        """Whether a parameter's gradient from here on was not recognised as right."""
        return any(
            self.is_leaf(name) and name not in self.zeros and self.status(name) != "right"
            for name in self.names[at:]
        )

    def status(self, name: str) -> str:
        role = self.roles.found.get(name)
        return "" if role is None else role.status

    def take(self, role: Role) -> None:
        """Books a gradient; further arrays with it become copies."""
        if role.status == "update":
            if self.roles.updates.setdefault(role.name, role) is not role:
                self.roles.again.append(role)
            self.taken.add(role.value.id)
            return
        before = self.roles.found.get(role.name)
        if before is None:
            self.roles.found[role.name] = role
        elif role.value is not before.value:
            self.roles.copies.append(role)
        self.taken.add(role.value.id)

    def views(self, name: str) -> Iterator[tuple[Value, np.ndarray]]:
        """The arrays that are not taken and have the gradient's shape, turned as it is."""
        shape = self.right[name].shape
        for value in self.arrays:
            if value.id not in self.taken:
                for rows, _ in value.views(shape):
                    yield value, rows

    def recognised(self, name: str, status: str, expected: np.ndarray) -> None:
        """Books every array that is a multiple of what is expected, those with a name first."""
        if name in self.zeros:
            return
        roles = [
            role
            for value, rows in self.views(name)
            if (role := self.matching(name, status, expected, value, rows)) is not None
        ]
        for role in sorted(roles, key=lambda role: (not role.value.named, role.value.first)):
            self.take(role)

    def matching(
        self, name: str, status: str, expected: np.ndarray, value: Value, rows: np.ndarray
    ) -> Role | None:
        """The role of an array that is a multiple of what is expected."""
        fit = scaled(rows, expected)
        if fit.error <= self.tolerance and fit.c:
            from_zero = self.is_leaf(name) and not self.case.parameters[name].any()
            if from_zero and fit.c < 0 and off(fit.c, len(self.case.y)) and value.named:
                return Role(name, "update", value, rows, fit.c, 1.0, fit.error)
            return Role(name, status, value, rows, fit.c, error=fit.error)
        if self.is_leaf(name):
            both = two_terms(rows, expected, self.case.parameters[name])
            if both.error <= self.tolerance and abs(both.d - 1) < DECAY and status != "wrong":
                return Role(name, "update", value, rows, both.c, both.d, both.error)
            fits = both.error <= self.tolerance and both.c
            if fits and name.startswith("W") and self.matters(both, expected, rows):
                return Role(name, status, value, rows, both.c, both.d / both.c, both.error)
        return None

    def matters(self, fit: TwoTerms, expected: np.ndarray, rows: np.ndarray) -> bool:
        """Whether the data's part of a fit is more than its rounding."""
        share = float(np.abs(fit.c * expected).max()) / float(np.abs(rows).max())
        return share > max(DATA_PART, CLEAR * fit.error)

    def leading_on(self, name: str, local: np.ndarray) -> None:
        """Books a wrong gradient that the next ones follow from, among the arrays left over."""
        children = [name for name in self.children(name) if self.status(name) != "right"]
        if self.passed_on(name, children):
            return
        for value, rows in list(self.views(name)):
            follows = (self.follows(name, child, rows, value.first) for child in children)
            if np.isfinite(rows).all() and any(v is not None for v in follows):
                unit = nearest_scale(scaled(rows, local).c, len(self.case.y))
                self.take(Role(name, "wrong", value, rows, unit))
                return

    def passed_on(self, name: str, children: list[str]) -> bool:
        """Books the gradient above as this one, if the next ones follow from it unchanged."""
        at = self.names.index(name)
        for above in reversed(self.names[max(0, at - 6) : at]):
            role = self.roles.found.get(above)
            if role is None or role.gradient.shape != self.right[name].shape:
                continue
            given = role.gradient / role.c
            since = role.value.first
            following = (self.follows(name, child, given, since) for child in children)
            follower = next((value for value in following if value is not None), None)
            if follower is not None:
                inside = self.part_of_line(role.value)
                again = [e for e in role.value.events if e.index >= role.shown.index]
                again = [e for e in again if inside or e.site.id != role.shown.site.id]
                again.sort(key=lambda e: e.site.kind not in ("augmented", "item"))
                event = next((e for e in again if e.site.kind in ASSIGNED), follower.shown)
                self.take(Role(name, "wrong", role.value, role.gradient, role.c, event=event))
                return True
        return False

    def part_of_line(self, value: Value) -> bool:
        """Whether an array was first seen inside the expression that is assigned, and is not all
        of it: (G @ W.T) * (h > 0)."""
        first, shown = value.events[0], value.shown
        return first is not shown and not self.text(shown.site).rstrip(" )").endswith(
            first.site.name.rstrip(" )")
        )

    def children(self, name: str) -> list[str]:
        """Gradients that may be computed of this one: those until the layer below is done."""
        at = self.names.index(name)
        return [child for child in self.names[at + 1 : at + 8] if child not in self.zeros]

    def follows(self, name: str, child: str, rows: np.ndarray, since: int) -> Value | None:
        """An array seen after `since` that the right step makes of a candidate, if there is one."""
        try:
            with_it = {**self.assumed, name: rows}
            expected = np.asarray(step_from(self.case, self.trace, with_it, child))
        except (KeyError, ValueError):
            return None
        try:
            unchanged = np.asarray(step_from(self.case, self.trace, self.assumed, child))
            if scaled(expected, unchanged).error <= self.tolerance:
                return None  # it does not depend on this gradient
        except (KeyError, ValueError):
            pass
        return next(
            (
                value
                for value, other in self.views(child)
                if value.first > since
                and self.matching(child, "inherits", expected, value, other) is not None
            ),
            None,
        )

    def settle(self) -> None:
        """Takes for the gradient of a parameter its last form: divided by n, with the penalty."""
        usual = self.usual_scale()
        for name, first in list(self.roles.found.items()):
            if not self.is_leaf(name):
                continue
            same = [first, *(r for r in self.roles.copies if r.name == name)]
            whole = self.forms(first)
            whole = [r for r in whole if nearest_scale(r.c, len(self.case.y)) == usual] or whole
            if whole:
                last = max(whole, key=lambda role: role.value.first)
                self.roles.found[name] = self.changed_after(last) or last
                kept = self.roles.found[name]
                self.roles.copies = [r for r in (*same, *self.others(name)) if r is not kept]

    def changed_after(self, role: Role) -> Role | None:
        """What a parameter's right gradient was turned into under its name; None where it stays.

        A gradient whose entries were clipped stays what it is.
        """
        place = role.shown.name, role.shown.site.function, role.shown.stack
        later = [
            (event, value, rows)
            for value, rows in self.views(role.name)
            for event in value.events
            if event.index > role.shown.index
            and event.site.kind in ("augmented", "item")
            and (event.name, event.site.function, event.stack) == place
        ]
        if role.status != "right" or not later:
            return None
        event, value, rows = max(later, key=lambda entry: entry[0].index)
        clipped = np.isclose(rows, role.gradient) | np.isclose(np.abs(rows), np.abs(rows).max())
        if clipped.all() or not np.isfinite(rows).all():
            return None
        self.taken.add(value.id)
        return Role(role.name, "wrong", value, rows, role.c, event=event)

    def forms(self, first: Role) -> list[Role]:
        """All forms of a parameter's gradient that may be the last: the sum, the mean, ..."""
        same = [first, *(r for r in self.roles.copies if r.name == first.name)]
        whole = [r for r in same if r.status == first.status and r.value.named]
        return [r for r in whole if not off(r.c, len(self.case.y))]

    def usual_scale(self) -> float:
        """The scale that the last forms of most parameters' gradients have."""
        lasts = [
            max(whole, key=lambda role: role.value.first)
            for name, first in self.roles.found.items()
            if self.is_leaf(name) and (whole := self.forms(first))
        ]
        scales = Counter(nearest_scale(role.c, len(self.case.y)) for role in lasts)
        return max(scales, key=lambda c: (scales[c], -abs(c)), default=1.0)

    def others(self, name: str) -> list[Role]:
        return [role for role in self.roles.copies if role.name != name]

    def updates_left_over(self) -> None:
        """New values of parameters that are not the old ones plus a multiple of the gradient."""
        for name in self.names:
            if not self.is_leaf(name) or name in self.roles.updates:
                continue
            old = self.case.parameters[name]
            for value, rows in list(self.views(name)):
                near = np.linalg.norm(rows - old) < NEAR * np.linalg.norm(old)
                if near and value.named:
                    self.take(Role(name, "update", value, rows, 0.0, 1.0))
                    break

    def is_part(self, value: Value) -> bool:
        """Whether a vector is one sample's part of the minibatch, its labels or probabilities."""
        if value.array.ndim != 1:
            return False
        classes = self.case.network.classes
        whole = (self.case.X, np.eye(classes)[self.case.y], np.asarray(self.trace["p"]))
        return any(
            rows.shape[1:] == value.array.shape
            and bool(np.isclose(rows, value.array, rtol=self.tolerance).all(axis=1).any())
            for rows in whole
        )

    def leaves_left_over(self) -> None:
        """Wrong gradients of parameters: of the arrays left over, the first of the right shape."""
        for name in self.names:
            operation, _ = operation_of(self.case.network, name)
            if operation not in LEAVES or name in self.roles.found or name in self.zeros:
                continue
            others = [
                other
                for other in self.names
                if other != name
                and operation_of(self.case.network, other)[0] in LEAVES
                and other not in self.roles.found
                and other not in self.zeros
                and sorted(self.right[other].shape) == sorted(self.right[name].shape)
            ]
            for value, rows in self.views(name):
                if value.id in self.taken or not rows.any() or self.is_part(value):
                    continue
                if others and abs(correlation(rows, self.right[name])) < 0.5:
                    continue  # as likely one of the others
                unit = nearest_scale(scaled(rows, self.assumed[name]).c, len(self.case.y))
                self.roles.found[name] = Role(name, "wrong", value, rows, unit)
                self.taken.add(value.id)
                break


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / size if size else 0.0


ASSIGNED = ("augmented", "item", "assign", "return")
"""Kinds of sites that give an array its value."""

FACTOR = 1e-6
"""A factor this near to 1 or n, relative to it, is 1 or n."""


def off(c: float, n: int) -> bool:
    """Whether a factor is neither 1 nor n, up to sign."""
    near = nearest_scale(c, n)
    return abs(c - near) > FACTOR * abs(near)


def nearest_scale(c: float, n: int) -> float:
    """Which of 1, n and their negatives a factor is nearest to: the sum or the mean."""
    if c == 0 or not np.isfinite(c):
        return 1.0
    size = n if abs(c) > n**0.5 else 1.0
    return float(np.copysign(size, c))


def backward_arrays(values: Values, start: int, end: int) -> list[Value]:
    """Arrays of floats first seen after an event and before another, in order."""
    return [
        value for value in values.all if value.raw.dtype.kind == "f" and start < value.first < end
    ]
