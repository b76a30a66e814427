"""A class with self.params, self.reg and loss(X, y): the layout of CS231n."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.cases import Case
from compare.submissions.asking.failures import CodeFailure, Unsupported, call
from compare.submissions.binding import signature
from compare.submissions.construct import construct, meaning_of
from compare.submissions.layouts.layout import Handed, Layout, Raw
from compare.submissions.names import ROLE, plain
from compare.submissions.orientation import Orientation
from compare.submissions.request import cast
from compare.submissions.source import Source
from compare.submissions.submission import Finding
from compare.submissions.things import Path, is_torch, methods_of, put_all, type_name, values_in
from twingrad.network import EPS, Network

COURSE_EPS = 1e-5
"""The default eps of the course's batchnorm_forward."""


SPELLINGS = ("batchnorm", "batch_norm", "batch", "bn", "BatchNorm", "batch normalization")
"""Spellings of batch norm in an option, the course's first."""


def is_model(thing: Any) -> bool:
    """Whether it is a class with loss(X, y), or an instance of one."""
    loss = None if is_torch(thing) else methods_of(thing).get("loss")
    if loss is None:
        return False
    names = [ROLE.get(plain(argument.name)) for argument in signature(loss)]
    return names[:2] == ["X", "Y"]


@dataclass
class CS231nCode:
    """The class, for one network."""

    source: Source
    model: type
    network: Network
    orientation: Orientation
    eps_forms: tuple[float, ...]
    notes: list[Finding] = field(default_factory=list)
    loss: Any = None
    has_reg: bool = False
    penalised: bool = True
    normalization: str = SPELLINGS[0]
    keep: float = 1.0

    def for_network(self, network: Network) -> "CS231nCode":
        return replace(self, network=network)

    def expected(self) -> list[str]:
        return list(self.network.parameter_shapes)

    def hand_over(self, case: Case, dtype: str) -> Handed:
        handed = {n: self.orientation.give(n, cast(v, dtype)) for n, v in case.parameters.items()}
        return {"X": cast(case.X, dtype), "y": case.y.copy(), **handed}

    def model_for(self, case: Case, dtype: Any) -> Any:
        """A new object."""
        return construct(
            self.source,
            self.model,
            self.network,
            case.penalty,
            dtype,
            self.normalization,
            self.keep,
        )

    def fill(self, model: Any, case: Case, handed: Handed) -> None:
        """Store the case's parameters and lambda in an object."""
        held: list[tuple[Path, Any]] = [((".params", n), handed[n]) for n in case.parameters]
        put_all(model, [*held, *([((".reg",), case.penalty)] if self.has_reg else [])])

    def returned(self, case: Case, handed: Handed, model: Any = None) -> Any:
        """The result of loss(X, y) for the case's parameters, on a new object unless given one."""
        if model is None:
            model = self.model_for(case, handed["X"].dtype.type)
        self.fill(model, case, handed)
        keywords = {}
        for argument in signature(self.loss)[2:]:
            if ROLE.get(plain(argument.name)) == "penalty":
                keywords[argument.name] = case.penalty
        return call(self.source, 1, self.loss, model, handed["X"], handed["y"], **keywords)

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        return self.taken_apart(self.returned(case, handed))

    def taken_apart(self, returned: Any) -> Raw:
        """The gradients and the cost in the result of loss(X, y)."""
        if not isinstance(returned, tuple | list) or not isinstance(returned[1], dict):
            line = self.source.line_of(self.model.loss)  # type: ignore[attr-defined]
            said = f"loss(X, y) returned {type_name(returned)}, but expected (loss, grads)"
            raise CodeFailure(Finding("keys", said, line, True), 1)
        grads = {str(name): value for name, value in returned[1].items()}
        known = {n: v for n, v in grads.items() if n in self.network.parameter_shapes}
        return Raw(known, {"cost": returned[0]}, [n for n in grads if n not in known])

    def with_dropout(self, keep: float) -> "CS231nCode | None":
        """The same with dropout; None if the class has no argument for it."""
        asked = any(meaning_of(argument.name) == "keep" for argument in signature(self.model))
        return replace(self, keep=keep) if asked else None

    def instance(self, case: Case) -> "CS231nInstance":
        return CS231nInstance(self, self.model_for(case, np.float64))

    def cost(self, case: Case, handed: Handed) -> float | None:
        returned = self.returned(case, handed)
        return float(np.asarray(returned[0]))

    def assumed(self) -> dict[str, str]:
        line = self.source.line_of(self.model.loss)  # type: ignore[attr-defined]
        where = f", line {line}" if line else ""
        passed = {}
        if self.normalization != SPELLINGS[0]:
            said = f"{self.normalization!r} was passed; {SPELLINGS[0]!r} raises an exception"
            passed = {"normalization": said}
        return {
            "class": self.model.__name__,
            **passed,
            "backward": f"{self.model.__name__}.loss{where}",
            **self.orientation.words(),
            "labels": "classes from 0, y (n,)",
            "penalty": "reg / 2 * sum ||W||^2, gradient reg W",
        }


