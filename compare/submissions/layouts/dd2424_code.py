"""Functions of (X, Y, net_params, lam), called in one way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.cases import Case
from compare.submissions.asking.failures import (
    CodeFailure,
    Unsupported,
    blamed_on_us,
    call,
)
from compare.submissions.binding import (
    Values,
    as_tuple,
    bind,
    layers_of,
    looks_like_probabilities,
    named_results,
    roles,
)
from compare.submissions.handing_on import Order, order_words
from compare.submissions.holder import Holder, fill
from compare.submissions.holding import FORMS, container, told_apart
from compare.submissions.layouts.layout import Handed, Raw, one_hot
from compare.submissions.layouts.own_instance import OwnInstance
from compare.submissions.matching import (
    Leaves,
    leaves_of,
    recognised_forward,
    recognised_gradients,
    same,
)
from compare.submissions.names import FORWARD, FORWARD_PARTS, rank
from compare.submissions.orientation import Orientation
from compare.submissions.request import expected
from compare.submissions.returned import forward_of, gradients_of, named_entries
from compare.submissions.session import session
from compare.submissions.source import Source, returned_names
from compare.submissions.submission import Finding
from compare.submissions.things import Path, is_method, put_all, values_in, written
from twingrad.network import EPS, Network

Function = Callable[..., Any]

RATE = 1.0
"""The learning rate of a backward function that updates the parameters itself."""


@dataclass(frozen=True)
class Functions:
    """The functions of one mode; batch norm may have separate ones."""

    forward: Function | None
    backward: Function | None
    cost: Function | None


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
            "parameters": container(lists, self.form, self.strings, self.network)
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
        with blamed_on_us(function, bound.guessed):
            return call(self.source, stage, function, *bound.positional, **bound.keywords)

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        raw = self.passes(case, handed, self.values(case, handed))
        if self.functions.cost is None:
            return raw
        # of fresh inputs: the backward pass may have changed these
        fresh = self.hand_over(case, handed["X"].dtype.name)
        return replace(raw, forward=raw.forward | self.costs(case, fresh))

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
        names = returned_names(self.functions.backward)
        named, unknown = gradients_of(returned, names, depth)
        cost = cost_beside(returned)
        if cost is not None and self.functions.cost is None:
            forward["cost"] = cost
        leaves = leaves_of(returned) | self.held_leaves(values)
        gradients = recognised_gradients(leaves, named, case, self.orientation, self.eps_forms)
        if isinstance(returned, dict):
            changed = [
                n for n in named if n in gradients and not same(named[n], np.asarray(gradients[n]))
            ]
            self.renamed = changed
        by_name = any(n in gradients and same(named[n], np.asarray(gradients[n])) for n in named)
        if isinstance(returned, tuple) and by_name:
            self.returned = ", ".join(named_entries(list(returned), names))
        for name in ("p", "loss", "cost"):
            if name in gradients:
                forward.setdefault(name, gradients.pop(name))
        absent = self.network.parameter_shapes.keys() - set(self.expected())
        gradients = {name: value for name, value in gradients.items() if name not in absent}
        if not gradients:
            gradients = self.steps(values, handed, before)
            self.updates = bool(gradients)
        return Raw(gradients, forward, unknown, self.overwritten, self.updates)

    def steps(
        self, values: Values, handed: Handed, before: Mapping[str, np.ndarray]
    ) -> dict[str, Any]:
        """The gradients that the backward function goes down by where it returns none: what it
        took from each parameter, at a learning rate of 1; {} if it takes no learning rate.

        Arguments:
            handed: the parameters, changed or not.
            before: the same as they were.
        """
        assert self.functions.backward is not None
        if "rate" not in roles(self.functions.backward):
            return {}
        after: dict[Any, Any] = {name: handed[name] for name in before}
        if values.holder is not None:
            held = dict(values_in(values.holder))
            after = {name: held[path] for name, path in self.places.items() if path in held}
        taken = {
            name: before[name] - value
            for name, value in after.items()
            if isinstance(value, np.ndarray) and value.shape == before[name].shape
        }
        return taken if any(step.any() for step in taken.values()) else {}

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

    def held_leaves(self, values: Values) -> Leaves:
        """Everything in the object except its parameters; some classes store gradients there."""
        if values.holder is None:
            return {}
        held = {p: v for p, v in values_in(values.holder) if p not in self.places.values()}
        return leaves_of(held)

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
                if "P" in roles(function):
                    values = self.run_forward(values)
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
        said = {}
        for what in ("forward", "backward", "cost"):
            function = getattr(self.functions, what)
            if function is not None:
                line = self.source.line_of(function)
                said[what] = function.__name__ + (f", line {line}" if line else "")
                if what == "forward" and rank(function.__name__, FORWARD, FORWARD_PARTS, ()) < 0:
                    said[what] += (
                        " (no forward function was recognised by its name; this one was taken for "
                        "its arguments)"
                    )
        said |= self.orientation.words()
        if self.functions.backward is not None:
            used = roles(self.functions.backward)
            if self.holder is not None:
                held = ", ".join(f"{n} = {written(path)}" for n, path in self.places.items())
                said["parameters"] = f"in an object of {self.holder.cls.__name__}: {held}"
            elif "parameters" in used or self.form == "single":
                said["parameters"] = FORMS[self.form]
            elif layers_of(self.functions.backward):
                said["parameters"] = "each an argument of its own"
            else:
                said["parameters"] = "a list per kind"
        if self.updates:
            said["gradients"] = (
                "what the backward function takes from the parameters at a learning rate of "
                f"{RATE:g}"
            )
        if self.renamed:
            renamed = ", ".join(sorted(self.renamed))
            said["told by value"] = f"{renamed}: what has these names is the gradient of another"
        if len(self.orders) > 1:
            said["handed on"] = order_words(self.orders, self.order, self.written, self.names)
        if self.returned:
            said["returned"] = f"{self.returned}, in this order"
        where = "columns" if self.orientation.columns else "rows"
        said["labels"] = f"one-hot {where}" if self.prefers_one_hot else "classes from 0, y (n,)"
        said["penalty"] = "lambda * sum ||W||^2, gradient 2 lambda W"
        return said


def cost_beside(returned: Any) -> np.ndarray | None:
    """The only number that a function returns beside its gradients: loss, grads."""
    if not isinstance(returned, tuple | list):
        return None
    numbers = [v for v in returned if isinstance(v, float | np.floating) or is_number(v)]
    return np.asarray(numbers[0], np.float64) if len(numbers) == 1 else None


def is_number(value: Any) -> bool:
    """Whether a value is an array of one number without axes."""
    return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f"
