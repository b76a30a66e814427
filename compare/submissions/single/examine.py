"""Compare a layer's gradients with central differences of its own forward function."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from compare.submissions.asking.failures import CodeFailure, call
from compare.submissions.binding import role, signature
from compare.submissions.matching import leaves_of
from compare.submissions.names import plain
from compare.submissions.orientation import Misshapen, as_array
from compare.submissions.session import session
from compare.submissions.single.inputs import Inputs, inputs_for
from compare.submissions.single.known import LOSSES, known_layer
from compare.submissions.single.pairs import Pair
from compare.submissions.source import Source
from compare.submissions.submission import CENTRAL, EXACT, LayerAnswer
from twingrad.streams import stream

STEP = 1e-5
"""h of the four-point rule: rounding 1e-16/h and h^4 are both far below the tolerance."""

TOLERANCE = 1e-6
"""Absolute tolerance for central differences of values near 1."""


def examine_layer(source: Source, pair: Pair) -> LayerAnswer:
    """Tries the inputs that the layer may be meant for: takes those of which it makes a known
    layer, else those for which every gradient has its input's shape, else the first. Whether the
    gradients are right plays no part: a wrong one must not find inputs for which it is right."""
    line = source.line_of(pair.backward or pair.forward)
    first: LayerAnswer | None = None
    shaped: LayerAnswer | None = None
    problem = ""
    for inputs in inputs_for(pair.forward):
        try:
            found = compare_layer(source, pair, inputs, line)
        except CodeFailure as failure:
            problem = problem or failure.finding.message
            continue
        if found.problem:
            problem = problem or found.problem
        elif found.kind:
            return found
        else:
            first = first or found
            shaped = shaped or (found if fits(found, inputs) else None)
    if shaped is not None:
        return shaped
    return first or LayerAnswer(pair.name, line, problem=problem or "no inputs are known for it")


def fits(answer: LayerAnswer, inputs: Inputs) -> bool:
    """Whether there is a gradient for every input, with its shape."""
    found = answer.found
    return all(name in found and found[name].shape == v.shape for name, v in inputs.arrays.items())


def compare_layer(source: Source, pair: Pair, inputs: Inputs, line: int | None) -> LayerAnswer:
    """Run one set of inputs through both functions."""
    answer = LayerAnswer(pair.name, line)

    # a dropout without a seed of its own draws the same mask every time
    session().agent.seed(0)
    returned = call(source, 0, pair.forward, **inputs.fresh())
    out, cache = split(returned)
    if out is None or not out.size or not np.isfinite(out).all():
        answer.problem = f"{pair.forward.__name__} returned no array of finite numbers"
        return answer
    G = np.ones(out.shape)
    if pair.backward is not None:
        G = stream(1, "single layers").standard_normal(out.shape)
        given, problem = backward_arguments(pair.backward, inputs, G, cache, returned)
        if problem:
            answer.problem = problem
            return answer
        cache_first = call(source, 1, pair.backward, **given)
        leaves = list(leaves_of(cache_first).values())
    else:
        leaves = list(leaves_of(returned).values())[1:]
    slopes = session().agent.slopes
    numerical = {
        n: call(source, 0, slopes, pair.forward, inputs.fresh(), n, G, STEP) for n in inputs.arrays
    }
    answer.expected[CENTRAL] = numerical
    answer.found = paired(leaves, numerical)
    answer.missing = tuple(name for name in numerical if name not in answer.found)
    answer.expected[CENTRAL] = {n: numerical[n] for n in answer.found}
    take_shapes(answer)
    take_mean(answer, inputs, out)
    by_hand(answer, pair, inputs, out, G)
    if not answer.found:
        answer.problem = f"{pair.name} returned no array of the shape of an input"
    return answer


def split(returned: Any) -> tuple[np.ndarray | None, Any]:
    """The output and the cache."""
    first = returned[0] if isinstance(returned, tuple) and returned else returned
    rest = returned[1:] if isinstance(returned, tuple) else ()
    try:
        out = None if first is None else as_array(first).astype(np.float64)
    except Misshapen:
        out = None
    return out, rest[0] if len(rest) == 1 else rest or None


def backward_arguments(
    function: Callable[..., Any], inputs: Inputs, G: np.ndarray, cache: Any, returned: Any
) -> tuple[dict[str, Any], str]:
    """The arguments of a backward function: the gradient, the cache, and inputs by name."""
    given: dict[str, Any] = {}
    fresh = inputs.fresh()
    named = {plain(name): value for name, value in fresh.items()}
    unknown = []
    for number, argument in enumerate(a for a in signature(function) if a.default is a.empty):
        word = plain(argument.name)
        if number == 0 and word not in named:
            given[argument.name] = G
        elif word in named:
            given[argument.name] = named[word]
        elif word in ("dout", "dz", "da", "grad", "gradoutput", "upstream", "dy"):
            given[argument.name] = G
        else:
            unknown.append(argument.name)
    left = [cache if cache is not None else next(iter(fresh.values()), returned)]
    if len(unknown) > 1 and isinstance(cache, tuple) and len(cache) == len(unknown):
        left = list(cache)
    if len(unknown) > len(left):
        return {}, f"{function.__name__} takes {' and '.join(unknown)}, which nothing here fits"
    return given | dict(zip(unknown, left, strict=False)), ""


def paired(leaves: list[np.ndarray], expected: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which returned array is the gradient of which input: by value, then by shape and order."""
    found: dict[str, np.ndarray] = {}
    left = [leaf.astype(np.float64) for leaf in leaves]
    for name, want in expected.items():
        for leaf in left:
            if leaf.shape == want.shape and np.abs(leaf - want).max(initial=0) < TOLERANCE:
                found[name] = leaf
                left = [other for other in left if other is not leaf]
                break
    for name, want in expected.items():
        fitting = [leaf for leaf in left if leaf.size == want.size]
        if name not in found and fitting:
            found[name] = fitting[0]
            left = [other for other in left if other is not fitting[0]]
    return {name: found[name] for name in expected if name in found}


