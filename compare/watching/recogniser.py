"""Recognise arrays that are a gradient, a multiple of one, or a parameter's new value."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from compare.cases import Case
from compare.derivation.backward import operation_of, order
from compare.numerics.structure import structural_zeros
from compare.watching.recording import Site
from compare.watching.relations import TwoTerms, scaled, two_terms
from compare.watching.roles import LEAVES, Role, Roles, off
from compare.watching.values import Value

FEWEST = 5
"""Minimum number of entries of an array that is taken for a sum of two others."""

DECAY = 0.1
"""Maximum share of a parameter that its penalty removes in one update."""

DATA_PART, CLEAR = 1e-4, 100.0
"""The part of the data in a weight's gradient is told above this share, and above so many times
the error of the fit."""


class Recogniser:
    """Identifies the arrays of one backward pass.

    Arguments:
        case: the network as ours; right: its gradients; trace: its values.
        arrays: of the program, in order.
        text: the source line of a site.
        unit: what the program's loss is times that of the case.
    """

    def __init__(
        self,
        case: Case,
        right: Mapping[str, np.ndarray],
        trace: Mapping[str, np.ndarray],
        arrays: list[Value],
        tolerance: float,
        text: Callable[[Site], str],
        unit: float = 1.0,
    ) -> None:
        self.text, self.unit = text, unit
        self.case, self.right, self.trace = case, right, dict(trace)
        self.arrays, self.tolerance = arrays, 10 * tolerance
        self.roles = Roles()
        self.assumed: dict[str, np.ndarray] = {}
        self.taken: set[int] = set()
        self.zeros = structural_zeros(case.network, len(case.y))
        self.names = [name for _, _, name in order(case.network)]

    def is_leaf(self, name: str, *others: str) -> bool:
        return operation_of(self.case.network, name)[0] in (*LEAVES, *others)

    def status(self, name: str) -> str:
        role = self.roles.found.get(name)
        return "" if role is None else role.status

    def take(self, role: Role) -> None:
        """Assign an array to a gradient; further arrays become copies."""
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
        """The unassigned arrays with the gradient's shape, transposed if necessary."""
        shape = self.right[name].shape
        for value in self.arrays:
            if value.id not in self.taken:
                for rows, _ in value.views(shape):
                    yield value, rows

    def recognised(self, name: str, status: str, expected: np.ndarray) -> None:
        """Identify every array that is a multiple of the expected gradient, named ones first."""
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
        """The role of an array that is a multiple of the expected gradient."""
        fit = scaled(rows, expected)
        if rows.size == 1:  # a multiple of any other number
            right = not off(fit.c, len(self.case.y))
            return Role(name, status, value, rows, fit.c, error=fit.error) if right else None
        if fit.error <= self.tolerance and fit.c:
            from_zero = self.is_leaf(name) and not self.case.parameters[name].any()
            if from_zero and fit.c < 0 and off(fit.c, len(self.case.y)) and value.named:
                return Role(name, "update", value, rows, fit.c, 1.0, fit.error)
            return Role(name, status, value, rows, fit.c, error=fit.error)
        if self.is_leaf(name) and rows.size < FEWEST:  # two factors fit any few numbers
            step = scaled(rows - self.case.parameters[name], expected)
            if step.error <= self.tolerance and step.c and status != "wrong":
                return Role(name, "update", value, rows, step.c, 1.0, step.error)
        elif self.is_leaf(name):
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
