"""`check --explain NODE`: how the value and the gradient of any node are derived."""

import re
import textwrap

import numpy as np

from compare.cases import Case, random_case
from compare.derivation import BACKWARD, FORWARD, Place, Step, backward_pass, forward_pass
from compare.derivation.backward import order as backward_order
from compare.derivation.forward import order as forward_order
from compare.derivation.source import code_of
from compare.numerics.structure import split_name, structural_zeros
from compare.reports.formulas import formula, title
from twingrad.errors import UserError
from twingrad.network import Network

NETWORK = Network(3072, (50, 50), 10, batch_norm=True)
"""Explained where no other is asked for."""

WIDTH = 78
"""Of the lines of prose; code is not broken."""

LETTERS = {
    "X": "the minibatch",
    "Y": "the classes, one-hot",
    "y": "the class of every sample",
    "n": "samples in the minibatch",
    "lambda": "the penalty's weight",
    "eps": "added to the variance",
}
"""What formulas hold beside nodes."""

NOTATION = (
    "G_a is d cost / d a. Samples are rows; i runs over samples, j over units; W' is W transposed."
)


class Watched(dict[str, np.ndarray]):
    """Arrays by name that remembers which were read."""

    def __init__(self, values: dict[str, np.ndarray], read: list[str], prefix: str = "") -> None:
        super().__init__(values)
        self.read, self.prefix = read, prefix

    def __getitem__(self, name: str) -> np.ndarray:
        if self.prefix + name not in self.read:
            self.read.append(self.prefix + name)
        return super().__getitem__(name)


def explain_node(network: Network | None, name: str) -> str:
    """The derivation of one node, as text for a terminal.

    Arguments:
        network: None for three layers, [50, 50], with batch norm, on CIFAR-10.
        name: "s2", "W1", "p", ... for all that is known of it; "forward s2" for its value alone,
            "G_s2" for its gradient alone.

    Raises:
        UserError: the network has no such node.
    """
    network = NETWORK if network is None else network
    values = {node: (operation, l) for operation, l, node in forward_order(network)}
    gradients = {node: (operation, l) for operation, l, node in backward_order(network)}
    wanted = name.strip()
    if wanted.startswith("forward "):
        wanted, gradients = wanted.removeprefix("forward ").strip(), {}
    elif wanted.startswith("G_"):
        wanted, values = wanted.removeprefix("G_"), {}
    if wanted not in values and wanted not in gradients:
        raise UserError(f"there is no node {name!r}; this network has {nodes_of(network)}")
    paragraphs = [f"{wanted}  {shape(network, wanted)}{role(network, wanted)}"]
    if wanted in values:
        operation, l = values[wanted]
        paragraphs.append(section("value, forward pass", FORWARD[operation], network, l))
    if wanted in gradients:
        operation, l = gradients[wanted]
        zero = structural_zeros(network, samples=3).get(wanted, "")
        paragraphs += [section("gradient, backward pass", BACKWARD[operation], network, l, zero)]
        paragraphs.append(textwrap.fill(NOTATION, WIDTH))
    return "\n\n".join(paragraphs)


def section(what: str, step: Step, network: Network, l: int, note: str = "") -> str:
    """One step: its title, formula, reason, what it is computed of, and its code."""
    said = formula(step, network, l)
    heading = title(step, l)
    said_lines = [f"{heading[0].upper()}{heading[1:]} ({what})", f"  {said}"]
    said_lines += textwrap.wrap(step.why, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if note:
        said_lines.append(f"  It is {note}.")
    rows = [*inputs(step, network, l), *letters(said, network)]
    widest = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    said_lines.append("  computed of")
    said_lines += [f"    {a:{widest[0]}}  {b:{widest[1]}}  {size}".rstrip() for a, b, size in rows]
    for place, code in code_of(step):
        said_lines += [f"  {place}", f"    {code}"]
    return "\n".join(said_lines)


def inputs(step: Step, network: Network, l: int) -> list[tuple[str, str, str]]:
    """The nodes that a step reads: name in its formula, what it is, shape.

    They are watched, not listed: the step is computed on a small network of the same layers.
    """
    small = Network(3, (2,) * len(network.hidden), 3, network.batch_norm)
    case = random_case(small, 4, penalty=0.1, seed=0)
    trace = forward_pass(case)
    gradients = backward_pass(case, trace)
    read: list[str] = []
    watched = Case("", small, Watched(case.parameters, read), case.X, case.y, case.penalty)
    step.compute(Place(watched, l, Watched(trace, read), Watched(gradients, read, "G_")))
    rows = []
    for name in read:
        node = name.removeprefix("G_")
        what = "parameter" if name in case.parameters else "value"
        rows.append((name, "gradient" if name != node else what, shape(network, node)))
    return rows


def letters(said: str, network: Network) -> list[tuple[str, str, str]]:
    """The letters of a formula that are no nodes."""
    found = re.findall(r"(?<![A-Za-z_])(X|Y|y|n|lambda|eps)(?![A-Za-z_])", said)
    sizes = {
        "X": f"(n, {network.inputs})",
        "Y": f"(n, {network.classes})",
        "y": "(n,)",
        "eps": f"{network.eps:.3g}",
    }
    return [(letter, LETTERS[letter], sizes.get(letter, "")) for letter in dict.fromkeys(found)]


def shape(network: Network, name: str) -> str:
    """The shape of a value and of its gradient alike."""
    if name in ("loss", "cost"):
        return "()"
    if name == "p":
        return f"(n, {network.classes})"
    if name in network.parameter_shapes:
        return str(network.parameter_shapes[name])
    kind, l = split_name(name)
    width = network.widths[l]
    return f"({width},)" if kind in ("mu", "v") else f"(n, {width})"


def role(network: Network, name: str) -> str:
    """What a node without a step of the forward pass is."""
    return ", a parameter" if name in network.parameter_shapes else ""


def nodes_of(network: Network) -> str:
    """All nodes, those of one letter together."""
    groups: dict[str, list[str]] = {}
    for _, _, name in (*forward_order(network), *backward_order(network)):
        names = groups.setdefault(name.rstrip("0123456789"), [])
        if name not in names:
            names.append(name)
    spans = []
    for names in groups.values():
        ordered = sorted(names, key=lambda node: split_name(node)[1] if node[-1].isdigit() else 0)
        spans.append(ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}")
    return ", ".join(spans)
