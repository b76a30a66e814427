"""A fault planted in a network: the values that result, and its place."""

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
        mistakes: the mistakes with their places, in the order in which they are made.
        parts: (name, layers) of the catalogue faults it consists of; empty for other faults.
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
        """The gradients and values of code with this fault.

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
        """The cost of its own forward pass at other parameters."""
        with np.errstate(all="ignore"):
            trace = forward_pass(replace(self.case, parameters=parameters), self.changes("forward"))
        return float(trace["cost"])

    @property
    def in_forward(self) -> bool:
        """Whether it changes the forward pass."""
        return any(stage == "forward" for (stage, _, _), _ in self.mistakes)

    def shown(self, everything: bool) -> Prediction:
        """The values given to a check."""
        if everything:
            return self.values
        names = (*self.case.parameters, *ALWAYS_SHOWN)
        return {name: self.values[name] for name in names}

    @cached_property
    def changed(self) -> frozenset[str]:
        """The tensors that it changes by more than 1e-8 of their magnitude."""
        right = right_values(self.case)
        trace = values_of(right)
        return frozenset(
            name
            for name, value in self.values.items()
            if differs(value, right[name], unit_of(self.case.network, name, trace))
        )

    def visible(self, everything: bool) -> bool:
        """Whether it changes anything that is shown."""
        return not self.changed.isdisjoint(self.shown(everything))

    @cached_property
    def place(self) -> Location | None:
        """The first changed step whose result is wrong for the inputs that this code gives it.

        None if no step's result is wrong.
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
    """The factor by which rounding grows in a gradient; 1 for a forward value."""
    return 1.0 if name.startswith("forward ") else unit(network, name, trace)


def differs(value: np.ndarray, right: np.ndarray, scale: float, relative: float = VISIBLE) -> bool:
    """Whether a tensor differs by more than a fraction of its magnitude, and more than rounding."""
    if value.shape != right.shape:
        return True
    difference = float(np.abs(value - right).max(initial=0))
    magnitude = float(max(np.abs(value).max(initial=0), np.abs(right).max(initial=0)))
    return difference > max(relative * magnitude, ROUNDING * scale)


@dataclass(frozen=True)
class OutsideFault:
    """A fault that the catalogue does not contain.

    Arguments:
        name, explanation: for people.
        layers: the layers at which it can be made, one at a time.
        mistakes: by (stage, operation).
    """

    name: str
    explanation: str
    layers: Callable[[Network], list[int]]
    mistakes: Mapping[tuple[str, str], Mistake] = field(default_factory=dict)

    def planted(self, case: Case) -> Iterator[Planted]:
        """The fault planted at every layer where it can be made, one at a time."""
        for l in self.layers(case.network):
            mistakes = tuple(
                ((stage, operation, l), mistake)
                for (stage, operation), mistake in self.mistakes.items()
            )
            yield Planted(case, self.name, f"{self.name}, layer {l}", mistakes)


def of_candidate(case: Case, candidate: Candidate, kind: str = "") -> Planted:
    """One or more catalogue faults, planted in a case."""
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
    """The faults that can be made in their case and give finite values."""
    for fault in planted:
        try:
            values = fault.values
        except Inapplicable:
            continue
        if all(np.isfinite(value).all() for value in values.values()):
            yield fault


def catalogue(case: Case) -> list[Planted]:
    """Every catalogue fault, at each layer alone and at all layers."""
    candidates = (candidate for fault in FAULTS for candidate in fault.candidates(case.network))
    faults = [of_candidate(case, candidate) for candidate in candidates]
    return list(possible([*faults, float32_posing(case)]))


def float32_posing(case: Case) -> Planted:
    """The fault that every step rounds to float32, though the values are returned as float64."""

    def through_float32(at: Place, right: np.ndarray) -> np.ndarray:
        return right.astype(np.float32).astype(np.float64)

    steps = [(stage, operation, l) for stage, operation, l, _ in execution(case.network)]
    mistakes = tuple((step, through_float32) for step in steps)
    return Planted(case, FLOAT32, FLOAT32, mistakes, ((FLOAT32, (1,)),))


def combinations(case: Case, faults: int, count: int, seed: int) -> list[Planted]:
    """A random sample of pairs or triples of catalogue faults, each of which is visible alone."""
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
