"""Whether the cost matches the gradient: its mean and its penalty."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compare.watching.course.costs import COARSE_32, Costs, all_costs, training_costs
from compare.watching.course.steps import is_float32, relative
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.probabilities import probabilities
from compare.watching.recording import Event
from compare.watching.roles import nearest_scale
from compare.watching.values import Values

SAME = 1e-3
"""Maximum relative difference between the penalties of two layers that count as equal."""

NO_COST = "the cost: no number of the program equals ours"

WEIGHS = 1e-4
"""Minimum share of a penalty in the cost for it to be recognised."""


@dataclass(frozen=True)
class Reading:
    """One way in which a cost may be computed.

    Arguments:
        what: the kind of mistake, "" where it is right.
        said: in words.
        total: the cost; part: the wrong term alone.
    """

    what: str
    said: str
    total: float
    part: float


def readings(costs: Costs, factor: float, own: list[float]) -> Iterator[Reading]:
    """The right ways first, then the wrong ones.

    Arguments:
        factor: of ||W||^2, of most layers.
        own: the same of each layer's gradient; the cost may have these.
    """
    n, L, penalty = costs.n, costs.loss, factor * costs.squares
    for part in {penalty, own_penalty(costs, own)}:
        yield Reading("", "", L + part, L)
        yield Reading("", "", n * (L + part), n * L)
    if costs.own.size:
        mean = float(-np.log(costs.own.mean()))
        yield Reading("cost", "it is the logarithm of the mean probability", mean, mean)
        yield Reading("cost", "it is the logarithm of the mean probability", mean + penalty, mean)
    if factor:
        summed = "the loss is summed over the samples, its gradient and the penalty are not"
        yield Reading("cost", summed, n * L + penalty, n * L)
        yield from wrong_penalties(costs, factor)


def own_penalty(costs: Costs, own: list[float]) -> float:
    """The penalty with a separate factor for each layer."""
    pairs = zip(own, costs.weights, strict=False)
    return float(sum(factor * W.squares for factor, W in pairs))


def each_layer_its_own(values: Values, updates: list[Update], penalties: dict[str, float]) -> bool:
    """Whether the cost has each layer's penalty as its gradient has it, with factors that differ.

    Then the layers that have none, or another, are meant so.
    """
    own = by_layer(penalties)
    usual = sorted(own)[len(own) // 2] if own else 0.0
    if not own or max(own) - min(own) <= SAME * max(own):
        return False
    for costs in training_costs(values, updates, probabilities(values)):
        total = costs.loss + own_penalty(costs, own)
        told = abs(own_penalty(costs, own) - usual * costs.squares)
        least = max(WEIGHS if not costs.known else 0.0, 30 * costs.finest) * abs(total)
        if told > least and costs.holds(total, costs.finest) is not None:
            return True
    return False


@dataclass(frozen=True)
class Penalty:
    """What gradients and costs show of the penalty. Factors are over those of the mean loss.

    Arguments:
        decays: the factor of each W in its gradient: 2 lambda or lambda.
        usual: that of most layers, or the one that the cost has.
        confirmed: the one that the cost has if those of the layers differ; else None.
        apart: whether the cost has a factor of its own for each layer.
        vectors: the names of b, gamma and beta if these are penalised too.
    """

    decays: dict[str, float]
    usual: float
    confirmed: float | None
    apart: bool
    vectors: list[str]

    @property
    def own(self) -> dict[str, float]:
        """The factor of each parameter in its gradient that is meant to differ from `usual`, and of
        each vector that is penalised."""
        return (self.decays if self.apart else {}) | dict.fromkeys(self.vectors, self.usual)


def penalty_of(values: Values, updates: list[Update], decays: dict[str, float]) -> Penalty:
    """The penalty of a training, from the factors of W in its gradients."""
    apart = each_layer_its_own(values, updates, decays)
    confirmed = None if apart else confirmed_decay(values, updates, decays)
    ordered = sorted(decays.values())
    usual = confirmed or (ordered[len(ordered) // 2] if ordered else 0.0)
    vectors = penalised_vectors(values, updates, usual)
    return Penalty(decays, usual, confirmed, apart, vectors)


def confirmed_decay(
    values: Values, updates: list[Update], penalties: dict[str, float]
) -> float | None:
    """The factor of W that the cost confirms if the gradients of the layers have different ones;
    None if it confirms none of them."""
    decays = sorted(penalties.values())
    if not decays or decays[-1] - decays[0] <= SAME * decays[-1]:
        return None
    passes = all_costs(values, updates, ())
    for decay in dict.fromkeys(decays):
        alike = [decay / 2] * len(decays)
        if any(read_pass(choices, decay / 2, alike) == "right" for choices in passes):
            return decay
    return None


def penalised_vectors(values: Values, updates: list[Update], usual: float) -> list[str]:
    """The names of b, or of b, gamma and beta, if cost and gradients penalise them as W.

    Arguments:
        usual: the factor of W in its gradient.
    """
    for costs in training_costs(values, updates, probabilities(values)) if usual else []:
        for kinds in (("b",), ("b", "gamma", "beta")):
            names = [name for name in costs.others if name.rstrip("0123456789") in kinds]
            penalty = usual / 2 * (costs.squares + costs.squares_of(names))
            least = 30 * costs.finest * abs(costs.loss + penalty)
            told = usual / 2 * costs.squares_of(names) > least
            if told and costs.holds(costs.loss + penalty, costs.finest) is not None:
                return names if all(decayed(updates, name, usual) for name in names) else []
    return []


def decayed(updates: list[Update], name: str, decay: float) -> bool:
    """Whether a vector's gradient is that of the loss plus `decay` times the vector."""
    for u in updates:
        role = u.roles.found.get(name) if u.roles is not None else None
        if role is None or u.case is None or u.right is None or not role.c:
            continue
        own = role.gradient / nearest_scale(role.c, u.found.n)
        away = own - u.right[name] - decay * u.case.parameters[name]
        if np.abs(away).max() > relative(u) * np.abs(u.right[name]).max():
            return False
    return True


