"""A cost function of tensors, differentiated by autograd and compared with gradients by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compare.cases import Case
from compare.submissions.asking.failures import CodeFailure, call
from compare.submissions.binding import layers_of, named_results, roles
from compare.submissions.holding import told_apart
from compare.submissions.layouts.dd2424 import DD2424, ORIENTATIONS
from compare.submissions.layouts.dd2424_code import DD2424Code, Functions
from compare.submissions.layouts.layout import Handed, Layout, Raw
from compare.submissions.orientation import as_array
from compare.submissions.session import session
from compare.submissions.source import Source, returned_names
from compare.submissions.submission import Finding
from compare.submissions.things import is_tensor
from twingrad.network import Network


@dataclass
class TorchFunctionCode(DD2424Code):
    """One way of calling the cost function; parameters are leaf tensors."""

    def hand_over(self, case: Case, dtype: str) -> Handed:
        arrays = super().hand_over(case, dtype)
        return session().agent.leaves(arrays, list(case.parameters))

    def cost_tensor(self, case: Case, handed: Handed) -> dict[str, Any]:
        """The result of the cost function as cost and loss."""
        values = self.values(case, handed)
        assert self.functions.cost is not None
        if "P" in roles(self.functions.cost):
            values = self.run_forward(values)
        returned = self.run(self.functions.cost, values, 0)
        named = named_results(returned, returned_names(self.functions.cost))
        scalars = {k: v for k, v in named.items() if is_tensor(v) and v.numel() == 1}
        if not scalars:
            line = self.source.line_of(self.functions.cost)
            said = f"{self.functions.cost.__name__} returned no single number to differentiate"
            raise CodeFailure(Finding("shape", said, line, True), 1)
        numbers = {k: float(as_array(v)) for k, v in scalars.items()}
        which = told_apart(numbers, case.penalty)
        return {
            kind: next(t for k, t in scalars.items() if numbers[k] == value)
            for kind, value in which.items()
        }

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        found = self.cost_tensor(case, handed)
        call(self.source, 1, found["cost"].backward)
        gradients = {n: handed[n].grad for n in case.parameters if handed[n].grad is not None}
        return Raw(gradients, dict(found))

    def cost(self, case: Case, handed: Handed) -> float | None:
        return float(as_array(self.cost_tensor(case, handed)["cost"]))

    def assumed(self) -> dict[str, str]:
        return super().assumed() | {"backward": "autograd"}


class TorchFunction(DD2424):
    """The layout: DD2424's with a cost function instead of a backward function."""

    name = "torch function"

    def __init__(self, source: Source, functions: dict[bool, Functions], words: set[str]) -> None:
        super().__init__(source, functions, words)
        cost = functions[False].cost
        depth = layers_of(cost) if cost else None
        self.depths = (depth,) if depth else Layout.depths
        self.line = source.line_of(cost) if cost else None

    def codes(self, network: Network) -> Iterator[DD2424Code]:
        functions = self.functions[network.batch_norm]
        takes = roles(functions.cost) if functions.cost else set()
        forms = ("lists", "flat", "layers") if "parameters" in takes else ("lists",)
        for orientation in ORIENTATIONS:
            for form in forms:
                for labels in (True, False):
                    yield TorchFunctionCode(
                        self.source, functions, network, orientation, form, labels, self.strings
                    )
