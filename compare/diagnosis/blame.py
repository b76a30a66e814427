"""Which operation is wrong: every value and gradient judged twice, and told apart.

End to end a gradient is compared with the right one. Where it differs, its step is asked alone:
does it give what was found when it is handed what was found above it? Then it only inherits. If
not, this operation is broken. An implementation that can be handed gradients (teacher forcing)
is asked the same the other way round, with the right gradient of each layer's output.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from compare.derivation import Placed, steps_of
from compare.derivation.backward import order as backward_order
from compare.derivation.backward import step_from
from compare.derivation.forward import order as forward_order
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.pattern import walk_down
from compare.numerics.structure import values_of

Status = Literal["agrees", "inherits", "broken", "unclear", "not given"]


@dataclass(frozen=True)
class Node:
    """One value or gradient of the network.

    Arguments:
        name: the tensor; the gradient by it in the backward pass.
        stage: "forward" or "backward".
        layer: its number; None for p, loss and cost.
        operation: what computes it, a key of the derivation.
        status: "unclear" where it is wrong and what it was computed of is not known.
        error: largest difference relative to the tensor; None where not given.
        worst_index, expected, actual: where that is.
        alone: whether the layer gives the right gradient when handed the right one; None where
            it cannot be asked.
        recovered: whether it was not given but follows from the gradient of W.
    """

    name: str
    stage: Literal["forward", "backward"]
    layer: int | None
    operation: str
    status: Status
    error: float | None = None
    worst_index: tuple[int, ...] = ()
    expected: float | None = None
    actual: float | None = None
    alone: bool | None = None
    recovered: bool = False

    def as_json(self) -> dict[str, Any]:
        """Every field; what is not finite becomes a string."""
        return {
            key: repr(value) if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Blame:
    """Every node in order of execution.

    Arguments:
        nodes: forward, then backward.
        suspects: the operations, with their layers, one of which is broken first; several where
            what lies between them was not given.
        steps: the same as steps of the network.
        stage: the pass of the suspects; None where all agrees.
    """

    nodes: tuple[Node, ...]
    suspects: tuple[tuple[str, int], ...]
    steps: list[Placed]
    stage: Literal["forward", "backward"] | None

    @property
    def first(self) -> Node | None:
        """The first node that is broken, or wrong for all that can be known."""
        for status in ("broken", "unclear"):
            for node in self.nodes:
                if node.status == status:
                    return node
        return None

    @property
    def titles(self) -> list[str]:
        """The suspects for people."""
        return [placed.title for placed in self.steps]


def blame(evidence: Evidence) -> Blame:
    """Judges every node and names the operation that is broken first."""
    forward = forward_nodes(evidence)
    faulty = next((n for n in forward if n.status in ("broken", "unclear")), None)
    backward, suspects = backward_nodes(evidence)
    stage: Literal["forward", "backward"] | None = "backward" if suspects else None
    if faulty is not None:
        suspects, stage = forward_suspects(evidence, faulty), "forward"
    network = evidence.case.network
    steps = [steps_of(network, stage)[suspect] for suspect in suspects] if stage else []
    return Blame((*forward, *backward), tuple(suspects), steps, stage)


def forward_nodes(evidence: Evidence) -> list[Node]:
    """The values, each asked alone with the values found below it."""
    nodes = []
    found = values_of(evidence.found)
    for placed in steps_of(evidence.case.network, "forward").values():
        operation, name = placed.step.operation, placed.name
        layer = None if name in ("p", "loss", "cost") else placed.l
        full = f"forward {name}"
        if name not in found:
            nodes.append(Node(name, "forward", layer, operation, "not given"))
            continue
        status: Status = "agrees"
        if evidence.error(full, evidence.right[full]) > 1:
            try:
                local = placed.compute(evidence.case, found, {})
                status = "inherits" if evidence.error(full, local) <= 1 else "broken"
            except (KeyError, ValueError):
                status = "unclear"
        nodes.append(described(evidence, Node(name, "forward", layer, operation, status)))
    return nodes


def forward_suspects(evidence: Evidence, faulty: Node) -> list[tuple[str, int]]:
    """The operations between the last value known to be right and the first that is wrong."""
    suspects: list[tuple[str, int]] = []
    for operation, l, name in forward_order(evidence.case.network):
        suspects.append((operation, l))
        if name == faulty.name:
            break
        if f"forward {name}" in evidence.found:
            suspects = []
    return suspects if faulty.status == "unclear" else suspects[-1:]


def backward_nodes(evidence: Evidence) -> tuple[list[Node], list[tuple[str, int]]]:
    """The gradients in order of execution, and the operations suspected first."""
    network = evidence.case.network
    intermediates = {f"s{l}" for l in range(1, network.depth + 1)}
    if intermediates & evidence.found.keys():
        return judged_by_steps(evidence)
    return judged_by_pattern(evidence)


def judged_by_steps(evidence: Evidence) -> tuple[list[Node], list[tuple[str, int]]]:
    """Each gradient against what its right step makes of the gradients found above it."""
    nodes: list[Node] = []
    suspects: list[tuple[str, int]] = []
    assumed: dict[str, np.ndarray] = {}  # found, or what right steps make of the found
    since: list[tuple[str, int]] = []  # operations since the last gradient that was found
    for operation, l, name in backward_order(evidence.case.network):
        local = np.asarray(step_from(evidence.case, evidence.own_trace, assumed, name))
        given = evidence.found.get(name)
        if given is None:
            assumed[name] = local
            since.append((operation, l))
            nodes.append(Node(name, "backward", l, operation, "not given"))
            continue
        status: Status = "broken"
        if evidence.error(name, evidence.right[name]) <= 1:
            status = "agrees"
        elif evidence.error(name, local) <= 1:
            status = "inherits"
        elif not evidence.whole_trace:
            status = "unclear"
        elif not suspects:
            suspects = [
                *(step for step in since if leads_to(step, operation, since)),
                (operation, l),
            ]
        if operation not in LEAVES:
            since = []
        assumed[name] = given if given.shape == local.shape else local
        nodes.append(described(evidence, Node(name, "backward", l, operation, status)))
    return nodes, suspects


LEAVES = ("W", "b", "gamma", "beta")
"""Operations whose gradient nothing else is computed of."""


def leads_to(step: tuple[str, int], operation: str, since: Sequence[tuple[str, int]]) -> bool:
    """Whether an operation that was not shown lies on the way to what another computes.

    Arguments:
        operation: the other.
        since: all that were not shown before it: v and mu lead on through the way down to s alone.
    """
    if step[0] in LEAVES:
        return False
    return step[0] not in ("v", "mu") or operation == "s" or ("s", step[1]) in since


def judged_by_pattern(evidence: Evidence) -> tuple[list[Node], list[tuple[str, int]]]:
    """Parameters alone: see `compare.diagnosis.pattern`."""
    walk = walk_down(evidence)
    walk.lost = walk.lost or not evidence.whole_trace
    nodes: list[Node] = []
    for operation, l, name in backward_order(evidence.case.network):
        given = evidence.found.get(name, walk.recovered.get(name))
        if given is None:
            nodes.append(Node(name, "backward", l, operation, "not given"))
            continue
        recovered = name in walk.recovered
        status: Status = "inherits"
        if evidence.error(name, evidence.right[name], given) <= 1:
            status = "agrees"
        elif not evidence.whole_trace:
            status = "unclear"
        elif name in walk.broken or recovered:
            status = "broken"
        elif walk.lost:
            status = "unclear"
        node = Node(name, "backward", l, operation, status, recovered=recovered)
        nodes.append(described(evidence, node, given))
    return nodes, walk.suspects


def described(evidence: Evidence, node: Node, given: np.ndarray | None = None) -> Node:
    """The node with its error, and what its layer does alone."""
    full = f"forward {node.name}" if node.stage == "forward" else node.name
    expected = evidence.right[full]
    actual = evidence.found[full] if given is None else given
    alone = None
    if node.stage == "backward" and node.name in evidence.alone:
        alone = evidence.error(full, expected, evidence.alone[node.name]) <= 1
    if actual.shape != expected.shape:
        return Node(**{**vars(node), "error": np.inf, "alone": alone})
    difference = np.abs(actual - expected)
    worst = np.unravel_index(int(difference.argmax()), difference.shape)
    magnitude = max(np.abs(actual).max(), np.abs(expected).max())
    return Node(
        **{
            **vars(node),
            "error": float(difference.max() / magnitude) if magnitude else 0.0,
            "worst_index": tuple(int(i) for i in worst),
            "expected": float(expected[worst]),
            "actual": float(actual[worst]),
            "alone": alone,
        }
    )
