"""Find the operation that is wrong.

A gradient is first compared with the right one. If it differs, the right step is applied to the
gradients found above it: if that gives the gradient found, the error is inherited, and otherwise
this operation is broken. If an implementation can start from a given gradient (teacher forcing),
each of its layers is also run on the right gradient of its output.
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
        name: of the tensor; in the backward pass, of the tensor whose gradient this is.
        stage: "forward" or "backward".
        layer: number of the layer; None for p, loss and cost.
        operation: key of its step in the derivation.
        status: "unclear" if it is wrong and its inputs are not known.
        error: largest difference relative to the tensor; None if it was not given.
        worst_index, expected, actual: the entry with the largest difference.
        alone: whether the layer alone, given the right gradient, returns the right one; None if it
            cannot be run alone.
        recovered: whether it was not given but recovered from the gradient of W.
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
        """Every field, ready for JSON; numbers that are not finite become strings."""
        return {
            key: repr(value) if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Blame:
    """Every node in order of execution.

    Arguments:
        nodes: forward, then backward.
        suspects: (operation, layer) of the operations that may be the first broken one; more than
            one if values between them were not given.
        steps: the same, as steps of the network.
        stage: the pass of the suspects; None if all values agree.
    """

    nodes: tuple[Node, ...]
    suspects: tuple[tuple[str, int], ...]
    steps: list[Placed]
    stage: Literal["forward", "backward"] | None

    @property
    def first(self) -> Node | None:
        """The first broken node; if none is known to be broken, the first that may be."""
        for status in ("broken", "unclear"):
            for node in self.nodes:
                if node.status == status:
                    return node
        return None

    @property
    def titles(self) -> list[str]:
        """The suspects, in words."""
        return [placed.title for placed in self.steps]


def blame(evidence: Evidence) -> Blame:
    """Judge every node and find the first broken operation."""
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
    """Judge the values of the forward pass, each also against the right step applied to the values
    found."""
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
    """The operations after the last right value, up to the first wrong one."""
    suspects: list[tuple[str, int]] = []
    for operation, l, name in forward_order(evidence.case.network):
        suspects.append((operation, l))
        if name == faulty.name:
            break
        if f"forward {name}" in evidence.found:
            suspects = []
    return suspects if faulty.status == "unclear" else suspects[-1:]


def backward_nodes(evidence: Evidence) -> tuple[list[Node], list[tuple[str, int]]]:
    """Judge the gradients in order of execution, and find the suspects."""
    network = evidence.case.network
    intermediates = {f"s{l}" for l in range(1, network.depth + 1)}
    if intermediates & evidence.found.keys():
        return judged_by_steps(evidence)
    return judged_by_pattern(evidence)


def judged_by_steps(evidence: Evidence) -> tuple[list[Node], list[tuple[str, int]]]:
    """Compare each gradient with the result of the right step for the gradients found above it."""
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
"""Operations whose results no other operation uses."""


def leads_to(step: tuple[str, int], operation: str, since: Sequence[tuple[str, int]]) -> bool:
    """Whether an operation whose result was not given affects the result of another.

    Arguments:
        operation: the other operation.
        since: all operations before it whose results were not given. v and mu affect others only
            through the gradient of s.
    """
    if step[0] in LEAVES:
        return False
    return step[0] not in ("v", "mu") or operation == "s" or ("s", step[1]) in since


def judged_by_pattern(evidence: Evidence) -> tuple[list[Node], list[tuple[str, int]]]:
    """Judge gradients of parameters without intermediates; see `compare.diagnosis.pattern`."""
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
    """The node with its error, and with the result of its layer alone."""
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
