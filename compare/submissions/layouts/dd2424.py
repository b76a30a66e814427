"""Functions on (X, Y, net_params, lam): the layout of DD2424, and its like."""

from collections.abc import Iterator
from itertools import product

from compare.submissions.binding import layers_of, roles
from compare.submissions.layouts.dd2424_code import DD2424Code, Functions
from compare.submissions.layouts.layout import Layout
from compare.submissions.names import plain
from compare.submissions.orientation import Orientation
from compare.submissions.source import Source
from twingrad.network import Network

ORIENTATIONS = (
    Orientation(columns=True, vectors="column"),
    Orientation(columns=True, vectors="flat"),
    Orientation(vectors="flat"),
    Orientation(vectors="row"),
    Orientation(in_out=True, vectors="flat"),
    Orientation(in_out=True, vectors="row"),
)
"""The course's own first."""


class DD2424(Layout):
    """The layout: finds the functions, knows the ways of calling them."""

    name = "dd2424"

    def __init__(self, source: Source, functions: dict[bool, Functions], words: set[str]) -> None:
        self.source, self.functions, self.strings = source, functions, source.strings()
        backward = functions[False].backward
        depth = layers_of(backward) if backward else None
        self.depths = (depth,) if depth else Layout.depths
        normalises = any("gamma" in plain(word) for word in words)
        self.modes = (False, True) if normalises else (False,)
        self.line = source.line_of(backward) if backward else None

    def codes(self, network: Network) -> Iterator[DD2424Code]:
        functions = self.functions[network.batch_norm]
        takes = set().union(*(roles(f) for f in (functions.forward, functions.backward) if f))
        flat = any(f"W{l}" in self.strings for l in (1, 2)) and "W" not in self.strings
        forms: tuple[str, ...] = ("lists",)
        if "parameters" in takes:
            forms = ("flat", "lists", "layers") if flat else ("lists", "flat", "layers")
        if network.depth == 1:
            forms = ("single", *forms)
        for orientation, form, labels in product(ORIENTATIONS, forms, (True, False)):
            yield DD2424Code(
                self.source, functions, network, orientation, form, labels, self.strings
            )
