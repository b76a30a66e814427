"""Fit the coefficients of a step to the values found.

A fit counts only if its residual is as small as rounding.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from compare.derivation import STAGES, Place, steps_of
from compare.diagnosis.catalogue.common import COMMON, SCALINGS
from compare.diagnosis.catalogue.fault import (
    Candidate,
    Fault,
    Inapplicable,
    Layers,
    Prediction,
    Sized,
)
from compare.diagnosis.catalogue.scaled import Scaling, told
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.least_squares import MAX_STEPS, Effect, System, effect, nearest, scale, solve
from compare.diagnosis.numbers import ONE, Number, constant, readings, shortest
from compare.diagnosis.prediction import Trial, tried, until
from compare.numerics.structure import VALUE, is_value
from twingrad.network import Network

GUESSES = (0.01, 0.1, 0.3)
"""Coefficients from which the fit of a forward pass may start, in addition to the right one."""


@dataclass(frozen=True)
class Site:
    """The steps of one operation at certain layers, with unknown coefficients.

    Arguments:
        scaling: the operation and its terms.
        layers, every: as in `Candidate`.
    """

    scaling: Scaling
    layers: Layers
    every: bool

    @property
    def first(self) -> int:
        """The layer that is executed first."""
        return min(self.layers) if self.scaling.stage == "forward" else max(self.layers)

    @property
    def whole(self) -> Candidate:
        """A candidate with all of its terms changed."""
        return self.candidate({term.name: ONE for term in self.scaling.unknown}, None)

    def candidate(self, numbers: Mapping[str, Number], other: Candidate | None) -> Candidate:
        """A candidate with these coefficients."""
        backward, forward = self.scaling.mistakes(numbers)
        operation, layers = self.scaling.operation, self.scaling.layers
        fault = Fault("", "", "", operation, layers, backward, forward)
        return Candidate(fault, self.layers, other, every=self.every)


def sites(network: Network) -> Iterator[Site]:
    """Every operation at each layer, at all layers, and at all but the first or the last."""
    for scaling in SCALINGS:
        if scaling.layers(network):
            fault = Fault(
                "", "", "", scaling.operation, scaling.layers, everywhere=scaling.everywhere
            )
            yield from (Site(scaling, c.layers, c.every) for c in fault.candidates(network))


def fits(
    evidence: Evidence,
    site: Site,
    first: str,
    known: Prediction,
    other: Candidate | None = None,
) -> Iterator[Trial]:
    """The faults at a site that explain a tensor.

    Arguments:
        first: the first tensor that is wrong, or that the other fault does not explain.
        known: the values without a fault at the site.
        other: another fault that is present too; two faults of one step are only fitted together.
    """
    unseen = site.scaling.stage == "forward" and not any(map(is_value, evidence.found))
    if (other is not None and unseen) or same_step(site, other):
        return
    with suppress(Inapplicable):
        if not reaches(evidence, site.candidate({}, other), first):
            return
        for numbers, assured in solutions(evidence, site, other, first, known):
            for candidate, common in told_as(evidence, site, numbers, other, assured=assured):
                trial = tried(evidence, candidate, drawn=not common)
                if trial is not None and trial.stopped != first:
                    yield trial
    if site.scaling.stage == "forward" and own_value(evidence, site) not in evidence.found:
        with suppress(Inapplicable):
            yield from common_trials(evidence, site, first, other)  # the fit may diverge


def common_trials(
    evidence: Evidence, site: Site, first: str, other: Candidate | None
) -> Iterator[Trial]:
    """Try the common wrong coefficients."""
    for common in COMMON:
        if common.fits(site.scaling):
            fault = common.fault(site.scaling)
            trial = tried(evidence, Candidate(fault, site.layers, other, every=site.every))
            if trial is not None and trial.stopped != first:
                yield trial


def same_step(site: Site, other: Candidate | None) -> bool:
    """Whether a fault changes a step that the site also changes."""
    own = set() if other is None else set(operations_of(site.whole))
    return other is not None and any(
        own & set(operations_of(part)) and {*part.layers} & {*site.layers} for part in other.parts
    )


def operations_of(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """(pass, operation) of every step that a fault changes."""
    for stage in STAGES:
        yield from ((stage, operation) for operation in getattr(candidate.fault, stage))


def reaches(evidence: Evidence, candidate: Candidate, first: str) -> bool:
    """Whether a fault can affect a tensor, because its step is executed before."""
    stage = candidate.fault.stage
    value = first.startswith(VALUE)
    if (stage == "backward") == value:
        return not value and not any(map(is_value, evidence.found))
    names = [placed.name for placed in steps_of(evidence.case.network, stage).values()]
    own = candidate.fault.step_in(evidence.case.network, candidate.first_layer).name
    return names.index(own) <= names.index(first.removeprefix(VALUE))


def solutions(
    evidence: Evidence, site: Site, other: Candidate | None, first: str, known: Prediction
) -> Iterator[tuple[dict[str, float], bool]]:
    """Fit coefficients by term; also yield whether they explain more numbers than coefficients.

    If coefficients of all terms together do not explain the tensor, each term is fitted alone. For
    example, a batch norm that follows removes a common scale of all terms.

    Arguments:
        first: the tensor that must be explained.
        known: the values with the right coefficients.
    """
    at = place_of(evidence, site)
    right = {term.name: term.right(at) for term in site.scaling.unknown}

    def predict(values: Mapping[str, float], last: str | None) -> Prediction:
        numbers = {name: Number("", constant(value)) for name, value in values.items()}
        return until(evidence, site.candidate(numbers, other), last)

    def effects_until(last: str | None) -> dict[str, Effect]:
        moved = {n: predict(right | {n: value + 1}, last) for n, value in right.items()}
        return {name: effect(evidence, moved[name], known) for name in right}

    last: str | None = first
    effects = effects_until(last)
    if not any(first in own for own in effects.values()):
        return
    shown = [name for name in right if effects[name]]
    if not System(evidence, effects).first(shown) or len(shown) < len(right):
        last = None
        effects = effects_until(last)
        shown = [name for name in right if effects[name]]
    system = System(evidence, effects)
    affine = site.scaling.stage == "backward" or own_value(evidence, site) in evidence.found
    together = [shown] if len(shown) > 1 and system.first(shown) else []
    for chosen in [*together, *([name] for name in shown)]:
        affected = {tensor for name in chosen for tensor in effects[name]}
        count = sum(evidence.found[tensor].size for tensor in affected)
        fitted = {name: effects[name] for name in chosen}
        start = right if affine else start_of(evidence, predict, right, chosen)
        steps = 1 if affine else MAX_STEPS
        values = solve(evidence, lambda v: predict(v, last), start, fitted, steps=steps)
        if values is not None:
            yield values, count > len(chosen)
            if chosen in together:
                return


def start_of(
    evidence: Evidence,
    predict: Callable[[Mapping[str, float], str | None], Prediction],
    right: dict[str, float],
    chosen: Sequence[str],
) -> dict[str, float]:
    """The right coefficients or, if only one is fitted, the nearest guess."""
    if len(chosen) > 1:
        return right

    def distance(values: dict[str, float]) -> float:
        prediction = predict(values, None)
        return max(
            float(np.abs(value - evidence.found[name]).max()) / scale(evidence, name)
            for name, value in prediction.items()
            if value.shape == evidence.found[name].shape
        )

    return min((right, *(right | {chosen[0]: guess} for guess in GUESSES)), key=distance)


def sized_fits(evidence: Evidence, sized: Sized) -> Iterator[Trial]:
    """Fit the number in a mistake, such as the size of eps, to the first wrong tensor.

    Gauss-Newton in the logarithm of the number, from the likeliest start.
    """
    first = evidence.wrong[0]
    for candidate in sized.fault(sized.sizes[0]).candidates(evidence.case.network):
        if not reaches(evidence, candidate, first):
            continue

        def left(size: float, layers: Candidate = candidate) -> np.ndarray:
            made = replace(layers, fault=sized.fault(size))
            value = until(evidence, made, first)[first]
            if value.shape != evidence.found[first].shape or not np.isfinite(value).all():
                raise Inapplicable
            return (value - evidence.found[first]).ravel() / scale(evidence, first)

        try:
            size = nearest(left, sized.sizes)
        except Inapplicable:
            continue
        if size is not None:
            for one in dict.fromkeys((shortest(size, 1e-4 * size), size)):
                trial = tried(evidence, replace(candidate, fault=sized.fault(one)))
                if trial is not None and trial.stopped != first:
                    yield trial
                    break


def place_of(evidence: Evidence, site: Site) -> Place:
    """The place of a site's first layer."""
    placed = steps_of(evidence.case.network, site.scaling.stage)
    one = placed.get((site.scaling.operation, site.first)) or [*placed.values()][-1]
    return Place(evidence.case, one.layer, evidence.trace, {})


