"""Functions of (X, Y, net_params, lam), called in one way."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.cases import Case
from compare.submissions.asking.failures import (
    UNPLACED,
    CodeFailure,
    Unsupported,
    blamed_on_us,
    call,
)
from compare.submissions.binding import (
    Values,
    as_tuple,
    bind,
    looks_like_probabilities,
    named_results,
    roles,
    signature,
)
from compare.submissions.handing_on import Order
from compare.submissions.holder import Holder, fill
from compare.submissions.holding import container, cost_beside, told_apart
from compare.submissions.layouts.dd2424_words import assumptions
from compare.submissions.layouts.layout import Handed, Raw, is_alive, one_hot
from compare.submissions.layouts.own_instance import OwnInstance
from compare.submissions.matching import (
    Leaves,
    leaves_of,
    recognised_forward,
    recognised_gradients,
    same,
)
from compare.submissions.messages import RemoteError
from compare.submissions.names import in_our_words, plain, role_of, tensor_name
from compare.submissions.orientation import VECTORS, Orientation
from compare.submissions.remote import description
from compare.submissions.request import expected
from compare.submissions.returned import ORDER, forward_of, gradients_of, named_entries
from compare.submissions.session import session
from compare.submissions.source import Source, keys_asked, returned_names
from compare.submissions.stepping import (
    RATE,
    descent_of,
    named_gradients,
    steps_of,
    unreadable,
)
from compare.submissions.submission import Finding
from compare.submissions.things import Path, is_method, put_all, values_in
from twingrad.network import EPS, Network

Function = Callable[..., Any]


@dataclass(frozen=True)
class Functions:
    """The functions of one mode; batch norm may have separate ones."""

    forward: Function | None
    backward: Function | None
    cost: Function | None


def is_key_of(function: Function, argument: str, key: str) -> bool:
    """Whether a function reads this key of an argument."""
    asked = keys_asked(description(function).get("source") or "", argument, numbered=True)
    return bool({key, key.rstrip("0123456789")} & set(asked))


@dataclass
class DD2424Code:
    """One way of calling the functions."""

    source: Source
    functions: Functions
    network: Network
    orientation: Orientation
    form: str
    prefers_one_hot: bool
    strings: set[str]
    eps_forms: tuple[float, ...] = (EPS,)
    cost_one_hot: bool | None = None
    notes: list[Finding] = field(default_factory=list)
    holder: Holder | None = None
    guessed: Mapping[str, str] = field(default_factory=dict)
    global_penalties: tuple[str, ...] = ()
    module: Any = None
    places: Mapping[str, Path] = field(default_factory=dict)
    held_penalties: list[str] | None = None
    renamed: list[str] = field(default_factory=list)
    """The gradients that were found under another name than their own."""
    scaled: bool = True
    """Whether its batch norm has gamma and beta."""
    updates: bool = False
    """Whether its gradients are told from its update of the parameters."""
    looked: bool = False
    """Whether it was looked for arrays of the forward pass that the backward pass changes."""
    settled: bool = False
    """Whether it is known which rate switches dropout off."""
    overwritten: list[Finding] = field(default_factory=list)
    returned: str = ""
    """The names that the entries of a tuple were read under, in their order."""
    written: Sequence[Order] = ()
    order: Order | None = None
    """In which order the backward function takes what the forward function returned beside what
    the names tell; None for the likeliest."""
    orders: list[tuple[Order, str]] = field(default_factory=list)
    """The plausible orders, known after the first call."""
    names: Sequence[str | None] = ()
    """Names of the forward function's results."""

    def reordered(self) -> Iterator["DD2424Code"]:
        """The same with every other plausible order of what the forward function returned."""
        for order, _ in self.orders[1:] if self.order is None else ():
            yield replace(self, order=order)

    def for_network(self, network: Network) -> "DD2424Code":
        return replace(self, network=network, places={})

    def expected(self) -> list[str]:
        return expected(self.network, self.scaled)

    def hand_over(self, case: Case, dtype: str) -> Handed:
        arrays = {"X": case.X} | {name: case.parameters[name] for name in self.expected()}
        handed: Handed = {
            name: self.orientation.give("x0" if name == "X" else name, value).astype(dtype)
            for name, value in arrays.items()
        }
        columns = self.orientation.columns
        handed["Y"] = one_hot(case.y, self.network.classes, columns=columns, dtype=dtype)
        handed["y"] = case.y.copy()
        return handed

    def values(self, case: Case, handed: Handed, thing: Any = None) -> Values:
        """All values that an argument may receive.

        Arguments:
            thing: the object that holds the parameters; None makes one.
        """
        lists = {
            kind: [handed[n] for l in range(1, 99) if (n := f"{kind}{l}") in handed]
            for kind in ("W", "b", "gamma", "beta")
        }
        given = {
            "X": handed["X"],
            "parameters": container(lists, self.form, self.strings, self.network, self.guessed)
            if self.holder is None
            else None,
            "penalty": case.penalty,
            "batch_norm": self.network.batch_norm,
            "training": True,
            "mode": "train",
            "samples": len(case.X),
            "depth": self.network.depth,
            "classes": self.network.classes,
            "eps": self.network.eps,
            "rate": RATE,
        }
        values = Values(handed["Y"], handed["y"], self.prefers_one_hot, lists, given)
        values.single = self.form == "single"
        values.guessed = self.guessed
        for name in self.global_penalties:
            setattr(self.module, name, case.penalty)
        if self.holder is not None:
            if thing is None:
                asked = {**given, **lists, "Y": values.one_hot}
                thing, self.places = self.holder.make(
                    self.network, asked, case.penalty, self.orientation
                )
            fill(thing, self.places, handed)
            if self.held_penalties is None:
                self.held_penalties = self.holder.penalties(thing)
            put_all(thing, [((f".{name}",), case.penalty) for name in self.held_penalties])
            given["parameters"] = values.holder = thing
        return values

    @property
    def own_words(self) -> dict[str, str]:
        """The code's own words for b, gamma and beta, plain, with their kinds."""
        found = {plain(name): kind for name, kind in self.guessed.items() if kind in VECTORS}
        for name, path in self.places.items():
            key = plain(str([key for key in path if isinstance(key, str)][-1])).lstrip(".")
            kind = name.rstrip("0123456789")
            known = tensor_name(key)
            if kind in VECTORS and (known is None or known[0] not in ORDER):
                found.setdefault(key.rstrip("0123456789"), kind)
        return found

    @property
    def penalised(self) -> bool:
        """Whether lambda reaches the code; known after the first call."""
        functions = (self.functions.forward, self.functions.backward, self.functions.cost)
        asked: list[Function] = [f for f in functions if f is not None]
        asked += [self.holder.cls] if self.holder else []
        takes = set().union(*(roles(function) for function in asked))
        return bool(
            "penalty" in takes
            or "penalty" in self.guessed.values()
            or self.global_penalties
            or self.held_penalties
        )

    def run_forward(self, values: Values) -> Values:
        """The values, with the results of the forward function."""
        if self.functions.forward is None:
            return values
        returned = as_tuple(self.run(self.functions.forward, values, 0))
        values.whole = returned
        names = returned_names(self.functions.forward)
        values.forward = named_results(returned, names)
        if isinstance(returned, tuple):
            values.names = next((n for n in names if len(n) == len(returned)), ())
        values.written, values.order = self.written, self.order
        return values

    def run(self, function: Function, values: Values, stage: int) -> Any:
        """Bind the arguments, and call a function of the user's."""
        bound = bind(function, values)
        if bound.orders:
            self.orders, self.names = bound.orders, values.names
        if bound.unknown:
            taken = " and ".join(bound.unknown)
            said = f"{function.__name__} takes {taken}, which nothing here fits"
            if self.functions.forward is None:
                said = f"no forward function was recognised, and {said}"
            raise CodeFailure(
                Finding(
                    "keys",
                    f"{said}: name it as the forward function's return does, give it a default, or "
                    "write an adapter",
                    self.source.line_of(function),
                    True,
                ),
                stage,
            )
        if values.holder is not None and is_method(function):
            bound.positional.insert(0, values.holder)
        rule = descent_of(function, self.strings) if stage == 1 else {}
        bound.keywords |= rule
        with blamed_on_us(function, [*bound.guessed, *rule]), self.placed(function):
            return call(self.source, stage, function, *bound.positional, **bound.keywords)

    @contextlib.contextmanager
    def placed(self, function: Function) -> Iterator[None]:
        """Marks it as no fault of the code that its parameters have no such key."""
        try:
            yield
        except CodeFailure as failure:
            error = failure.__cause__
            if self.holder is None and isinstance(error, RemoteError) and error.is_a("KeyError"):
                key = error.message.strip("'")
                names = [a.name for a in signature(function) if role_of(a.name) == "parameters"]
                asked = [name for name in names if is_key_of(function, name, key)]
                if asked:
                    said = UNPLACED + f"{asked[0]}[{key!r}]"
                    finding = Finding("keys", said, failure.finding.line, True)
                    raise CodeFailure(finding, failure.stage, failure.reached) from error
            raise

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        if self.holder is not None and self.holder.rates and not self.settled:
            self.holder = self.without_dropout(self.holder, case)
            self.settled = True
        raw = self.passes(case, handed, self.values(case, handed))
        if self.functions.cost is None:
            return raw
        # of fresh inputs: the backward pass may have changed these
        fresh = self.hand_over(case, handed["X"].dtype.name)
        return replace(raw, forward=raw.forward | self.costs(case, fresh))

    def without_dropout(self, holder: Holder, case: Case) -> Holder:
        """The holder, with a rate of 1 instead of 0 if nothing is left with 0: some code takes the
        share that is kept."""
        plain = replace(case, penalty=0.0)

        def leaves_units(tried: Holder) -> bool:
            code = replace(self, holder=tried, notes=[], overwritten=[])
            handed = code.hand_over(plain, "float64")
            try:
                raw = code.passes(plain, handed, code.values(plain, handed))
            except (CodeFailure, Unsupported):
                return False
            return is_alive(raw, self.orientation.columns)

        kept = replace(holder, off=1.0, tried={})
        return kept if not leaves_units(holder) and leaves_units(kept) else holder

    def passes(self, case: Case, handed: Handed, values: Values) -> Raw:
        """The results of the forward and the backward pass."""
        before = {name: np.array(handed[name], copy=True) for name in self.expected()}
        values = self.run_forward(values)
        depth = self.network.depth
        # copied: a backward pass may work in place on what the forward pass returned
        forward = {
            name: np.array(value, copy=True)
            for name, value in forward_of(values.forward, depth, handed["X"]).items()
        }
        held = {n: v.copy() for n, v in values.forward.items() if isinstance(v, np.ndarray)}
        whole = leaves_of(values.whole)
        forward = recognised_forward(whole, forward, case, self.orientation, self.eps_forms)
        if self.functions.forward is not None and "p" not in forward:
            forward |= self.probabilities(values, forward)
        assert self.functions.backward is not None
        returned = self.run(self.functions.backward, values, 1)
        if not self.looked:
            self.find_overwritten(values, held)
        own = self.own_words
        theirs = returned_names(self.functions.backward)
        names = [[name and in_our_words(name, own) for name in listed] for listed in theirs]
        ours = returned
        if isinstance(returned, dict):
            ours = {in_our_words(str(key), own): value for key, value in returned.items()}
        named, unknown = gradients_of(ours, names, depth)
        cost = cost_beside(returned)
        if cost is not None and self.functions.cost is None:
            forward["cost"] = cost
        kept = self.kept(values)
        others = leaves_of({p: v for p, v in kept.items() if p not in self.places.values()})
        held_leaves = {
            tuple(in_our_words(k, own) if isinstance(k, str) else k for k in path[0]): leaf
            for path, leaf in others.items()
        }
        leaves = leaves_of(returned)
        by_names = leaves | named_gradients(held_leaves)

        def recognised(among: Leaves) -> dict[str, Any]:
            how, all_eps = self.orientation, self.eps_forms
            return recognised_gradients(among, named, case, how, all_eps, guess=by_names)

        gradients = recognised(leaves | held_leaves)
        if isinstance(returned, dict):
            changed = [
                n for n in named if n in gradients and not same(named[n], np.asarray(gradients[n]))
            ]
            self.renamed = changed
        by_name = any(n in gradients and same(named[n], np.asarray(gradients[n])) for n in named)
        if isinstance(returned, tuple) and by_name:
            self.returned = ", ".join(named_entries(list(returned), theirs))
        for name in ("p", "loss", "cost"):
            if name in gradients:
                forward.setdefault(name, gradients.pop(name))
        absent = self.network.parameter_shapes.keys() - set(self.expected())
        gradients = {name: value for name, value in gradients.items() if name not in absent}
        after = {name: kept.get(self.places.get(name, ())) for name in before}
        steps, descends = steps_of(before, handed if values.holder is None else after)
        updated = bool(steps) and "rate" in roles(self.functions.backward)
        if not named and not self.complete(gradients):
            own = {n: v for n, v in recognised(by_names).items() if n not in absent}
            gradients = (steps if updated and descends else {}) | own
            self.updates = updated and descends
            if returned is None and steps and not (self.updates or self.complete(gradients)):
                raise self.unreadable(gradients, steps)
        return Raw(gradients, forward, unknown, self.overwritten, updated)

    def complete(self, gradients: Mapping[str, Any]) -> bool:
        """Whether no gradient is missing."""
        return gradients.keys() >= set(self.expected())

    def unreadable(
        self, gradients: Mapping[str, Any], steps: Mapping[str, np.ndarray]
    ) -> CodeFailure:
        """That the backward function is a training step whose gradients cannot be told."""
        backward = self.functions.backward
        assert backward is not None
        missing = [name for name in self.expected() if name not in gradients]
        said = unreadable(backward.__name__, missing, steps)
        return CodeFailure(Finding("call", said, self.source.line_of(backward), True), 2)

    def with_dropout(self, keep: float) -> None:
        return None

    def instance(self, case: Case) -> OwnInstance | None:
        if self.holder is None:
            return None
        return OwnInstance(self, self.values(case, self.hand_over(case, "float64")).holder)

    def find_overwritten(self, values: Values, before: Mapping[str, np.ndarray]) -> None:
        """Record which arrays of the forward pass the backward pass changed in place."""
        self.looked = True
        after = session().agent.itself({name: values.forward[name] for name in before})
        changed = [name for name, value in before.items() if not same(after[name], value)]
        if changed:
            said = (
                f"{', '.join(changed)}, which the forward pass returned, changed in place by the "
                "backward pass: a cost or accuracy computed from it afterwards is of something "
                "else; work on a copy"
            )
            line = self.source.line_of(self.functions.backward)
            self.overwritten.append(Finding("mutation", said, line, False, "p"))

    def kept(self, values: Values) -> dict[Path, Any]:
        """Every value in the object; {} if there is none."""
        return {} if values.holder is None else dict(values_in(values.holder))

    def probabilities(self, values: Values, forward: dict[str, Any]) -> dict[str, Any]:
        """Unnamed results with the shape of p; those that look like probabilities come first."""
        found = [v for v in (values.whole, *values.forward.values()) if self.is_p(v)]
        found = [v for v in found if not any(same(v, np.array(f)) for f in forward.values())]
        found.sort(key=lambda value: not looks_like_probabilities(value))
        return {"p": np.array(found[0])} if found else {}

    def is_p(self, value: Any) -> bool:
        """Whether a value has the shape of the probabilities."""
        shape = getattr(value, "shape", None)
        return shape is not None and len(shape) == 2 and self.network.classes in shape

    def costs(self, case: Case, handed: Handed) -> dict[str, float]:
        """Cost and loss of the user's cost function; {} if there is none that can be called."""
        function = self.functions.cost
        if function is None and not self.notes:
            return self.cost_of_backward(case, handed)
        if function is None or self.notes:
            return {}
        known = self.cost_one_hot is not None
        first = bool(self.cost_one_hot) if known else self.prefers_one_hot
        failure: Exception | None = None
        for prefers in [first] if known else [first, not first]:
            values = self.values(case, handed)
            values.prefers_one_hot = prefers
            try:
                if "P" in roles(function) or "X" not in roles(function):
                    values = self.run_forward(values)
                    values.for_cost = True
                named = named_results(self.run(function, values, 2), returned_names(function))
                numbers = {k: float(np.asarray(v)) for k, v in named.items() if np.size(v) == 1}
            except (CodeFailure, Unsupported, TypeError, ValueError) as error:
                failure = failure or error
                continue
            if numbers:
                self.cost_one_hot = prefers
                return told_apart(numbers, case.penalty)
        if isinstance(failure, CodeFailure):
            self.notes.append(replace(failure.finding, fails=False))
        return {}

    def cost_of_backward(self, case: Case, handed: Handed) -> dict[str, float]:
        """The cost that the function of the gradients returns beside them; {} without one."""
        if self.functions.backward is None:
            return {}
        values = self.run_forward(self.values(case, handed))
        cost = cost_beside(self.run(self.functions.backward, values, 1))
        return {} if cost is None else {"cost": float(cost)}

    def cost(self, case: Case, handed: Handed) -> float | None:
        return self.costs(case, handed).get("cost")

    def assumed(self) -> dict[str, str]:
        return assumptions(self)
