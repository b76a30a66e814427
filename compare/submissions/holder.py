"""Objects of the user's class that contain the parameters, under any attribute names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from itertools import islice, product
from typing import Any

import numpy as np

from compare.submissions.asking.failures import CodeFailure, Unsupported, call
from compare.submissions.binding import signature
from compare.submissions.construct import argument_for, meaning_in, meaning_of
from compare.submissions.names import plain, role_of, tensor_name
from compare.submissions.orientation import VECTORS, Orientation
from compare.submissions.remote import description
from compare.submissions.source import Source, keys_asked
from compare.submissions.things import Path, is_attribute, is_tensor, methods_of, put_all, values_in
from twingrad.network import Network

KINDS = ("W", "b", "gamma", "beta")

MAX_TRIES = 24
"""Maximum number of ways to fill in a constructor's arguments without known names."""

BUFFER = ("d", "g", "v", "m", "old", "prev", "best", "last")
"""First words in the names of gradients, momentum and copies, which look like parameters."""

BUILDERS = ("init", "build", "create", "setup", "reset", "xavier", "he")
"""Words in the names of methods that create the parameters after the constructor."""


@dataclass(frozen=True)
class Made:
    """How an object was made.

    Arguments:
        number: of the way of calling the constructor.
        places: where the parameters are.
        built: whether another method had to make them.
    """

    number: int
    places: Mapping[str, Path]
    built: bool


NOTHING = Made(-1, {}, False)
"""No way of calling the constructor works."""


@dataclass(frozen=True)
class Holder:
    """A class of the user's, and how its objects are made.

    Arguments:
        guessed: an attribute, or argument of the constructor, that is taken for lambda.
        tried: which way of calling the constructor works; kept from one object to the next.
        off: the rate of dropout that switches it off: 0, or 1 where it is the share that is kept.
        chosen: the kind of the vectors at a slot, where their names say none.
    """

    source: Source
    cls: type
    guessed: str | None = None
    tried: dict[tuple[Network, Orientation], Made] = field(default_factory=dict)
    off: float = 0.0
    chosen: Mapping[Path, str] = field(default_factory=dict)

    @property
    def rates(self) -> list[str]:
        """The arguments that are taken for a rate of dropout."""
        return [
            argument.name
            for argument in signature(self.cls)
            if meaning_in(argument) == "no dropout"
            and (argument.default is argument.empty or drops_by_default(argument))
        ]

    def make(
        self, network: Network, given: Mapping[str, Any], penalty: float, how: Orientation
    ) -> tuple[Any, dict[str, Path]]:
        """An object that contains the parameters of a case.

        Arguments:
            given: what the constructor may ask for by role, W, b, gamma, beta, X, Y among it.
            how: how its arrays lie.

        Returns:
            The object, and where its parameters are.

        Raises:
            Unsupported: nothing that it holds has the shape of the weights.
            CodeFailure: its constructor raised.
        """
        failure: CodeFailure | None = None
        known = self.tried.get((network, how))
        if known is NOTHING:
            raise Unsupported(
                f"{self.cls.__name__} holds no arrays with the shapes of the parameters"
            )
        ways = islice(self.keywords(network, given, penalty), MAX_TRIES)
        for number, keywords in enumerate(ways):
            if known is not None and number != known.number:
                continue
            try:
                thing = call(self.source, 0, self.cls, **keywords)
                if known is not None and not known.built:
                    return thing, dict(known.places)
                places = self.places(thing, network, how)
            except CodeFailure as error:
                failure = failure or error
                continue
            if places:
                direct = known is None and bool(places_in(thing, network, how, self.chosen))
                self.tried[network, how] = Made(number, places, not direct)
                return thing, places
        self.tried[network, how] = NOTHING
        if failure is not None:
            raise failure
        raise Unsupported(f"{self.cls.__name__} holds no arrays with the shapes of the parameters")

    def keywords(
        self, network: Network, given: Mapping[str, Any], penalty: float
    ) -> Iterator[dict[str, Any]]:
        """Arguments for the constructor; those without a known name get likely values."""
        known: dict[str, Any] = {}
        unknown: list[str] = []
        either: dict[str, list[Any]] = {}
        rates = self.rates
        for argument in signature(self.cls):
            role = role_of(argument.name)
            required = argument.default is argument.empty
            keys = self.keys_of(argument.name) if required else []
            if argument.name == self.guessed:
                known[argument.name] = penalty
            elif keys:
                known[argument.name] = {k: entry_for(k, network, given, penalty) for k in keys}
            elif argument.name in rates:
                known[argument.name] = self.off
            elif (meaning := meaning_in(argument)) and role not in KINDS:
                if meaning != "no dropout":
                    known[argument.name] = argument_for(argument, network, penalty)
                if required and meaning in ("hidden", "sizes"):
                    either[argument.name] = [*network.hidden[:1], [*network.hidden]]
            elif (
                role is not None
                and role in given
                and (required or role in (*KINDS, "parameters", "penalty"))
            ):
                known[argument.name] = given[role]
            elif required:
                unknown.append(argument.name)
        widths = list(network.widths)
        likely: list[Any] = [widths, list(network.hidden), network.depth, widths[0], widths[-1]]
        likely += [widths[1], penalty]
        choices = list(product(likely, repeat=len(unknown)))
        if len(unknown) == 3:
            choices.insert(0, (widths[0], widths[1], widths[-1]))
        if len(unknown) == 2:
            choices.insert(0, (widths[0], widths[-1]))
        for choice in choices:
            filled = known | dict(zip(unknown, choice, strict=True))
            yield filled
            for name, values in either.items():
                yield from (filled | {name: value} for value in values)

    def keys_of(self, argument: str) -> list[str]:
        """The keys that the class reads of an argument that is a dict: `params["lambda"]`."""
        return keys_asked(description(self.cls).get("source") or "", argument)

    def places(self, thing: Any, network: Network, how: Orientation) -> dict[str, Path]:
        """The paths of the parameters in an object; {} if it has no weights of these shapes."""
        found = places_in(thing, network, how, self.chosen)
        if found:
            return found
        for name, method in methods_of(self.cls).items():
            needs = [a for a in signature(method) if a.default is a.empty]
            if not needs and any(word in plain(name) for word in BUILDERS):
                call(self.source, 0, getattr(thing, name))
                found = places_in(thing, network, how, self.chosen)
                if found:
                    return found
        return {}

    def penalties(self, thing: Any) -> list[str]:
        """The attributes of an object that contain lambda."""
        return [
            path[0][1:]
            for path, value in values_in(thing)
            if len(path) == 1
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and (role_of(path[0][1:]) == "penalty" or path[0][1:] == self.guessed)
        ]