def by_layer(penalties: dict[str, float]) -> list[float]:
    """lambda of each layer, from the first; empty if one is unknown."""
    numbers = range(1, len(penalties) + 1)
    known = all(f"W{l}" in penalties for l in numbers)
    return [penalties[f"W{l}"] / 2 for l in numbers] if known else []


def wrong_penalties(costs: Costs, factor: float) -> Iterator[Reading]:
    """Penalties that do not match the gradient."""
    L, penalty = costs.loss, factor * costs.squares
    if costs.others:
        biases = [v for k, v in costs.others.items() if k[0] == "b" and not k.startswith("beta")]
        more = factor * float(sum((b * b).sum() for b in biases))
        said = "it takes in the biases, and their gradients have no penalty"
        yield Reading("penalty", said, L + penalty + more, penalty + more)
        every = factor * float(sum((v * v).sum() for v in costs.others.values()))
        said = "it takes in all parameters, and only the weights' gradients have a penalty"
        yield Reading("penalty", said, L + penalty + every, penalty + every)
    sums = factor * sum(W.total**2 for W in costs.weights)
    yield Reading("penalty", "it squares the sum of the weights", L + sums, sums)
    norms = factor * sum(W.squares**0.5 for W in costs.weights)
    yield Reading("penalty", "it has the norm of the weights, not its square", L + norms, norms)
    said = "the cost has the mean of the losses and the gradient their sum, with the same penalty"
    yield Reading("penalty", said, L + costs.n * penalty, costs.n * penalty)
    part = penalty / costs.n
    yield Reading("penalty", "it is divided by the number of samples", L + part, part)
    for l, W in enumerate(costs.weights, start=1):
        part = penalty - factor * W.squares
        if len(costs.weights) > 1:
            yield Reading("penalty", f"it leaves out layer {l}", L + part, part)
    for words, times in FACTORS.items():
        said = f"the cost has {words} the penalty whose gradient is used"
        yield Reading("penalty", said, L + times * penalty, times * penalty)


FACTORS = {"twice": 2.0, "half": 0.5}
"""Factor of the cost's penalty, by its word."""


def judge_costs(
    values: Values,
    updates: list[Update],
    penalty: Penalty,
    scale: float,
    out: TrainingVerdict,
) -> None:
    """Report lambda and the cost, and findings if cost and gradient do not match.

    Arguments:
        scale: of the program's gradients: n if they are sums over the minibatch, else 1.
    """
    passes = all_costs(values, updates, penalty.vectors)
    usual, penalties = penalty.usual, penalty.decays
    wrong: list[tuple[Event, Costs, Reading]] = []
    right = lossy = 0
    for choices in passes:
        verdict = read_pass(choices, usual / 2, by_layer(penalties))
        right += verdict == "right"
        lossy += verdict == "loss"
        if isinstance(verdict, tuple):
            wrong.append(verdict)
    wrong = [entry for entry in wrong if credible(entry, wrong)]
    if usual:
        too = f"; {', '.join(penalty.vectors)} penalised too" if penalty.vectors else ""
        out.facts["penalty"] = convention(values, scale * usual, right) + too
    if wrong and not right:
        event, costs, reading = min(wrong, key=lambda entry: entry[0].index)
        part = costs.holds(reading.part)
        first = part if part is not None and reading.part != costs.loss else event
        blamed = gradient_of(updates) if "gradient is used" in reading.said else None
        numbers = (
            f"({event.value:.8g}, with the mean loss {costs.loss:.8g} and "
            f"{usual / 2:.4g} ||W||^2 = {usual / 2 * costs.squares:.4g})."
        )
        said = f"The {reading.what} is not the one whose gradient is used: {reading.said} {numbers}"
        if blamed is not None:
            fix = "twice" if "twice" in reading.said else "half"
            said = (
                f"The cost and the gradient do not match: {reading.said} {numbers} Multiply the "
                f"penalty's part of the gradient by {FACTORS[fix]:g}, or divide the cost's penalty "
                "by it."
            )
        out.add(reading.what, blamed or first, said)
    elif wrong:
        mixed(wrong, out, usual)
    elif not right and not lossy:
        out.not_checked.append(NO_COST)
    if penalty.apart:
        out.facts["penalty"] = ", ".join(
            f"{name} lambda {decay / 2:.4g}" for name, decay in sorted(penalties.items())
        )
    elif not is_float32(updates[0]):  # there a small penalty is less than the rounding
        different_layers(updates, penalties, right > 0, out)


