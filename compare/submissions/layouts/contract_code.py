"""Adapters: code with the interface of our contract."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.cases import Case
from compare.numerics.structure import split_name
from compare.submissions.asking.failures import Unsupported, allowed_to_refuse, call
from compare.submissions.binding import signature
from compare.submissions.layouts.layout import Handed, Layout, Raw
from compare.submissions.names import KINDS
from compare.submissions.orientation import Orientation
from compare.submissions.request import cast
from compare.submissions.session import session
from compare.submissions.source import Source
from compare.submissions.submission import Finding
from compare.submissions.things import is_class
from twingrad.network import EPS, Network


def speaks_contract(thing: Any) -> bool:
    """Whether there is a function `gradients` of (network, parameters, X, y, penalty)."""
    function = getattr(thing, "gradients", None)
    if function is None or is_class(thing):
        return False
    return [a.name for a in signature(function)][:2] == ["network", "parameters"]


@dataclass
class ContractCode:
    """An adapter for one network."""

    source: Source
    adapter: Any
    network: Network
    orientation: Orientation = field(default_factory=Orientation)
    eps_forms: tuple[float, ...] = (EPS,)
    notes: list[Finding] = field(default_factory=list)
    penalised: bool = True

    def for_network(self, network: Network) -> "ContractCode":
        return replace(self, network=network)

    def expected(self) -> list[str]:
        return []  # an adapter may leave out what it likes

    def hand_over(self, case: Case, dtype: str) -> Handed:
        arrays = {"X": case.X, "y": case.y, **case.parameters}
        return {name: cast(value, dtype) for name, value in arrays.items()}

    def call(self, function: Any, case: Case, handed: Handed, stage: int) -> dict[str, Any]:
        """Call one of the adapter's functions."""
        parameters = {n: handed[n] for n in case.parameters}
        with allowed_to_refuse():
            returned = call(
                self.source,
                stage,
                function,
                self.network,
                parameters,
                handed["X"],
                handed["y"],
                penalty=case.penalty,
            )
        if isinstance(returned, dict):
            return returned
        return dict(call(self.source, stage, session().module("builtins").dict, returned))

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        forward: dict[str, Any] = {}
        function = getattr(self.adapter, "forward", None)
        if function is not None:
            forward = self.call(function, case, self.hand_over(case, handed["X"].dtype.name), 0)
        returned = self.call(self.adapter.gradients, case, handed, 1)
        known = {n: value for n, value in returned.items() if is_ours(n, self.network)}
        unknown = [str(n) for n in returned if n not in known]
        if unknown:
            said = (
                f"the adapter returned {', '.join(unknown)}, which is no name of this network's; "
                f"it has {', '.join(self.network.parameter_shapes)}"
            )
            line = self.source.line_of(self.adapter.gradients)
            self.notes[:] = [Finding("keys", said, line, not known)]
        forward = {n: v for n, v in forward.items() if is_ours(n, self.network)}
        return Raw(known, forward, unknown)

    def cost(self, case: Case, handed: Handed) -> float | None:
        function = getattr(self.adapter, "forward", None)
        if function is None:
            return None
        value = self.call(function, case, handed, 2).get("cost")
        return None if value is None else float(np.asarray(value))

    def with_dropout(self, keep: float) -> None:
        return None

    def instance(self, case: Case) -> None:
        return None

    def assumed(self) -> dict[str, str]:
        line = self.source.line_of(self.adapter.gradients)
        said = {"backward": "gradients" + (f", line {line}" if line else "")}
        if getattr(self.adapter, "forward", None) is not None:
            said["forward"] = "forward"
        penalty = "lambda * sum ||W||^2, gradient 2 lambda W"
        return said | self.orientation.words() | {"penalty": penalty}


def is_ours(name: Any, network: Network) -> bool:
    """Whether a name is one of this network's."""
    if name in ("p", "loss", "cost"):
        return True
    if not isinstance(name, str) or not name or not name[-1].isdigit():
        return False
    kind, l = split_name(name)
    return kind in KINDS and 1 <= l <= network.depth


class Contract(Layout):
    """The layout of adapters."""

    name = "contract"
    depths = (3, 2, 1)
    says_no = True

    def __init__(self, source: Source, adapter: Any) -> None:
        self.source, self.adapter = source, adapter
        self.line = source.line_of(adapter.gradients)

    def codes(self, network: Network) -> Iterator[ContractCode]:
        """The only way of calling it."""
        if network.batch_norm and not network.hidden:
            raise Unsupported("batch norm needs a hidden layer")
        yield ContractCode(self.source, self.adapter, network)