def drops_by_default(argument: Parameter) -> bool:
    """Whether the default of a rate switches dropout on."""
    return type(argument.default) is float and 0 < argument.default < 1


def entry_for(key: str, network: Network, given: Mapping[str, Any], penalty: float) -> Any:
    """What a dict of settings holds under a key; a small number where the key says nothing."""
    role = role_of(key)
    if role == "penalty":
        return penalty
    if role is not None and role not in KINDS and given.get(role) is not None:
        return given[role]
    if meaning_of(key) in ("inputs", "hidden", "classes", "sizes", "depth"):
        return argument_for(Parameter(key, Parameter.KEYWORD_ONLY), network, penalty)
    return SETTING


SETTING = 0.01
"""What a setting such as a learning rate gets, of which the gradients do not depend."""


def places_in(
    thing: Any, network: Network, how: Orientation, chosen: Mapping[Path, str]
) -> dict[str, Path]:
    """The parameters by shape; arrays of equal shape by name, initial value and order, as in
    layer 1.

    Arguments:
        chosen: see Holder.

    Returns:
        {} if a W, gamma or beta is missing.
    """
    entries = list(values_in(thing))
    found: dict[str, Path] = {}
    for name, shape in network.parameter_shapes.items():
        kind = name.rstrip("0123456789")
        theirs = how.give(name, np.empty(shape)).shape
        before = slot(found[f"{kind}1"]) if f"{kind}1" in found else None
        fitting = [
            (likeness(path, value, kind, name, chosen), slot(path) != before, number, path)
            for number, (path, value) in enumerate(entries)
            if path not in found.values()
            and (held == theirs if (held := shape_of(value)) else is_named(path, name))
        ]
        if fitting and (kind not in VECTORS or min(fitting)[0] < UNLIKE):
            found[name] = min(fitting)[-1]
    needed = [name for name in network.parameter_shapes if name.rstrip("0123456789") != "b"]
    return found if all(name in found for name in needed) else {}


UNLIKE = 9


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array or tensor."""
    if isinstance(value, np.ndarray):
        return value.shape
    return tuple(value.shape) if is_tensor(value) else None


def slot(path: Path) -> Path:
    """The path without its numbers, which the same parameter of every layer shares."""
    return tuple(re.sub(r"\d+", "", key) if isinstance(key, str) else None for key in path)


def is_named_as(path: Path, name: str) -> bool:
    """Whether a path has the name of a parameter or of its kind."""
    return likeness(path, None, name.rstrip("0123456789"), name, {}) <= 1


def likeness(path: Path, value: Any, kind: str, name: str, chosen: Mapping[Path, str]) -> int:
    """How unlikely a path is for a kind of parameter; 0 is best."""
    if slot(path) in chosen:
        return 0 if chosen[slot(path)] == kind else UNLIKE
    words = [plain(str(key).lstrip(".")) for key in path if isinstance(key, str)]
    named = [known for word in words if (known := tensor_name(word)) is not None]
    if any(word == plain(name) for word in words):
        return 0
    bare = [word.rstrip("0123456789") for word in words]
    if any(known[0] == kind for known in named):
        return 5 if any(w.startswith(BUFFER) and w not in ("beta", "gamma") for w in bare) else 1
    if any(known[0] in KINDS for known in named):
        return UNLIKE
    if kind in VECTORS and isinstance(value, np.ndarray):
        ones = bool((np.asarray(value) == 1).all())
        return 3 if ones == (kind == "gamma") else UNLIKE
    return 3


def is_named(path: Path, name: str) -> bool:
    """Whether an attribute that is still empty has the name of a parameter."""
    return len(path) == 1 and is_attribute(path[0]) and plain(path[0][1:]) == plain(name)


def fill(thing: Any, places: Mapping[str, Path], arrays: Mapping[str, Any]) -> None:
    """Store the parameters of a case at their paths."""
    put_all(thing, [(path, arrays[name]) for name, path in places.items()])