def credible(
    entry: tuple[Event, Costs, Reading], wrong: list[tuple[Event, Costs, Reading]]
) -> bool:
    """Whether a wrong reading is unlikely to be chance: in float32, and with labels that are one
    choice of several, it must hold for two passes."""
    _, costs, reading = entry
    if costs.known or costs.tolerance < COARSE_32:
        return True
    return sum(other.said == reading.said for _, _, other in wrong) > 1


def mixed(wrong: list[tuple[Event, Costs, Reading]], out: TrainingVerdict, usual: float) -> None:
    """Costs that are right in some passes, because a term is 0 there, and wrong in known other
    passes."""
    known = [entry for entry in wrong if entry[1].known]
    if len(known) > 1:
        event, costs, reading = max(known, key=lambda entry: entry[2].total - entry[1].loss)
        part = costs.holds(reading.part, costs.finest)
        said = (
            f"The {reading.what} is not the one whose gradient is used: {reading.said} "
            f"({event.value:.12g}, expected {costs.loss + usual / 2 * costs.squares:.12g})."
        )
        out.add(reading.what, part or event, said)


def read_pass(
    choices: list[Costs], factor: float, own: list[float]
) -> str | tuple[Event, Costs, Reading]:
    """How the numbers after a pass are computed: "right", "loss", "" or a wrong reading."""
    for fine in (True, False):
        found: tuple[Event, Costs, Reading] | None = None
        for costs in choices:
            limit = costs.finest if fine else costs.tolerance
            for reading in readings(costs, factor, own):
                event = costs.holds(reading.total, limit)
                if event is not None and not reading.what:
                    return "right" if factor or any(own) else "loss"
                if event is not None and found is None and tells(costs, reading, factor, limit):
                    found = event, costs, reading
        if found is not None:
            return found
    return "loss" if any(costs.holds(costs.loss) is not None for costs in choices) else ""


def tells(costs: Costs, reading: Reading, factor: float, limit: float) -> bool:
    """Whether a wrong cost clearly differs from all right ones."""
    rights = (costs.loss, costs.loss + factor * costs.squares)
    least = max(WEIGHS if not costs.known else 0.0, 30 * limit)
    return all(abs(reading.total - r) > least * abs(r) for r in rights)


def convention(values: Values, decay: float, right: int) -> str:
    """The meaning of lambda in the program, if a number of it shows that."""
    seen = {e.value for e in values.recording.events if e.value}
    whole = any(abs(v - decay / 2) <= 1e-5 * decay for v in seen)
    half = any(abs(v - decay) <= 1e-5 * decay for v in seen)
    checked = "" if right else " (by the gradient)"
    if half and not whole:
        return f"lambda {decay:.4g}, cost lambda/2 sum ||W||^2{checked}"
    return f"lambda {decay / 2:.4g}, cost lambda sum ||W||^2{checked}"


def gradient_of(updates: list[Update], name: str = "") -> Event | None:
    """The place where the gradient of a weight was first seen; any weight's if unnamed."""
    events = [
        role.value.shown
        for u in updates[:1]
        if u.roles is not None
        for key, role in u.roles.found.items()
        if key.startswith("W") and name in ("", key)
    ]
    return min(events, key=lambda event: event.index, default=None)


def different_layers(
    updates: list[Update], penalties: dict[str, float], confirmed: bool, out: TrainingVerdict
) -> None:
    """Layers whose gradient has another penalty than that of the other layers."""
    largest = max(penalties.values(), default=0.0)
    for name, decay in penalties.items():
        off = abs(decay - largest) > SAME * largest
        half = any(abs(decay - part * largest) <= SAME * largest for part in (0.0, 0.5))
        if off and half:
            words = "no penalty" if decay < SAME * largest else f"{decay:.4g} W"
            said = f"The gradient of {name} has {words}, that of other layers {largest:.4g} W."
            out.add("penalty", gradient_of(updates, name), said, fails=confirmed)
