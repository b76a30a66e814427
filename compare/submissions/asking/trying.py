"""Find out how the user's code must be called, by trying."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

import manual_impl
from compare.submissions.asking.collect import in_our_units, right, take
from compare.submissions.asking.failures import CodeFailure, Unsupported
from compare.submissions.layouts.layout import Code, Layout
from compare.submissions.matching import count_right, is_close, readings
from compare.submissions.request import CLASSES, CaseSpec, Request, in_units, trial
from compare.submissions.session import session


@dataclass
class Attempt:
    """One way of calling the code, and its result.

    Arguments:
        code: None where the code cannot take such a network at all.
        right: how many gradients had their right shape, of `wanted`.
        exact: how many had the reference's value.
        p, cost: the probabilities and the cost, where they are seen.
        gradients: in our orientation.
        outputs: whether they are the reference's.
        failure: what it raised.
        reason: why it cannot take such a network, if that was said.
    """

    spec: CaseSpec
    code: Code | None = None
    right: int = 0
    wanted: int = 1
    exact: int = 0
    p: np.ndarray | None = None
    cost: np.ndarray | None = None
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    outputs: bool = False
    failure: CodeFailure | None = None
    reason: str = ""

    @property
    def works(self) -> bool:
        """Whether all results were as expected."""
        return self.code is not None and self.right == self.wanted

    @property
    def agrees(self) -> bool:
        """Whether every gradient also has the reference's value."""
        return self.works and self.exact >= self.wanted

    @property
    def progress(self) -> tuple[bool, bool, float, int, tuple[int, ...]]:
        """Sort key of failed attempts: the one that got furthest is the most plausible."""
        if self.failure is not None:
            return (True, False, 0, self.failure.stage, self.failure.reached)
        if self.code is None:
            return (False, False, 0, 0, ())
        return (True, True, self.right / self.wanted, self.exact, (int(self.outputs),))


def attempt(code: Code, spec: CaseSpec, dtype: str) -> Attempt:
    """Try one way."""
    with session().temporary():
        return attempted(code, spec, dtype)


def attempted(code: Code, spec: CaseSpec, dtype: str) -> Attempt:
    """`attempt` without releasing the objects that were passed."""
    case = spec.case()
    try:
        raw = code.evaluate(case, code.hand_over(case, dtype))
        if not code.penalised:
            spec = replace(spec, penalty=0.0)
            case = replace(case, penalty=0.0)
    except CodeFailure as failure:
        return Attempt(spec, code, failure=failure)
    except Unsupported as error:
        return Attempt(spec, reason=str(error))
    taken, case = in_our_units(take(code, case, raw, None), spec.unit), in_units(spec).case()
    exact = count_right(taken.gradients, case, code.eps_forms)
    p = taken.forward.get("p")
    outputs = any(is_close(p, trace["p"]) for _, trace in readings(case, code.eps_forms))
    return Attempt(
        spec,
        code,
        right(code, taken),
        len(code.expected()),
        exact,
        p,
        taken.forward.get("cost"),
        taken.gradients,
        outputs,
    )


def does_without_batch_norm(tried: Attempt) -> bool:
    """Whether code that was asked for batch norm computes the same network without it: by its
    probabilities, else by its gradients."""
    if not tried.spec.hidden:
        return False
    case = tried.spec.case()
    network = replace(case.network, normalization="none")
    parameters = {name: case.parameters[name] for name in network.parameter_shapes}
    plain = replace(case, network=network, parameters=parameters)
    if tried.p is not None:
        return is_close(tried.p, np.asarray(plain.forward(manual_impl)["p"]))
    return count_right(tried.gradients, plain, (tried.spec.eps,)) == len(parameters)


def best_way(layout: Layout, spec: CaseSpec, dtype: str) -> Attempt:
    """The first way with the right values; if there is none, the one that got furthest."""
    best = Attempt(spec)
    try:
        for code in layout.codes(spec.network):
            tried = well_placed(layout, attempt(code, spec, dtype), dtype)
            tried = in_best_order(layout, tried, dtype)
            if tried.agrees:
                return tried
            if tried.progress > best.progress:
                best = tried
    except Unsupported as error:
        return Attempt(spec, reason=str(error))
    except CodeFailure as failure:
        return Attempt(spec, None, failure=failure)
    return best


def well_placed(layout: Layout, tried: Attempt, dtype: str) -> Attempt:
    """The attempt, or the one with other arrays in the place of gamma and beta that has the right
    probabilities; if none has, the likeliest."""
    # running statistics in their place look like an update of the parameters
    failed = tried.failure is not None and tried.failure.finding.kind != "call"
    if tried.code is None or failed or tried.outputs or tried.agrees:
        return tried
    found = []
    for code in layout.rearranged(tried.code, tried.spec.case()):
        found.append(attempt(code, tried.spec, dtype))
        if found[-1].outputs or found[-1].agrees:
            return found[-1]
    return found[0] if found else tried


