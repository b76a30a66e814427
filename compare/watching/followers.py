"""Wrong gradients: arrays from which later ones follow by the right step."""

import numpy as np

from compare.derivation.backward import step_from
from compare.watching.recogniser import Recogniser
from compare.watching.relations import scaled
from compare.watching.roles import Role, nearest_scale
from compare.watching.values import Value

ASSIGNED = ("augmented", "item", "assign", "return")
"""Kinds of sites that assign an array."""


class Followers(Recogniser):
    """Identifies wrong gradients by what is computed from them."""

    def leading_on(self, name: str, local: np.ndarray) -> None:
        """Identify a wrong gradient, among the arrays left, from which the next ones follow."""
        children = [name for name in self.children(name) if self.status(name) != "right"]
        if not self.passed_on(name, children):
            self.led_by(name, local, children, -1)

    def led_by(self, name: str, local: np.ndarray, children: list[str], since: int) -> None:
        """The same, among the arrays that were first seen after an event."""
        for value, rows in list(self.views(name)):
            follows = (self.follows(name, child, rows, value.first) for child in children)
            late = value.first > since and np.isfinite(rows).all()
            if late and any(v is not None for v in follows):
                size = nearest_scale(scaled(rows, local).c, len(self.case.y))
                unit = np.copysign(size, self.sign_above(name))
                self.take(Role(name, "wrong", value, rows, unit))
                return

    def misses_its_leaves(self, name: str) -> bool:
        """Whether a gradient by s is right and those of the W and b that it belongs to are not."""
        operation, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        leaves = [leaf for leaf in (f"W{number}", f"b{number}") if leaf not in self.zeros]
        return operation == "s" and all(self.status(leaf) != "right" for leaf in leaves)

    def led_elsewhere(self, name: str, local: np.ndarray) -> None:
        """Take a later array for a right gradient if the next ones follow from that: what the
        program made of it."""
        right = self.roles.found.pop(name)
        children = [name for name in self.children(name) if self.status(name) != "right"]
        self.led_by(name, local, children, right.value.first)
        if name in self.roles.found:
            self.roles.copies.append(right)
        else:
            self.roles.found[name] = right

    def sign_above(self, name: str) -> float:
        """The sign of the nearest gradient above that is not of a parameter; 1 if there is none."""
        for above in reversed(self.names[: self.names.index(name)]):
            role = self.roles.found.get(above)
            if role is not None and role.c and not self.is_leaf(above):
                return role.c
        return 1.0

    def passed_on(self, name: str, children: list[str]) -> bool:
        """Use the gradient above as this one if the next ones follow from it unchanged."""
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
                used = (
                    follower.shown if follower.shown.site.kind != "argument" else follower.events[0]
                )
                event = next((e for e in again if e.site.kind in ASSIGNED), used)
                self.take(Role(name, "wrong", role.value, role.gradient, role.c, event=event))
                return True
        return False

    def part_of_line(self, value: Value) -> bool:
        """Whether an array was first seen inside the assigned expression without being all of it:
        (G @ W.T) * (h > 0)."""
        first, shown = value.events[0], value.shown
        return first is not shown and not self.text(shown.site).rstrip(" )").endswith(
            first.site.name.rstrip(" )")
        )

    def children(self, name: str) -> list[str]:
        """Gradients that may be computed from this one, up to the end of the layer below."""
        at = self.names.index(name)
        return [child for child in self.names[at + 1 : at + 8] if child not in self.zeros]

    def follows(self, name: str, child: str, rows: np.ndarray, since: int) -> Value | None:
        """An array seen after `since` that the right step computes from a candidate; None if there
        is none."""
        try:
            with_it = {**self.assumed, name: rows}
            for between in self.names[self.names.index(name) + 1 : self.names.index(child)]:
                if not self.is_leaf(between):
                    with_it[between] = step_from(self.case, self.trace, with_it, between)
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