@dataclass
class CS231nInstance:
    """An object of the class that is called several times."""

    code: CS231nCode
    model: Any
    testing: str = "loss(X)"
    gives_scores: bool = True

    def train(self, case: Case) -> Raw:
        handed = self.code.hand_over(case, "float64")
        return self.code.taken_apart(self.code.returned(case, handed, self.model))

    def test(self, case: Case) -> list[np.ndarray] | None:
        code, arguments = self.code, signature(self.code.loss)
        if any(a.default is a.empty for a in arguments[1:]):
            return None
        handed = code.hand_over(case, "float64")
        code.fill(self.model, case, handed)
        scores = call(code.source, 1, code.loss, self.model, handed["X"])
        return [scores] if isinstance(scores, np.ndarray) else []

    def state(self) -> list[tuple[Path, Any]]:
        return values_in(self.model)


class CS231n(Layout):
    """The layout: one class."""

    name = "cs231n"
    penalty_forms = ("half", "full")
    depths = (3, 2, 4, 1)

    def __init__(self, source: Source, model: type, words: set[str]) -> None:
        self.source, self.model = source, model
        normalises = any("gamma" in plain(word) for word in words)
        self.modes = (False, True) if normalises else (False,)
        self.line = source.line_of(model.loss)  # type: ignore[attr-defined]

    def codes(self, network: Network) -> Iterator[CS231nCode]:
        """The only way, with the orientation of the parameters that the class creates itself."""
        made = construct(self.source, self.model, network, 0.0, np.float64)
        params = getattr(made, "params", None)
        if not isinstance(params, dict):
            line = self.source.line_of(self.model)
            said = f"{self.model.__name__} has no dict self.params with W1, b1, ..."
            raise CodeFailure(Finding("keys", said, line, True), 0)
        if ("gamma1" in params) != network.batch_norm and network.hidden:
            raise Unsupported(
                "it makes gamma1 all the same" if "gamma1" in params else "it makes no gamma1"
            )
        if f"W{network.depth}" not in params or f"W{network.depth + 1}" in params:
            raise Unsupported("it makes another number of layers")
        shape = np.shape(params["W1"])
        out_in = shape == (network.widths[1], network.inputs) and shape[0] != shape[1]
        ndim = np.ndim(params.get("b1", np.zeros(1)))
        vectors = "flat" if ndim != 2 else ("row" if np.shape(params["b1"])[0] == 1 else "column")
        orientation = Orientation(in_out=not out_in, vectors=vectors)
        for spelling in SPELLINGS if network.batch_norm else SPELLINGS[:1]:
            if spelling == SPELLINGS[0] or spelling in self.source.strings():
                code = CS231nCode(self.source, self.model, network, orientation, eps_of(made))
                loss, has_reg = methods_of(self.model)["loss"], hasattr(made, "reg")
                yield replace(code, normalization=spelling, loss=loss, has_reg=has_reg)


def eps_of(made: Any) -> tuple[float, ...]:
    """The eps of an object: from its bn_params, the course's, or ours."""
    bn_params = getattr(made, "bn_params", None) or []
    own = [p["eps"] for p in bn_params if isinstance(p, dict) and "eps" in p]
    return tuple(dict.fromkeys([*map(float, own), COURSE_EPS, EPS]))
