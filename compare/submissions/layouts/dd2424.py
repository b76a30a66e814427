"""Functions of (X, Y, net_params, lam): the layout of DD2424 and similar ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import Parameter
from itertools import islice, permutations, product
from typing import Any

from compare.cases import Case
from compare.submissions.binding import layers_of, role, roles, signature
from compare.submissions.construct import meaning_of
from compare.submissions.handing_on import Order, written_orders
from compare.submissions.holder import Holder
from compare.submissions.layouts.dd2424_code import DD2424Code, Function, Functions
from compare.submissions.layouts.layout import Code, Layout
from compare.submissions.names import parameter_argument, plain, says_batch_norm, tensor_name
from compare.submissions.orientation import Orientation
from compare.submissions.placing import arrangements, unplaced
from compare.submissions.remote import description
from compare.submissions.returned import ORDER
from compare.submissions.source import Source, keys_asked
from compare.submissions.things import attributes
from twingrad.network import EPS, Network

ORIENTATIONS = (
    Orientation(columns=True, vectors="column"),
    Orientation(columns=True, vectors="flat"),
    Orientation(vectors="flat"),
    Orientation(vectors="row"),
    Orientation(in_out=True, vectors="flat"),
    Orientation(in_out=True, vectors="row"),
)
"""Orientations of samples and weights, the course's first."""


class DD2424(Layout):
    """The layout: finds the functions, and knows the ways of calling them."""

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
        self.made: dict[str | None, dict[Any, Any]] = {}
        backward = functions[False].backward
        depth = layers_of(backward) if backward else None
        self.depths = (depth,) if depth else Layout.depths
        own = functions[True].backward
        apart = own is not None and own is not backward and says_batch_norm(own.__name__)
        named = any("gamma" in plain(word) for word in words)
        self.normalises = named or apart
        open_ = cls is not None or bool(own_pairs(functions[True]))
        self.scaled = named or (open_ and not apart)
        self.modes = (False, True) if self.scaled or apart else (False,)
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
        written = self.written(functions)
        scales = own_pairs(functions) if network.batch_norm and not self.normalises else [{}]
        for orientation, form, labels, guessed in product(
            ORIENTATIONS, forms, (True, False), self.guesses(functions, scales)
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
                holder=self.holder(guessed),
                guessed=guessed,
                global_penalties=globals_,
                module=self.module,
                written=written,
                scaled=self.scaled,
            )

    def reordered(self, code: Code) -> Iterator[Code]:
        assert isinstance(code, DD2424Code)
        return code.reordered()

    def rearranged(self, code: Code, case: Case) -> Iterator[Code]:
        assert isinstance(code, DD2424Code)
        if code.holder is not None:
            for chosen in arrangements(code, case):
                holder = replace(code.holder, chosen=chosen, tried={})
                yield replace(code, holder=holder, places={})

    def unplaced(self, code: Code, case: Case) -> list[str]:
        assert isinstance(code, DD2424Code)
        return [] if code.holder is None else unplaced(code, case)

    def written(self, functions: Functions) -> list[Order]:
        """The orders in which the file hands what the forward function returns on to the backward
        function."""
        forward, backward = functions.forward, functions.backward
        if forward is None or backward is None:
            return []
        names = [argument.name for argument in signature(backward)]
        return written_orders(self.source, forward.__name__, backward.__name__, names)

    def holder(self, guessed: dict[str, str]) -> Holder | None:
        """The class whose objects contain the parameters, if there is one."""
        if self.cls is None:
            return None
        name = next((n for n in guessed if guessed[n] != "X"), None)
        return Holder(self.source, self.cls, name, self.made.setdefault(name, {}))

    def guesses(
        self, functions: Functions, scales: Sequence[dict[str, str]]
    ) -> list[dict[str, str]]:
        """What arguments may stand for whose names say nothing: one may be lambda, unless another
        says that it is; and one may be the samples. The last guess is none at all.

        Arguments:
            scales: which may be gamma and beta, each added to every other guess.
        """
        asked = [f for f in (functions.forward, functions.backward, functions.cost) if f]
        taken = {name for pair in scales for name in pair}
        open_ = {a.name for f in asked for a in signature(f) if says_nothing(a)}
        open_ = {name for name in open_ if name.rstrip("0123456789") not in taken}
        if self.cls is not None:
            open_ |= {
                a.name for a in signature(self.cls) if says_nothing(a) and not meaning_of(a.name)
            }
        samples: dict[str, str] = {}
        for function in asked[:2]:
            names = [a.name for a in signature(function)]
            if "X" not in roles(function) and names and names[0] in open_:
                samples[names[0]] = "X"
        known = functions.backward is not None and "penalty" in roles(functions.backward)
        penalties = [] if known else [{name: "penalty"} for name in sorted(open_)][:MAX_GUESSES]
        both = [samples | one for one in penalties if not one.keys() & samples.keys()]
        found = [*(both if samples else []), *([samples] if samples else []), *penalties, {}]
        return [one | pair for one, pair in product(found, scales or [{}])]


def says_nothing(argument: Parameter) -> bool:
    """Whether the name of an argument has no known meaning, and it may be a number."""
    name = argument.name
    names_nothing = role(name) is None and parameter_argument(name) is None
    return names_nothing and tensor_name(name) is None and may_be_number(argument)


def own_pairs(functions: Functions) -> list[dict[str, str]]:
    """The arguments, and the keys of the parameters, that may be gamma and beta although their
    names do not say so: pairs that the forward and the backward function both read."""
    read = [names_read(f) for f in (functions.forward, functions.backward) if f is not None]
    shared = [name for name in read[0] if all(name in names for names in read)] if read else []
    pairs = permutations(shared, 2)
    return [{one: "gamma", other: "beta"} for one, other in islice(pairs, MAX_PAIRS)]


def names_read(function: Function) -> list[str]:
    """The required arguments of a function, and the keys of its parameters, whose names do not
    say which parameter they are, without numbers."""
    found = []
    for argument in signature(function):
        if role(argument.name) == "parameters":
            text = description(function).get("source") or ""
            keys = keys_asked(text, argument.name, numbered=True)
            found += [key for key in keys if is_open(key)]
        elif argument.default is Parameter.empty and is_open(argument.name):
            found.append(argument.name)
    return list(dict.fromkeys(name.rstrip("0123456789") for name in found))


def is_open(name: str) -> bool:
    """Whether a name may be that of gamma or beta although it does not say so."""
    known = tensor_name(name)
    return role(name) is None and (known is None or known[0] not in ORDER)


MAX_GUESSES = 4
MAX_PAIRS = 6


def may_be_number(argument: Parameter) -> bool:
    """Whether an argument has no default, or a number or None as default."""
    default = argument.default
    return default is Parameter.empty or default is None or type(default) in (int, float)


def penalties_in(module: Any, source: Source) -> tuple[str, ...]:
    """The global variables that contain lambda, if the functions of the file read them."""
    held = {} if module is None else attributes(module)
    numbers = [n for n, value in held.items() if type(value) in (int, float)]
    return tuple(n for n in numbers if role(n) == "penalty" and source.reads_in_function(n))
