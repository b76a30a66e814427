"""A fault planted in a network: the values it gives, and where it is first seen."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from compare.cases import Case
from compare.derivation import STAGES, Place, backward_pass, forward_pass, steps_of
from compare.derivation.place import Compute
from compare.derivation.steps import Stage
from compare.diagnosis.catalogue import FAULTS, Candidate, Prediction, right_values
from compare.diagnosis.catalogue.fault import Inapplicable, Mistake, mistaken
from compare.diagnosis.search import FLOAT32
from compare.numerics.structure import together, unit, values_of
from twingrad.network import Network, Parameters

VISIBLE = 1e-8
"""Smallest change, relative to the tensor's magnitude, that a check must find."""

MISTAKEN = 1e-11
"""Largest error of a step, relative to the tensor's magnitude, that can be rounding."""

ROUNDING = 1e-14
"""Absolute, in units of the gradient: changes below are rounding, whatever the tensor's size."""

ALWAYS_SHOWN = ("forward p", "forward loss", "forward cost")
"""Values shown beside the parameters' gradients if intermediates are not shown."""

Location = tuple[str, str, int]
"""(stage, operation, layer)"""


@dataclass(frozen=True)
class Planted:
    """A fault in one network.

    Arguments:
        case: the network.
        kind: the fault without its layers, the same on every network.
        name: for people, with its layers.
        mistakes: by place, in the order in which they are made.
        parts: of the catalogue's faults it consists of, (name, layers) each; empty for others.
    """

    case: Case
    kind: str
    name: str
    mistakes: tuple[tuple[Location, Mistake], ...]
    parts: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def changes(self, stage: Stage) -> dict[tuple[str, int], Compute]:
        """The steps of a pass with the mistakes made in them."""
        steps = steps_of(self.case.network, stage)
        changes: dict[tuple[str, int], Compute] = {}
        for (where, operation, l), mistake in self.mistakes:
            if where == stage and (operation, l) in steps:
                right = changes.get((operation, l), steps[operation, l].step.compute)
                changes[operation, l] = mistaken(right, mistake)
        return changes

    @cached_property
    def values(self) -> Prediction:
        """All that code with this fault gives.

        Raises:
            Inapplicable: it cannot be made here.
        """
        try:
            with np.errstate(all="ignore"):
                trace = forward_pass(self.case, self.changes("forward"))
                gradients = backward_pass(self.case, trace, self.changes("backward"))
        except ValueError as error:
            raise Inapplicable from error
        return together(gradients, trace)

    def cost(self, parameters: Parameters) -> float:
        """What its own forward pass costs at other parameters."""
        with np.errstate(all="ignore"):
            trace = forward_pass(replace(self.case, parameters=parameters), self.changes("forward"))
        return float(trace["cost"])

    @property
    def in_forward(self) -> bool:
        """Whether any of it is made in the forward pass."""
        return any(stage == "forward" for (stage, _, _), _ in self.mistakes)

    def shown(self, everything: bool) -> Prediction:
        """The values that a check gets to see."""
        if everything:
            return self.values
        names = (*self.case.parameters, *ALWAYS_SHOWN)
        return {name: self.values[name] for name in names}

    @cached_property
    def changed(self) -> frozenset[str]:
        """The tensors that it changes beyond 1e-8 of them."""
        right = right_values(self.case)
        trace = values_of(right)
        return frozenset(
            name
            for name, value in self.values.items()
            if differs(value, right[name], unit_of(self.case.network, name, trace))
        )

    def visible(self, everything: bool) -> bool:
        """Whether anything that is shown is changed."""
        return not self.changed.isdisjoint(self.shown(everything))

    @cached_property
    def place(self) -> Location | None:
        """The first step, in order of execution, that gives what the right one would not.

        Every step that a mistake is made in is asked with the values that this code handed it.
        None where no step differs.
        """
        gradients = {n: v for n, v in self.values.items() if not n.startswith("forward ")}
        trace = values_of(self.values)
        touched = {location for location, _ in self.mistakes}
        for stage, operation, l, name in execution(self.case.network):
            if (stage, operation, l) not in touched:
                continue
            step = steps_of(self.case.network, stage)[operation, l]
            given = trace[name] if stage == "forward" else gradients[name]
            scale = 1.0 if stage == "forward" else unit(self.case.network, name, trace)
            try:
                with np.errstate(all="ignore"):
                    right = step.compute(self.case, trace, gradients)
            except ValueError:  # a shape that the right step cannot take
                return stage, operation, l
            if differs(given, right, scale, MISTAKEN):
                return stage, operation, l
        return None


