"""Find the functions of layers in a file: f_forward with f_backward, or a loss of scores."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from compare.submissions.binding import role, signature
from compare.submissions.names import plain

Function = Callable[..., Any]

BACKWARD = re.compile(r"backward|backprop|bwd|back$|^back|grad(ient)?$|^grad|derivative$|prime$")
FORWARD = re.compile(r"forward|fwd|forwardprop")
LOSS = re.compile(r"loss|crossentropy|hinge")
OTHERS = ("check", "num", "test", "naive_check", "plot", "eval")


@dataclass(frozen=True)
class Pair:
    """A layer: its forward function, and its backward function unless the first returns both.

    Arguments:
        name: of the backward function, or of the loss.
    """

    name: str
    forward: Function
    backward: Function | None


def pairs_of(functions: Sequence[Function]) -> list[Pair]:
    """The pairs in a file, in order, losses last."""
    by_name = {plain(function.__name__): function for function in functions}
    found: list[Pair] = []
    for function in functions:
        word = plain(function.__name__)
        if not BACKWARD.search(word) or any(other in word for other in OTHERS):
            continue
        stem = BACKWARD.sub("", word)
        forward = next(
            (f for n, f in by_name.items() if FORWARD.search(n) and FORWARD.sub("", n) == stem),
            by_name.get(stem),
        )
        if stem and forward is not None and forward is not function:
            found.append(Pair(function.__name__, forward, function))
    paired = {pair.forward for pair in found} | {pair.backward for pair in found}
    for function in functions:
        arguments = [a for a in signature(function) if a.default is a.empty]
        # of scores and labels alone; a cost of a whole network takes its parameters too
        of_scores = len(arguments) == 2 and role(arguments[1].name) == "Y"
        if function not in paired and of_scores and LOSS.search(plain(function.__name__)):
            found.append(Pair(function.__name__, function, None))
    return found
