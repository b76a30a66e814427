"""Run one case through the user's code, and collect its tensors under our names."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compare.cases import Case
from compare.numerics.derivatives import CENTRAL_STEP
from compare.submissions.asking.failures import CodeFailure, Unsupported
from compare.submissions.layouts.layout import Code, Handed, Raw
from compare.submissions.matching import equal, is_close, nearest_reading
from compare.submissions.orientation import Misshapen, as_array
from compare.submissions.replay import Change, evaluated
from compare.submissions.request import CaseSpec, in_units
from compare.submissions.session import session
from compare.submissions.submission import Answer, Finding, Index
from compare.submissions.things import is_tensor
from twingrad.streams import stream

ENTRIES = 4
"""Number of entries of each parameter at which the code's own cost is differentiated."""

STEPS = (1, -1, 2, -2)
"""Evaluation points of the four-point rule, in units of h."""

SECONDS = 4.0
"""Maximum time for the central differences of one case."""


@dataclass
class Taken:
    """The results of one call in our orientation, and findings about them."""

    gradients: dict[str, np.ndarray] = field(default_factory=dict)
    forward: dict[str, np.ndarray] = field(default_factory=dict)
    wrong: dict[str, np.ndarray] = field(default_factory=dict)
    raw_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def take(code: Code, case: Case, raw: Raw, line: int | None) -> Taken:
    """Check shapes, keys and finiteness of the results."""
    taken, samples = Taken(), len(case.X)
    known = set(case.network.parameter_shapes)
    for name, value in raw.gradients.items():
        try:
            taken.gradients[name] = code.orientation.take(name, value, case.network, samples)
        except Misshapen as error:
            if name not in known:
                continue  # an intermediate that is called like one of ours, and is another
            said = f"the gradient of {name} {error.problem}"
            # with the right number of entries, its caller may give it the shape
            taken.findings.append(Finding(error.kind, said, line, error.ours is None, name))
            if error.value is not None:
                taken.raw_shapes[name] = error.value.shape
                if error.ours is not None:
                    taken.gradients[name] = error.ours
                elif error.value.dtype.kind in "fiu":
                    taken.wrong[name] = error.value
    for name, value in raw.forward.items():
        try:
            taken.forward[name] = code.orientation.take(name, value, case.network, samples)
        except Misshapen:
            continue
    taken.findings += raw.findings
    missing = [n for n in code.expected() if n not in taken.gradients and n not in raw.gradients]
    for name in missing:
        there = [*raw.gradients, *raw.unknown] or ["none"]
        are = "are" if len(there) > 1 else "is"
        said = f"no gradient of {name} was returned; there {are} {', '.join(there)}"
        taken.findings.append(Finding("keys", said, line, True, name))
    for group, of in ((taken.gradients, "the gradient of "), (taken.forward, "")):
        for name, array in group.items():
            bad = ~np.isfinite(array)
            if bad.any():
                at = f" at {np.argwhere(bad)[0].tolist()}" if array.ndim else ""
                value = array[tuple(np.argwhere(bad)[0])]
                said = f"{of}{name} holds {value}{at}, in the case {case.name}"
                if case.network.hidden and not bad.all():
                    said += f"; {bad.sum()} of {array.size} entries are not finite"
                taken.findings.append(Finding("not finite", said, line, True, name))
                break  # those after it inherit it
    return taken


def in_our_units(taken: Taken, unit: float) -> Taken:
    """The results as our form of the loss would give them; `in_units` gives the case to it."""
    if unit == 1:
        return taken
    values = {"loss": unit, "cost": unit}
    return replace(
        taken,
        gradients={name: value / unit for name, value in taken.gradients.items()},
        forward={name: value / values.get(name, 1) for name, value in taken.forward.items()},
        wrong={name: value / unit for name, value in taken.wrong.items()},
    )


def right(code: Code, taken: Taken) -> int:
    """The number of expected gradients that have the right shape."""
    return sum(n in taken.gradients and n not in taken.raw_shapes for n in code.expected())


def answer(
    code: Code, spec: CaseSpec, dtype: str, line: int | None, *, twice: bool, own: bool
) -> tuple[Answer, list[Finding]]:
    """One case, with everything around it.

    Arguments:
        dtype: of what is handed over.
        line: of the function that computes the gradients.
        twice: whether to ask again and compare.
        own: whether to differentiate the code's own cost, if something is wrong.
    """
    case = spec.case()
    handed, pristine = code.hand_over(case, dtype), code.hand_over(case, dtype)
    start = time.perf_counter()
    raw = code.evaluate(case, handed)
    seconds = time.perf_counter() - start
    taken = take(code, case, raw, line)
    if not raw.updated:
        taken.findings += mutations(handed, pristine, line)
    if twice:
        with session().quiet():
            again = take(code, case, code.evaluate(case, code.hand_over(case, dtype)), line)
        taken.findings += differences(taken, again, line)
    taken.findings += code.notes
    taken = in_our_units(taken, spec.unit)
    own_cost = {}
    if own and not spec.at_kink:
        with session().quiet():
            own_cost = central_differences(code, case, taken, spec)
    spec = in_units(spec)
    found = Answer(
        spec, taken.gradients, taken.forward, own_cost, taken.raw_shapes, taken.wrong, seconds
    )
    return found, taken.findings