def execution(network: Network) -> Iterator[tuple[Stage, str, int, str]]:
    """(stage, operation, layer, name) of every step, in order."""
    for stage in STAGES:
        for (operation, l), placed in steps_of(network, stage).items():
            yield stage, operation, l, placed.name


def unit_of(network: Network, name: str, trace: Mapping[str, np.ndarray]) -> float:
    """The size of rounding in a gradient; 1 for a value."""
    return 1.0 if name.startswith("forward ") else unit(network, name, trace)


def differs(value: np.ndarray, right: np.ndarray, scale: float, relative: float = VISIBLE) -> bool:
    """Whether a tensor is changed beyond a share of it, and beyond rounding."""
    if value.shape != right.shape:
        return True
    difference = float(np.abs(value - right).max(initial=0))
    magnitude = float(max(np.abs(value).max(initial=0), np.abs(right).max(initial=0)))
    return difference > max(relative * magnitude, ROUNDING * scale)


@dataclass(frozen=True)
class OutsideFault:
    """A fault that the catalogue does not have.

    Arguments:
        name, explanation: for people.
        layers: where it can be made, each alone.
        mistakes: by (stage, operation).
    """

    name: str
    explanation: str
    layers: Callable[[Network], list[int]]
    mistakes: Mapping[tuple[str, str], Mistake] = field(default_factory=dict)

    def planted(self, case: Case) -> Iterator[Planted]:
        """At every layer where it can be made."""
        for l in self.layers(case.network):
            mistakes = tuple(
                ((stage, operation, l), mistake)
                for (stage, operation), mistake in self.mistakes.items()
            )
            yield Planted(case, self.name, f"{self.name}, layer {l}", mistakes)


def of_candidate(case: Case, candidate: Candidate, kind: str = "") -> Planted:
    """A fault of the catalogue, or several, planted."""
    mistakes = tuple(
        ((stage, operation, l), mistake)
        for part in candidate.parts
        for stage in ("forward", "backward")
        for operation, mistake in getattr(part.fault, stage).items()
        for l in part.layers
    )
    parts = tuple((part.fault.name, part.layers) for part in candidate.parts)
    return Planted(case, kind or candidate.fault.name, candidate.name, mistakes, parts)


def possible(planted: Iterable[Planted]) -> Iterator[Planted]:
    """The faults that can be made and give finite values."""
    for fault in planted:
        try:
            values = fault.values
        except Inapplicable:
            continue
        if all(np.isfinite(value).all() for value in values.values()):
            yield fault


def catalogue(case: Case) -> list[Planted]:
    """Every fault of the catalogue, at every layer and everywhere that it can be made."""
    candidates = (candidate for fault in FAULTS for candidate in fault.candidates(case.network))
    faults = [of_candidate(case, candidate) for candidate in candidates]
    return list(possible([*faults, float32_posing(case)]))


def float32_posing(case: Case) -> Planted:
    """Every step rounds to float32, and the values are handed over as float64."""

    def through_float32(at: Place, right: np.ndarray) -> np.ndarray:
        return right.astype(np.float32).astype(np.float64)

    steps = [(stage, operation, l) for stage, operation, l, _ in execution(case.network)]
    mistakes = tuple((step, through_float32) for step in steps)
    return Planted(case, FLOAT32, FLOAT32, mistakes, ((FLOAT32, (1,)),))


def combinations(case: Case, faults: int, count: int, seed: int) -> list[Planted]:
    """A random sample of pairs or triples of the catalogue's faults, each seen alone."""
    rng = np.random.default_rng((seed, faults))
    every = [c for fault in FAULTS for c in fault.candidates(case.network)]
    singles = [c for c in every if any(f.changed for f in possible([of_candidate(case, c)]))]
    kind = {2: "a pair", 3: "a triple"}[faults]
    drawn: list[Planted] = []
    while len(drawn) < count:
        chosen = [singles[i] for i in rng.choice(len(singles), size=faults, replace=False)]
        joined: Candidate | None = None
        for candidate in reversed(chosen):
            joined = Candidate(candidate.fault, candidate.layers, joined)
        if joined is not None:
            drawn += possible([of_candidate(case, joined, kind)])
    return drawn
