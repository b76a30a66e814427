"""Objects of a class with other names, called several times."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.cases import Case
from compare.submissions.binding import roles
from compare.submissions.layouts.layout import Raw
from compare.submissions.matching import leaves_of
from compare.submissions.things import Path, values_in

if TYPE_CHECKING:
    from compare.submissions.layouts.dd2424_code import DD2424Code

TESTING: dict[str, dict[str, Any]] = {"training": {"training": False}, "mode": {"mode": "test"}}
"""The value that requests an evaluation, by the meaning of an argument."""


@dataclass
class OwnInstance:
    """One such object."""

    code: "DD2424Code"
    thing: Any
    gives_scores: bool = False

    @property
    def testing(self) -> str:
        forward = self.code.functions.forward
        function = forward or self.code.functions.backward
        return f"{function.__name__} in test mode"  # type: ignore[union-attr]

    def train(self, case: Case) -> Raw:
        handed = self.code.hand_over(case, "float64")
        return self.code.passes(case, handed, self.code.values(case, handed, self.thing))

    def test(self, case: Case) -> list[np.ndarray] | None:
        forward = self.code.functions.forward
        asked = {} if forward is None else roles(forward)
        modes = [role for role in TESTING if role in asked]
        if not modes and case.network.batch_norm:
            return None
        values = self.code.values(case, self.code.hand_over(case, "float64"), self.thing)
        for role in modes:
            values.roles |= TESTING[role]
        leaves = leaves_of(self.code.run_forward(values).whole).values()
        shape = (len(case.X), case.network.classes)
        columns = self.code.orientation.columns
        found = [leaf.T if columns else leaf for leaf in leaves]
        return [leaf for leaf in found if leaf.shape == shape]

    def state(self) -> list[tuple[Path, Any]]:
        return values_in(self.thing)
