"""Functions on (X, Y, net_params, lam): the layout of DD2424, and its like."""

from collections.abc import Iterator
from inspect import Parameter
from itertools import product
from typing import Any

from compare.submissions.binding import layers_of, role, roles, signature
from compare.submissions.construct import meaning_of
from compare.submissions.holder import Holder
from compare.submissions.layouts.dd2424_code import DD2424Code, Functions
from compare.submissions.layouts.layout import Layout
from compare.submissions.names import parameter_argument, plain, tensor_name
from compare.submissions.orientation import Orientation
from compare.submissions.source import Source
from twingrad.network import EPS, Network

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

    def __init__(
        self,
        source: Source,
        functions: dict[bool, Functions],
        words: set[str],
        *,
        module: Any = None,
        cls: type | None = None,
    ) -> None:
        """Arguments:
        module: the file itself, whose global variables may hold lambda.
        cls: the class whose objects hold the parameters; None where lists and dicts do.
        """
        self.source, self.functions, self.strings = source, functions, source.strings()
        self.module, self.cls = module, cls
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
        if self.cls is not None:
            forms = ("object",)
        elif "parameters" in takes:
            forms = ("flat", "lists", "layers") if flat else ("lists", "flat", "layers")
        if network.depth == 1 and self.cls is None:
            forms = ("single", *forms)
        eps = (EPS, *self.source.small_numbers())
        globals_ = penalties_in(self.module, self.source)
        guesses = [*self.guesses(functions), None]
        for orientation, form, labels, guessed in product(
            ORIENTATIONS, forms, (True, False), guesses
        ):
            yield DD2424Code(
                self.source,
                functions,
                network,
                orientation,
                form,
                labels,
                self.strings,
                eps_forms=tuple(dict.fromkeys(eps)),
                holder=Holder(self.source, self.cls, guessed) if self.cls is not None else None,
                guessed={} if guessed is None else {guessed: "penalty"},
                global_penalties=globals_,
                module=self.module,
            )

    def guesses(self, functions: Functions) -> list[str]:
        """The arguments whose names say nothing, any of which may be lambda; none where a
        gradient function has an argument that says it is lambda."""
        asked = [*filter(None, (functions.forward, functions.backward, functions.cost)), self.cls]
        if functions.backward is not None and "penalty" in roles(functions.backward):
            return []
        arguments = [a for thing in asked if thing is not None for a in signature(thing)]
        return [
            name
            for name in dict.fromkeys(a.name for a in arguments if may_be_number(a))
            if role(name) is None
            and meaning_of(name) is None
            and parameter_argument(name) is None
            and tensor_name(name) is None
        ][:MAX_GUESSES]


MAX_GUESSES = 4


def may_be_number(argument: Parameter) -> bool:
    """Whether an argument has no default, or a number or None as one."""
    default = argument.default
    return default is Parameter.empty or default is None or type(default) in (int, float)


def penalties_in(module: Any, source: Source) -> tuple[str, ...]:
    """The global variables that hold lambda, if the functions of the file read them."""
    held = {} if module is None else vars(module)
    numbers = [n for n, value in held.items() if type(value) in (int, float)]
    return tuple(n for n in numbers if role(n) == "penalty" and source.reads_in_function(n))
