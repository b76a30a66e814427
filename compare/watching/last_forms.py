"""The form in which a parameter's gradient is used: divided by n, with the penalty."""

from collections import Counter

import numpy as np

from compare.watching.recogniser import Recogniser
from compare.watching.roles import Role, nearest_scale, off


class LastForms(Recogniser):
    """Decides which of several forms of a gradient the program uses."""

    def settle(self) -> None:
        """Use the last form of each parameter's gradient: divided by n, with the penalty.

        Of other gradients, use the first that is that of the mean or the sum: a product with gamma
        may follow the other terms of batch norm, and with an equal gamma for all units what is
        before it is a multiple too.
        """
        usual = self.usual_scale()
        for name, first in list(self.roles.found.items()):
            whole = self.forms(first)
            if not self.is_leaf(name):
                if whole and first not in whole:
                    self.use(whole[0], first)
                continue
            whole = [r for r in whole if nearest_scale(r.c, len(self.case.y)) == usual] or whole
            if whole:
                last = max(whole, key=lambda role: role.value.first)
                self.use(self.changed_after(last) or last, first)

    def use(self, kept: Role, first: Role) -> None:
        """Use a form instead of the first one, which becomes a copy."""
        self.roles.found[kept.name] = kept
        self.roles.copies = [r for r in (first, *self.roles.copies) if r is not kept]

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
        """The scale of the last forms of most parameters' gradients."""
        lasts = [
            max(whole, key=lambda role: role.value.first)
            for name, first in self.roles.found.items()
            if self.is_leaf(name) and (whole := self.forms(first))
        ]
        scales = Counter(nearest_scale(role.c, len(self.case.y)) for role in lasts)
        return max(scales, key=lambda c: (scales[c], -abs(c)), default=1.0)
