"""`check --explain NODE`: the derivation of the value and the gradient of any node."""

import re
import textwrap
from dataclasses import replace

import numpy as np

from compare.cases import random_case
from compare.derivation import STAGES, Placed, backward_pass, forward_pass, steps_of
from compare.derivation.place import Place
from compare.derivation.source import code_of
from compare.numerics.structure import split_name, structural_zeros
from twingrad.errors import UserError
from twingrad.network import Network

NETWORK = Network(3072, (50, 50), 10, normalization="batch")
"""The network that is explained by default."""

WIDTH = 78
"""Line width of the prose; lines of code are not wrapped."""

LETTERS = {
    "X": "the minibatch",
    "Y": "the classes, one-hot; of a single unit 0 or 1",
    "y": "the class of every sample",
    "n": "samples in the minibatch",
    "m": "units of the layer",
    "lambda": "the penalty's weight",
    "eps": "added to the variance",
    "slope": "of the leaky ReLU below 0",
    "keep": "probability that dropout keeps a unit",
}
"""The letters in formulas that are not nodes."""

NOTATION = (
    "G_a is d cost / d a. Samples are rows; i runs over samples, j over units; W' is W transposed."
)


class Watched(dict[str, np.ndarray]):
    """A dictionary of arrays that records which ones were read."""

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
        name: "s2", "W1", "p", ... for the value and the gradient; "forward s2" for the value only,
            "G_s2" for the gradient only.

    Raises:
        UserError: the network has no such node.
    """
    network = NETWORK if network is None else network
    values, gradients = (
        {placed.name: placed for placed in steps_of(network, stage).values()} for stage in STAGES
    )
    wanted = name.strip()
    if wanted.startswith("forward "):
        wanted, gradients = wanted.removeprefix("forward ").strip(), {}
    elif wanted.startswith("G_"):
        wanted, values = wanted.removeprefix("G_"), {}
    if wanted not in values and wanted not in gradients:
        raise UserError(f"there is no node {name!r}; this network has {nodes_of(network)}")
    paragraphs = [f"{wanted}  {shape(network, wanted)}{role(network, wanted)}"]
    if wanted in values:
        paragraphs.append(section("value, forward pass", values[wanted], network))
    if wanted in gradients:
        zero = structural_zeros(network, samples=3).get(wanted, "")
        paragraphs += [section("gradient, backward pass", gradients[wanted], network, zero)]
        paragraphs.append(textwrap.fill(NOTATION, WIDTH))
    return "\n\n".join(paragraphs)


def section(what: str, placed: Placed, network: Network, note: str = "") -> str:
    """One step: its title, formula, reason, inputs, and code."""
    said, heading = placed.formula, placed.title
    said_lines = [f"{heading[0].upper()}{heading[1:]} ({what})", f"  {said}"]
    said_lines += textwrap.wrap(placed.why, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if note:
        said_lines.append(f"  It is {note}.")
    rows = [*inputs(placed, network), *letters(said, placed, network)]
    widest = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    said_lines.append("  computed of")
    said_lines += [f"    {a:{widest[0]}}  {b:{widest[1]}}  {size}".rstrip() for a, b, size in rows]
    for place, code in code_of(placed.step):
        said_lines += [f"  {place}", f"    {code}"]
    return "\n".join(said_lines)


def inputs(placed: Placed, network: Network) -> list[tuple[str, str, str]]:
    """The nodes that a step reads: name in its formula, description, shape.

    They are observed while the step runs on a small network of the same layers.
    """
    small = replace(network, inputs=3, hidden=(2,) * len(network.hidden), classes=3)
    case = random_case(small, 4, penalty=0.1, seed=0)
    trace = forward_pass(case)
    gradients = backward_pass(case, trace)
    read: list[str] = []
    watched = replace(
        case, parameters=Watched(case.parameters, read), masks=Watched(dict(case.masks), read)
    )
    watched_gradients = Watched(gradients, read, "G_")
    placed.step.compute(Place(watched, placed.layer, Watched(trace, read), watched_gradients))
    rows = []
    for name in read:
        node = name.removeprefix("G_")
        what = "parameter" if name in case.parameters else "value"
        what = "mask" if name in case.masks else what
        rows.append((name, "gradient" if name != node else what, shape(network, node)))
    return rows


def letters(said: str, placed: Placed, network: Network) -> list[tuple[str, str, str]]:
    """The letters in a formula that are not nodes."""
    found = re.findall(r"(?<![A-Za-z_])(X|Y|y|n|m|lambda|eps|slope|keep)(?![A-Za-z])", said)
    meanings = LETTERS | ({"Y": smoothed_targets(network)} if network.smoothing else {})
    sizes = {
        "X": f"(n, {network.inputs})",
        "Y": f"(n, {network.classes})",
        "y": "(n,)",
        "m": str(placed.layer.width),
        "eps": f"{network.eps:.3g}",
        "slope": f"{network.slope:.3g}",
        "keep": f"{1 - network.dropout:.3g}",
    }
    return [(letter, meanings[letter], sizes.get(letter, "")) for letter in dict.fromkeys(found)]


def smoothed_targets(network: Network) -> str:
    """The meaning of Y if labels are smoothed."""
    a, classes = network.smoothing, network.classes
    return f"the targets, {1 - a + a / classes:g} for the class of a sample, else {a / classes:g}"


def shape(network: Network, name: str) -> str:
    """The shape of a value and of its gradient."""
    if name in ("loss", "cost"):
        return "()"
    if name == "p":
        return f"(n, {network.classes})"
    if name in network.parameter_shapes:
        return str(network.parameter_shapes[name])
    kind, l = split_name(name)
    if kind in ("mu", "v"):
        return f"({network.widths[l]},)" if name in network.statistic_shapes else "(n,)"
    return f"(n, {network.widths[l]})"


def role(network: Network, name: str) -> str:
    """The role of a node that no forward step computes."""
    return ", a parameter" if name in network.parameter_shapes else ""


def nodes_of(network: Network) -> str:
    """All nodes, grouped by letter."""
    groups: dict[str, list[str]] = {}
    placed = [one for stage in STAGES for one in steps_of(network, stage).values()]
    for name in (one.name for one in placed):
        names = groups.setdefault(name.rstrip("0123456789"), [])
        if name not in names:
            names.append(name)
    spans = []
    for names in groups.values():
        ordered = sorted(names, key=lambda node: split_name(node)[1] if node[-1].isdigit() else 0)
        spans.append(ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}")
    return ", ".join(spans)