def own_value(evidence: Evidence, site: Site) -> str:
    """The name in the evidence of the value that a forward step computes."""
    placed = steps_of(evidence.case.network, "forward")
    one = placed.get((site.scaling.operation, site.first)) or [*placed.values()][-1]
    return f"{VALUE}{one.name}"


def told_as(
    evidence: Evidence,
    site: Site,
    values: Mapping[str, float],
    other: Candidate | None,
    *,
    assured: bool,
) -> Iterator[tuple[Candidate, bool]]:
    """The faults that correspond to fitted coefficients, and whether each is a common one.

    Arguments:
        values: coefficients by term; missing terms have no effect here.
        assured: whether the coefficients explain more numbers than there are coefficients; if not,
            only expressions that people write are accepted.
    """
    scaling, at = site.scaling, place_of(evidence, site)
    tolerance = min(1e-2, max(1e-6, 1e4 * evidence.rounding))  # of a coefficient
    right = {term.name: term.right(at) for term in scaling.unknown}
    wrong = {n: v for n, v in values.items() if not near(v, right[n], tolerance)}
    if not wrong:
        return
    named = False
    for common in COMMON:
        if common.fits(scaling):
            meant = {
                n: common.coefficients[n].at(at) if n in common.coefficients else right[n]
                for n in values
            }
            if all(near(values[n], meant[n], tolerance) for n in values):
                named = True
                yield Candidate(common.fault(scaling), site.layers, other, every=site.every), True
    if named:
        return
    belonging = scaling.belonging(at)
    ratios = [values[n] / right[n] for n in belonging & values.keys()]
    alike = all(near(ratio, ratios[0], tolerance) for ratio in ratios) if ratios else False
    whole = alike and set(wrong) == belonging
    groups = [list(wrong)] if whole else grouped(wrong, tolerance)
    options = [
        readings(ratios[0] if whole else wrong[group[0]], at, scaling.operation, tolerance)
        for group in groups
    ]
    if not (assured or all(option[0].written for option in options)):
        return
    for first in options[0][:2]:
        candidate = other
        numbers = [first, *(option[0] for option in options[1:])]
        for group, number in reversed([*zip(groups, numbers, strict=True)]):
            meant_as = {n: times_right(number, scaling, n) if whole else number for n in group}
            known = (c for c in COMMON if c.fits(scaling) and c.texts == texts_of(meant_as))
            usual = None if whole else next(known, None)
            fault = usual.fault(scaling) if usual else told(scaling, meant_as, whole=whole)
            candidate = Candidate(fault, site.layers, candidate, every=site.every)
        if candidate is not None:
            yield candidate, False


def texts_of(coefficients: Mapping[str, Number]) -> dict[str, str]:
    """The text of each coefficient."""
    return {name: number.text for name, number in coefficients.items()}


def times_right(number: Number, scaling: Scaling, name: str) -> Number:
    """A number as a multiple of a term's right coefficient."""
    term = scaling.term(name)
    return Number(number.text, lambda at: number.at(at) * term.right(at))


def near(one: float, other: float, tolerance: float) -> bool:
    """Whether two coefficients are equal up to rounding."""
    return abs(one - other) <= tolerance * max(abs(one), abs(other)) + tolerance / 1000


def grouped(values: Mapping[str, float], tolerance: float) -> list[list[str]]:
    """Group terms that have the same coefficient."""
    groups: list[list[str]] = []
    for name, value in values.items():
        for group in groups:
            if near(value, values[group[0]], tolerance):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups
