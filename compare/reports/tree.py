"""The result for a case in the terminal: the network as a tree, with the diagnosis below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text
from rich.tree import Tree

from compare.derivation import ACTIVATIONS, steps_of
from compare.diagnosis.blame import Node, Status
from compare.diagnosis.examination import Examination
from compare.reports.formulas import BrokenStep, broken_steps
from compare.reports.nodes import (
    MARKS,
    MEANINGS,
    alone_words,
    error_words,
    layer,
    shown_error,
    suspected,
    things,
    worst_words,
)
from twingrad.network import Network

STYLES: dict[Status, str] = {
    "agrees": "green",
    "inherits": "yellow",
    "broken": "bold red",
    "unclear": "magenta",
    "not given": "dim",
}

SHOWN = 4
"""Maximum number of suspected steps shown; the sentences name the others."""


@dataclass(frozen=True)
class NodeTree:
    """The tree for a console of any width, with or without colour.

    Nodes that agree or were not given are folded into one line per layer; a pass with only such
    nodes into one line.
    """

    examination: Examination

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, ascii_only = self.examination, options.ascii_only
        case = found.evidence.case
        widths = "-".join(str(width) for width in case.network.widths)
        asked = case.penalty * (2 if found.evidence.form == "half" else 1)
        network = f"{widths} {kinds_of(case.network)}, {len(case.y)} samples, lambda {asked:g}"
        tree = Tree(Text(f"{found.side}: {network}"), guide_style="dim")
        for stage in ("forward", "backward"):
            nodes = [node for node in found.blame.nodes if node.stage == stage]
            add_pass(tree, Lines(found, ascii_only), stage, nodes)
        yield tree
        present = {node.status for node in found.blame.nodes}
        for status in ("inherits", "broken", "unclear"):
            if status in present:
                mark = MARKS[status][ascii_only]
                yield Text(f"{mark} {status}: {MEANINGS[status]}", style=STYLES[status])
        yield Text()
        yield from (Text(sentence) for sentence in found.sentences)
        yield from described_steps(found)


@dataclass(frozen=True)
class Lines:
    """Nodes as lines.

    Arguments:
        found: what they belong to.
        ascii_only: whether the terminal cannot show more.
    """

    found: Examination
    ascii_only: bool

    def quiet(self, node: Node) -> bool:
        """Whether a node may be folded."""
        return node.status == "agrees" or (
            node.status == "not given" and not suspected(self.found, node)
        )

    def missing(self, node: Node) -> bool:
        """Whether a node was not given and is not suspected."""
        return node.status == "not given" and self.quiet(node)

    def line(self, status: Status, *rest: str) -> Text:
        """A line with its mark, in its colour."""
        return Text("".join((MARKS[status][self.ascii_only], " ", *rest)), style=STYLES[status])

    def folded(self, nodes: Sequence[Node], label: str = "") -> Text:
        """Nodes that agree or were not given, in one line."""
        agreeing = [node for node in nodes if node.status == "agrees"]
        missing = [node.name for node in nodes if node.status == "not given"]
        if not agreeing:
            return self.line("not given", label, f"{', '.join(missing)} not given")
        names = ", ".join(node.name for node in agreeing)
        if label and not missing and len(nodes) > 1:
            names = f"all {len(nodes)}"
        less = f"; {len(missing)} not given" if missing else ""
        return self.line("agrees", label, f"{names} {self.agreement(agreeing)}{less}")

    def agreement(self, nodes: Sequence[Node]) -> str:
        """The largest error of nodes that agree, in words."""
        worst = max(shown_error(self.found.evidence, node) or 0.0 for node in nodes)
        verb = "agrees" if len(nodes) == 1 else "agree"
        return f"{verb} within {worst:.1e}" if worst else f"{verb} exactly"

    def single(self, node: Node) -> Text:
        """A node that is wrong or suspected."""
        steps = steps_of(self.found.evidence.case.network, node.stage)
        what = steps[node.operation, layer(node, self.found)].title
        suspicion = f", suspected: {what}" if suspected(self.found, node) else ""
        said = f"{node.name}  {node.status}"
        if node.status == "not given":
            return self.line("not given", said, suspicion)
        how = f", {error_words(node)}{alone_words(node)}"
        if node.status == "inherits":
            return self.line("inherits", said, how)
        if node.recovered:
            said += f" here or above{how} (recovered from G_W{node.layer})"
        else:
            said += how + (f": {what}" if node.status == "broken" else suspicion)
        return self.line(node.status, said, f"\n  {worst_words(node)}" if worst_words(node) else "")


def kinds_of(network: Network) -> str:
    """The kinds of layer, in words."""
    normalization = {
        "none": "without batch norm",
        "batch": "with batch norm",
        "batch-after": "with batch norm after the activation",
        "layer": "with layer norm",
    }[network.normalization]
    further = [
        "" if network.activation == "relu" else ACTIVATIONS[network.activation].name,
        f"dropout {network.dropout:g}" if network.dropout else "",
        f"smoothing {network.smoothing:g}" if network.smoothing else "",
        "" if network.loss == "cross_entropy" else network.loss.replace("_", " "),
    ]
    return ", ".join([normalization, *filter(None, further)])


def add_pass(tree: Tree, lines: Lines, stage: str, nodes: Sequence[Node]) -> None:
    """Add one pass as a branch, with its layers in order of execution."""
    if all(node.status == "agrees" for node in nodes):
        said = f"{stage}: all {len(nodes)} {things(stage)} {lines.agreement(nodes)}"
        tree.add(lines.line("agrees", said))
        return
    branch = tree.add(Text(stage))
    layers = [list(group) for _, group in groupby(nodes, key=lambda n: layer(n, lines.found))]
    for missing, run in groupby(layers, key=lambda members: all(map(lines.missing, members))):
        if missing:
            numbers = [layer(members[0], lines.found) for members in run]
            one = len(numbers) == 1
            what = f"layer {numbers[0]}" if one else f"layers {numbers[0]} to {numbers[-1]}"
            branch.add(lines.line("not given", f"{what}: {things(stage)} not given"))
            continue
        for members in run:
            add_layer(branch, lines, members)


def add_layer(branch: Tree, lines: Lines, members: Sequence[Node]) -> None:
    """Add one layer: one line if all its nodes are quiet, otherwise a branch."""
    label = f"layer {layer(members[0], lines.found)}"
    if all(map(lines.quiet, members)):
        branch.add(lines.folded(members, f"{label}: "))
        return
    inner = branch.add(Text(label))
    for status, run in groupby(members, key=lambda n: n.status if lines.quiet(n) else ""):
        if status:
            inner.add(lines.folded(list(run)))
        else:
            for node in run:
                inner.add(lines.single(node))


def described_steps(found: Examination) -> Iterator[Text]:
    """The broken step's formula, with carets below the wrong part, and the right code."""
    steps = broken_steps(found)
    for number, step in enumerate(steps[:SHOWN]):
        heading = "The broken step" if found.best is not None else "A suspected step"
        yield Text("\n" if number == 0 else "").append(f"{heading}: {step.title}", style="bold")
        yield formula_text(step)
        for place, code in step.code:
            yield Text(f"  right in {place}:\n    {code}", style="dim")
    if len(steps) > SHOWN:
        yield Text(f"\nand {len(steps) - SHOWN} more.")


def formula_text(step: BrokenStep) -> Text:
    """A formula with the wrong part coloured, above carets."""
    formula = step.formula
    text = Text("  ").append(formula.before).append(formula.wrong, style="bold red")
    text.append(formula.after)
    if formula.wrong:
        text.append(f"\n  {' ' * len(formula.before)}").append("^" * len(formula.wrong), "bold red")
    return text