def take_shapes(answer: LayerAnswer) -> None:
    """Takes right gradients with a further axis of length 1, such as (1, m) for (m,), for a
    convention: they are added to the parameter all the same."""
    numerical = answer.expected[CENTRAL]
    for name, value in answer.found.items():
        want = numerical[name]
        same = value.shape != want.shape and value.squeeze().shape == want.squeeze().shape
        if same and np.abs(value.reshape(want.shape) - want).max(initial=0) < TOLERANCE:
            said = f"the gradient of {name} has shape {value.shape} for {want.shape}"
            answer.found[name] = value.reshape(want.shape)
            answer.convention = "; ".join(filter(None, (answer.convention, said)))


def take_mean(answer: LayerAnswer, inputs: Inputs, out: np.ndarray) -> None:
    """Takes gradients of parameters that are divided by the number of samples for a convention:
    Coursera's layers divide there, and not where the gradient of the cost begins."""
    _, *parameters = answer.found
    samples = {n for n in out.shape if out.ndim == 2}
    numerical = answer.expected[CENTRAL]
    for n in samples:
        if parameters and all(
            answer.found[p].shape == numerical[p].shape
            and np.abs(n * answer.found[p] - numerical[p]).max(initial=0) < TOLERANCE
            for p in parameters
        ):
            answer.found |= {p: n * answer.found[p] for p in parameters}
            said = "gradients of parameters are divided by the number of samples"
            answer.convention = "; ".join(filter(None, (answer.convention, said)))
            return


def by_hand(
    answer: LayerAnswer, pair: Pair, inputs: Inputs, out: np.ndarray, G: np.ndarray
) -> None:
    """Add the gradients by hand of a known layer."""
    arrays = tuple(inputs.arrays.values())
    known = known_layer(arrays, out)
    exact: dict[str, np.ndarray] = {}
    if known is not None:
        answer.kind = known.name
        exact = dict(zip(inputs.arrays, known.backward(G, *arrays), strict=True))
    for name, loss in LOSSES.items() if len(arrays) == 1 and out.size == 1 else ():
        for labels in labels_in(inputs, arrays[0]):
            value, gradient = loss(arrays[0], labels)
            only = next(iter(inputs.arrays))
            if abs(value - float(out.sum())) < 1e-12 * max(1, abs(value)):
                answer.kind = name
                exact = {only: gradient}
            elif only in answer.found and np.allclose(answer.found[only], gradient, rtol=1e-12):
                answer.kind, answer.loss = name, (float(out.sum()), value)
    if exact:
        kept = {n: v for n, v in exact.items() if n in answer.found}
        answer.expected[EXACT] = kept


def labels_in(inputs: Inputs, scores: np.ndarray) -> Iterator[np.ndarray]:
    """The labels among the other inputs, as classes."""
    for name, value in inputs.others.items():
        if role(name) == "Y" and scores.ndim == 2:
            if value.ndim == 1 and len(value) == len(scores):
                yield value
            elif value.shape == scores.shape:
                yield value.argmax(axis=1)
