"""Which gradient each array of the backward pass is, right or wrong.

An array is recognised where it equals the right gradient, or what the right step makes of the
program's own (wrong) gradients above it, up to orientation and a factor. Of those left over, one
is a wrong gradient if what comes after it follows from it.
"""

from dataclasses import replace

import numpy as np

from compare.cases import one_hot
from compare.derivation.backward import operation_of, step_from
from compare.watching.followers import Followers
from compare.watching.last_forms import LastForms
from compare.watching.relations import scaled
from compare.watching.roles import LEAVES, STATISTICS, Role, Roles, nearest_scale
from compare.watching.values import Value

NEAR = 0.5
"""Maximum difference, relative to a parameter, of an array that is its new value."""

MOVED = 1e-6
"""Maximum relative difference of a change from a multiple of the array that it subtracts."""


class Reader(Followers, LastForms):
    """Identifies the arrays of one backward pass."""

    def read(self, absent: frozenset[str] = frozenset()) -> Roles:
        """Identify every gradient, from the logits down.

        Arguments:
            absent: parameters that the program does not have. Without gamma and beta, s_hat is
                s_tilde, and so are their gradients.
        """
        self.zeros = {**self.zeros, **dict.fromkeys(absent, "the program has none")}
        self.plain = {f"s_tilde{name[5:]}" for name in absent if name.startswith("gamma")}
        for name in self.names:
            if name not in self.plain:
                self.recognised(name, "right", self.right[name])
        for at, name in enumerate(self.names):
            local = np.asarray(step_from(self.case, self.trace, self.assumed, name))
            local = local if at else self.unit * local
            new = name not in self.plain and name not in self.roles.found
            if new and self.wrong_below(at):
                self.recognised(name, "inherits", local)
                if name not in self.roles.found and not self.is_leaf(name, *STATISTICS):
                    self.leading_on(name, local)
            elif self.status(name) == "right" and self.misses_its_leaves(name):
                self.led_elsewhere(name, local)
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
        for name in self.plain:
            self.unchanged(name)
        self.roles.unexplained = [v for v in self.arrays if v.id not in self.taken]
        return self.roles

    def wrong_below(self, at: int) -> bool:
        """Whether the gradient of a parameter from here on was not recognised as right."""
        return any(
            self.is_leaf(name) and name not in self.zeros and self.status(name) != "right"
            for name in self.names[at:]
        )

    def unchanged(self, name: str) -> None:
        """The gradient of s_tilde, where it is that of s_hat, which then follows from it."""
        below = name.replace("tilde", "hat")
        role = self.roles.found.get(below)
        if role is not None:
            self.roles.found[name] = replace(role, name=name)
            status = "right" if role.status == "right" else "inherits"
            self.roles.found[below] = replace(role, status=status)

    def biases_of_one(self) -> None:
        """The gradient of b for one sample, which equals that of s and is often the same array."""
        for name in [
            name for name in self.names if operation_of(self.case.network, name)[0] == "b"
        ]:
            role = self.roles.found.get(f"s{name[1:]}")
            if role is not None and name not in self.roles.found:
                status = "right" if role.status == "right" else "inherits"
                same = replace(role, name=name, status=status, gradient=role.gradient[0])
                self.roles.found[name] = same

    def updates_left_over(self) -> None:
        """New values of parameters that differ from the old ones by something other than a multiple
        of the gradient."""
        for name in self.names:
            if not self.is_leaf(name) or name in self.roles.updates:
                continue
            old = self.case.parameters[name]
            for value, rows in list(self.views(name)):
                near = np.linalg.norm(rows - old) < NEAR * np.linalg.norm(old)
                if near and value.named and not self.is_power(name, rows):
                    self.take(Role(name, "update", value, rows, 0.0, 1.0))
                    break

    def is_part(self, value: Value) -> bool:
        """Whether a vector is a mask, or one sample's part of the minibatch, its labels, or an
        array of the forward or backward pass, of their mean or sum."""
        if ((value.array == 0) | (value.array == 1)).all():
            return True
        if value.array.size != max(value.array.shape, default=0):
            return False
        whole = [self.case.X, one_hot(self.case.y, self.case.network.classes)]
        whole += map(np.asarray, (*self.trace.values(), *self.assumed.values()))
        n, vector = len(self.case.y), value.array.ravel()
        limit = self.tolerance * float(np.abs(vector).max())
        return any(
            rows.ndim == 2
            and rows.shape[1] == len(vector)
            and bool((np.abs(c * rows - vector) <= limit).all(axis=1).any())
            for rows in whole
            for c in (1, n, 1 / n)
        )

    def is_power(self, name: str, rows: np.ndarray) -> bool:
        """Whether an array is a multiple of a parameter or its square, or a power of the variance
        of a batch norm."""
        old = self.case.parameters[name]
        if any(scaled(rows, power).error <= self.tolerance for power in (old, old**2)):
            return True
        eps = self.case.network.eps
        variances = [np.asarray(v) + eps for key, v in self.trace.items() if key[0] == "v"]
        return rows.ndim == 1 and any(
            scaled(rows, v**power).error <= self.tolerance
            for v in variances
            if v.shape == rows.shape
            for power in (-1.5, -1, -0.5, 0.5, 1)
        )

    def likeliest(self, name: str) -> list[tuple[Value, np.ndarray]]:
        """The unassigned arrays with the gradient's shape, first those by which the parameter
        moves."""
        views = list(self.views(name))
        new = self.roles.updates.get(name)
        if new is None:
            return views
        change = new.gradient - self.case.parameters[name]
        return sorted(views, key=lambda view: scaled(view[1], change).error > MOVED)

    def leaves_left_over(self) -> None:
        """Wrong gradients of parameters: the first unidentified array with the right shape."""
        for name in self.names:
            operation, _ = operation_of(self.case.network, name)
            if operation not in LEAVES or name in self.roles.found or name in self.zeros:
                continue
            if self.right[name].size == 1:  # any number could be taken for it
                continue
            if operation in ("gamma", "beta") and name not in self.roles.updates:
                continue  # the program may have none
            others = [
                other
                for other in self.names
                if other != name
                and operation_of(self.case.network, other)[0] in LEAVES
                and other not in self.roles.found
                and other not in self.zeros
                and sorted(self.right[other].shape) == sorted(self.right[name].shape)
            ]
            for value, rows in self.likeliest(name):
                if not rows.any() or self.is_part(value) or self.is_power(name, rows):
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