def in_best_order(layout: Layout, tried: Attempt, dtype: str) -> Attempt:
    """The attempt, or the better one that hands the forward function's results on in another order.

    More right values are better, then more right values at lambda 0, where a wrong penalty hides
    nothing. An order that raised gives way only to one with half of the values right.
    """
    if tried.agrees or tried.code is None:
        return tried
    attempts = [tried]
    for code in layout.reordered(tried.code):
        attempts.append(attempt(code, tried.spec, dtype))
        if attempts[-1].agrees:
            return attempts[-1]
    if tried.failure is not None:
        attempts = [tried, *(one for one in attempts if one.works and 2 * one.exact >= one.wanted)]
    most = max(one.progress for one in attempts)
    equal = [one for one in attempts if one.progress == most]
    if len(equal) == 1 or equal[0].failure is not None:
        return equal[0]

    def exact_without_penalty(one: Attempt) -> int:
        assert one.code is not None
        return attempt(one.code, replace(one.spec, penalty=0.0), dtype).exact

    return max(equal, key=exact_without_penalty)


def choose(
    layouts: Sequence[Layout], request: Request, sizes: tuple[int, ...]
) -> tuple[Layout, dict[bool, "Way"]]:
    """The first layout under which the code gives the right gradients, else the one that came
    furthest, with its way in each mode.

    Arguments:
        sizes: see `Source.sizes`.
    """
    best: tuple[Layout, dict[bool, Way]] | None = None
    asked = () if request.hidden is not None or request.inputs is not None else sizes
    for layout in [*layouts, *(fixed for one in layouts for fixed in of_sizes(one, asked))]:
        if layout.fixed is not None and best is not None and furthest(best[1]).works:
            continue
        modes = layout.modes if request.batch_norm is None else (request.batch_norm,)
        ways = {mode: find_way(layout, request, mode) for mode in modes}
        attempts = [way.attempt for way in ways.values()]
        # where the shapes are right and some values too, it is read as it was meant
        if any(a.agrees or (a.works and a.exact) for a in attempts):
            return layout, ways
        if best is None or furthest(ways).progress > furthest(best[1]).progress:
            best = (layout, ways)
    assert best is not None
    return best


def of_sizes(layout: Layout, sizes: tuple[int, ...]) -> Iterator[Layout]:
    """A layout with the fixed sizes of the code, such as 3072-50-10."""
    if not sizes or layout.fixed is not None:
        return
    inputs, *hidden = sizes
    for depth in layout.depths:
        if depth == 1 or hidden:
            fixed = copy.copy(layout)
            fixed.fixed = (inputs, *(hidden[:1] * (depth - 1)), CLASSES)
            yield fixed


def furthest(ways: Mapping[bool, "Way"]) -> Attempt:
    """The attempt that got furthest, over all modes."""
    return max((way.attempt for way in ways.values()), key=lambda attempt: attempt.progress)


@dataclass
class Way:
    """The result for one mode.

    Arguments:
        attempt: the best one.
        depth: the only number of layers that works; None if any does.
        refused: what came of another number of layers.
    """

    attempt: Attempt
    depth: int | None
    refused: Attempt | None = None


def find_way(layout: Layout, request: Request, batch_norm: bool) -> Way:
    """Try numbers of layers and ways of calling."""
    request = replace(request, scaled=layout.scaled)
    if layout.fixed is not None or request.hidden is not None:
        depth = len(layout.fixed or ()) - 1 if request.hidden is None else len(request.hidden) + 1
        spec = trial(request, depth, batch_norm, layout.fixed)
        return Way(best_way(layout, spec, request.dtype), depth)
    best: Way | None = None
    refused: Attempt | None = None
    for depth in layout.depths:
        if batch_norm and depth == 1:
            continue
        tried = best_way(layout, trial(request, depth, batch_norm), request.dtype)
        if tried.works:
            deeper = try_deeper(layout, tried, request, depth)
            refused = refused or deeper
            return Way(tried, None if deeper and deeper.works else depth, refused)
        if layout.says_no and tried.failure is not None:
            return Way(tried, depth)
        refused = refused or tried
        if best is None or tried.progress > best.attempt.progress:
            best = Way(tried, depth)
    assert best is not None
    if best.depth == 3 and best.attempt.code is not None and best.attempt.failure is None:
        return Way(best.attempt, None)  # wrong, but not for want of layers
    return best


def try_deeper(layout: Layout, found: Attempt, request: Request, depth: int) -> Attempt | None:
    """Try with 4 layers what works with 3; None if that makes no sense."""
    if depth != 3 or found.code is None or len(layout.depths) == 1:
        return None
    spec = trial(request, 4, found.spec.batch_norm)
    try:
        return attempt(found.code.for_network(spec.network), spec, request.dtype)
    except Unsupported:
        return Attempt(spec)
    except CodeFailure as failure:
        return Attempt(spec, failure=failure)
