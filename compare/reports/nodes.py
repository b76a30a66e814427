"""A node of the network in words: its mark, its error, and where that comes from."""

from math import isinf

from compare.diagnosis.blame import Node, Status
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import Examination

MARKS: dict[Status, tuple[str, str]] = {
    "agrees": ("✓", "+"),
    "inherits": ("~", "~"),
    "broken": ("✗", "X"),
    "unclear": ("?", "?"),
    "not given": ("·", "."),
}
"""Marks, with their replacements for terminals that only support ASCII."""

MEANINGS: dict[Status, str] = {
    "agrees": "right, within rounding",
    "inherits": "wrong only because its input is wrong",
    "broken": "wrong by its own operation",
    "unclear": "wrong, and what it was computed of is not known",
    "not given": "not shown by the code, so not judged",
}


def shown_error(evidence: Evidence, node: Node) -> float | None:
    """A node's relative error; in units of rounding if it agrees and is zero in theory, because
    such a tensor consists only of rounding.

    There the tensor is rounding alone, so an error relative to it says nothing.
    """
    if node.status != "agrees" or node.error is None:
        return node.error
    name = f"forward {node.name}" if node.stage == "forward" else node.name
    return min(node.error, evidence.error(name, evidence.right[name]) * evidence.rounding)


def suspected(found: Examination, node: Node) -> bool:
    """Whether the operation of a node may be the first broken one."""
    return (
        node.stage == found.blame.stage
        and (node.operation, layer(node, found)) in found.blame.suspects
    )


def layer(node: Node, found: Examination) -> int:
    """The layer of a node; p, loss and cost belong to the last."""
    return found.evidence.case.network.depth if node.layer is None else node.layer


def things(stage: str) -> str:
    """The name of a pass's results."""
    return "values" if stage == "forward" else "gradients"


def error_words(node: Node) -> str:
    """The size of the error, in words."""
    if node.error is None or isinf(node.error):
        return "another shape than expected" if node.error else "not known how wrong"
    return f"error {node.error:.1e}"


def worst_words(node: Node) -> str:
    """The index of the largest error."""
    if node.expected is None or node.actual is None:
        return ""
    at = f" at {list(node.worst_index)}" if node.worst_index else ""
    expected, actual = two_numbers(node.expected, node.actual)
    return f"worst{at}: expected {expected}, actual {actual}"


def two_numbers(expected: float, actual: float) -> tuple[str, str]:
    """Both numbers, with enough digits to distinguish them."""
    for digits in (6, 12):
        said = f"{expected:.{digits}g}", f"{actual:.{digits}g}"
        if said[0] != said[1]:
            return said
    return repr(expected), repr(actual)


def alone_words(node: Node) -> str:
    """The layer's result for right gradients, if known, in words."""
    return "" if node.alone is None else f"; alone: {'right' if node.alone else 'wrong'}"