def mutations(handed: Handed, pristine: Handed, line: int | None) -> list[Finding]:
    """The inputs that the code changed in place."""
    changed = [n for n, value in pristine.items() if not same(handed.get(n), value)]
    if not changed:
        return []
    said = f"{', '.join(changed)} changed in place by the call: work on a copy"
    return [Finding("mutation", said, line, False, changed[0])]


def same(one: object, other: object) -> bool:
    """Whether two inputs have equal values."""
    if is_tensor(one) and is_tensor(other):
        one, other = as_array(one), as_array(other)
    return equal(np.asarray(one), np.asarray(other))


def differences(first: Taken, second: Taken, line: int | None) -> list[Finding]:
    """Results that differ between two calls with the same input, beyond rounding."""
    for name, array in first.gradients.items():
        other = second.gradients.get(name)
        if other is None or other.shape != array.shape or not np.isfinite(array).all():
            continue
        eps = np.finfo(array.dtype).eps if array.dtype.kind == "f" else 0.0
        size = np.abs(array).max(initial=0) + np.finfo(np.float64).tiny
        if np.abs(other - array).max(initial=0) > 1e4 * eps * max(size, 1.0):
            said = (
                f"two calls on the same input give other gradients (first {name}): is there "
                "something random in it, or something that a call leaves behind?"
            )
            return [Finding("not deterministic", said, line, True, name)]
    return []


def central_differences(
    code: Code, case: Case, taken: Taken, spec: CaseSpec
) -> dict[str, list[tuple[Index, float]]]:
    """Derivatives of the code's own cost, in our units; {} if nothing is wrong, or if there is no
    cost."""
    ours = in_units(spec).case()
    right, trace = nearest_reading(taken.gradients, taken.forward, ours, code.eps_forms)
    if all(is_close(taken.gradients.get(name), right[name]) for name in code.expected()) and all(
        is_close(taken.forward[n], trace[n]) for n in ("loss", "cost") if n in taken.forward
    ):
        return {}
    places = [
        (name, index)
        for name in code.expected()
        for index in entries_of(
            case.parameters[name].shape, taken.gradients.get(name), right[name], spec.seed
        )
    ]
    found: dict[str, list[tuple[Index, float]]] = {}
    try:
        for name, index, value in slopes_at(code, case, places):
            found.setdefault(name, []).append((index, value / spec.unit))
    except (CodeFailure, Unsupported):
        return {}
    return found


def slopes_at(
    code: Code, case: Case, places: Sequence[tuple[str, Index]]
) -> list[tuple[str, Index, float]]:
    """Derivatives of the code's own cost by entries of parameters, by the four-point rule
    (8 D(h) - D(2h)) / 12h with D(h) = J(w + h) - J(w - h).

    Returns:
        Those that there was time for.

    Raises:
        CodeFailure, Unsupported: it has no cost for such a network.
    """
    moves = [(name, index, steps) for name, index in places for steps in STEPS]

    def moved(number: int | None) -> Case:
        if number is None:
            return case
        name, index, steps = moves[number]
        value = case.parameters[name].copy()
        value[index] += steps * CENTRAL_STEP
        return replace(case, parameters={**case.parameters, name: value})

    def cost(number: int | None) -> float:
        shifted = moved(number)
        value = code.cost(shifted, code.hand_over(shifted, "float64"))
        if value is None:
            raise Unsupported("it has no cost")
        return value

    def change(number: int) -> Change:
        name = moves[number][0]
        before, after = (c.parameters[name] for c in (case, moved(number)))
        return code.orientation.give(name, before), code.orientation.give(name, after)

    costs = list(evaluated(session(), cost, change, len(moves), SECONDS))
    found = []
    for number, (name, index) in enumerate(places[: len(costs) // len(STEPS)]):
        four = costs[len(STEPS) * number :]
        near, far = four[0] - four[1], four[2] - four[3]
        found.append((name, index, (8 * near - far) / (12 * CENTRAL_STEP)))
    return found


def entries_of(
    shape: tuple[int, ...], found: np.ndarray | None, right: np.ndarray, seed: int
) -> list[Index]:
    """Where a gradient is compared with the code's own cost: where it is furthest from the
    reference's, and elsewhere."""
    size = int(np.prod(shape))
    chosen: list[int] = []
    if found is not None and found.shape == right.shape:
        chosen = [
            int(flat) for flat in np.argsort(-np.abs(found - right), axis=None)[: ENTRIES // 2]
        ]
    order = stream(seed, "own cost").permutation(size)
    chosen += [int(flat) for flat in order if flat not in chosen][: ENTRIES - len(chosen)]
    return [tuple(int(i) for i in np.unravel_index(flat, shape)) for flat in chosen]
