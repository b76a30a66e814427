"""Examine an object over several calls: accumulated gradients, running statistics, evaluation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

import manual_impl
from compare.cases import Case
from compare.submissions.asking.collect import Taken, take
from compare.submissions.asking.failures import CodeFailure, Unsupported
from compare.submissions.binding import looks_like_probabilities
from compare.submissions.layouts.layout import Code, Instance
from compare.submissions.matching import equal, is_close, nearest_reading
from compare.submissions.report import Report
from compare.submissions.request import CaseSpec
from compare.submissions.submission import Evaluation, Finding, Running
from compare.submissions.things import Path, written
from twingrad.network import Network
from twingrad.streams import stream

CALLS = 3
"""Number of minibatches over which running statistics are followed."""

FIT = 1e-8
"""Maximum residual, relative to the statistic, of values that follow a rule."""


def examine_object(code: Code, spec: CaseSpec, line: int | None, report: Report) -> None:
    """Call one object several times, and add the results to the report.

    Arguments:
        spec: the case, in float64.
        line: of the function that computes the gradients.
    """
    case = spec.case()
    try:
        instance = code.instance(case)
        if instance is None:
            if case.network.batch_norm:
                report.leave_out(STATISTICS)
            return
        first, second = (take(code, case, instance.train(case), line) for _ in range(2))
        report.called_again = True
        finding = accumulation(first, second, line)
        if finding is not None:
            report.find(finding)
        network = reading_of(code, case, first)
        if network is None:
            if case.network.batch_norm:
                report.leave_out(f"{STATISTICS} (the gradients of its training are wrong)")
            return
        fresh = code.instance(case)
        assert fresh is not None
        follow(fresh, replace(case, network=network), report)
    except CodeFailure as failure:
        report.find(failure.finding)
    except Unsupported as problem:
        report.leave_out(f"a second call on one object ({problem})")


ADDS_UP = (
    "gradients accumulate: a second call on the same object returns those of both calls. Set them "
    "to zero at the start of each call, or compute them anew"
)

Arrays = dict[Path, np.ndarray]
"""The arrays of an object, by path."""

STATISTICS = "running statistics and evaluation"


def accumulation(first: Taken, second: Taken, line: int | None) -> Finding | None:
    """Gradients of a second call on the same object and inputs that differ from the first's."""
    pairs = {
        name: (array, second.gradients[name])
        for name, array in first.gradients.items()
        if name in second.gradients and second.gradients[name].shape == array.shape
    }
    changed = [name for name, (one, other) in pairs.items() if not is_again(one, other)]
    if not changed:
        return None
    names = ", ".join(changed)
    said = (
        f"a second call on the same object and inputs gives other gradients ({names}): it keeps "
        "something from the first"
    )
    if adds_up(first, second):
        said = f"{ADDS_UP} ({names})"
    return Finding("accumulation", said, line, True, changed[0])


def is_again(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a second call gave the same gradient; NaN twice is the same."""
    both = np.isnan(one) & np.isnan(other)
    return is_close(np.where(both, 0, other), np.where(both, 0, one))


def adds_up(first: Taken, second: Taken) -> bool:
    """Whether every gradient of a second call is the sum over both calls."""
    pairs = [(array, second.gradients.get(name)) for name, array in first.gradients.items()]
    nonzero = any(np.abs(array).max(initial=0) > 0 for array, _ in pairs)
    return nonzero and all(is_close(other, 2 * array) for array, other in pairs)


def reading_of(code: Code, case: Case, taken: Taken) -> Network | None:
    """The case's network with the code's eps; None if its gradients are wrong."""
    for eps in code.eps_forms:
        gradients, _ = nearest_reading(taken.gradients, {}, case, (eps,))
        if all(is_close(taken.gradients.get(name), gradients[name]) for name in code.expected()):
            return replace(case.network, eps=eps)
    return None


def follow(instance: Instance, case: Case, report: Report) -> None:
    """Train on further minibatches, and evaluate another one."""
    batches = [minibatch(case, number) for number in range(CALLS)]
    states: list[Arrays] = []
    for batch in batches:
        instance.train(batch)
        states.append(arrays(instance))
    running = list(statistics(case, batches, states)) if case.network.batch_norm else []
    report.running += running
    evaluated(instance, minibatch(case, CALLS), states[-1], running, report)


def arrays(instance: Instance) -> Arrays:
    """Every array of an object."""
    return {path: value for path, value in instance.state() if isinstance(value, np.ndarray)}


def minibatch(case: Case, number: int) -> Case:
    """The case with other samples, off centre, so that the running statistics differ from a
    minibatch's."""
    rng = stream(number, "minibatches of an object")
    X = (0.3 * number + 1) * rng.standard_normal(case.X.shape) + 0.2 * number
    return replace(case, X=X, y=rng.integers(case.network.classes, size=len(X)))


def statistics(case: Case, batches: Sequence[Case], states: Sequence[Arrays]) -> Iterator[Running]:
    """The arrays that follow the statistics of the minibatches."""
    traces = [batch.forward(manual_impl) for batch in batches]
    kept = moving(states)
    for name in case.network.statistic_shapes:
        seen = np.stack([np.asarray(trace[name]) for trace in traces])
        path = statistic_in(kept, seen)
        if path is not None:
            where = f"self{written(path)}"
            yield Running(name, where, path, seen, np.stack(kept[path]), len(case.X))


def moving(states: Sequence[Arrays]) -> dict[Path, list[np.ndarray]]:
    """The arrays that change from call to call, flattened, after each call.

    Arguments:
        states: after each call.
    """
    return {
        path: [state[path].reshape(-1) for state in states]
        for path, last in states[-1].items()
        if all(path in state and state[path].shape == last.shape for state in states)
        and not equal(states[0][path], last)
    }


def statistic_in(kept: Mapping[Path, list[np.ndarray]], seen: np.ndarray) -> Path | None:
    """The array that follows a statistic of the minibatches, (calls, width)."""
    for path, values in kept.items():
        if values[0].shape == seen[0].shape and follows(np.stack(values), seen):
            return path
    return None


def follows(values: np.ndarray, seen: np.ndarray) -> bool:
    """Whether every value is one weighted sum of the previous one and the batch's statistic."""
    old, new = coefficients(values, seen)
    residual = np.abs(old * values[:-1] + new * seen[1:] - values[1:]).max()
    # kept of a minibatch alone, for its backward pass, it is no running statistic
    running = abs(new) > FIT and abs(old) > FIT
    return bool(running and residual <= FIT * np.abs(values).max())


def coefficients(values: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """a and c of the least-squares fit value = a * previous value + c * batch's."""
    terms = np.stack([values[:-1].ravel(), seen[1:].ravel()], axis=1)
    old, new = np.linalg.lstsq(terms, values[1:].ravel(), rcond=None)[0]
    return float(old), float(new)


def evaluated(
    instance: Instance, case: Case, before: Arrays, running: Sequence[Running], report: Report
) -> None:
    """The object's results without labels, and whether its running statistics are unchanged."""
    network = case.network
    if network.batch_norm and len(running) < len(network.statistic_shapes):
        report.leave_out(f"{STATISTICS} (none that follow the minibatches' were found)")
        return
    try:
        outputs = instance.test(case)
    except CodeFailure as failure:
        report.leave_out(f"evaluation ({failure})")
        return
    if outputs is None:
        if network.batch_norm:
            report.leave_out(
                "evaluation by the running statistics (nothing was found that does it)"
            )
        return
    after = arrays(instance)
    changed = [one.where for one in running if not same(before, after, one.path)]
    used = {one.name: one.values[-1] for one in running}
    last = f"s{network.depth}"
    right = outputs_of(trace_of(case, used or None), last)
    by_batch = outputs_of(trace_of(case, None), last) if used else {}
    given = [(n, comparable(n, value)) for value in outputs for n in (last, "p")]
    given = [(n, value) for n, value in given if value.shape == right[n].shape]
    known = [
        (n, v)
        for n, v in given
        if any(is_close(v, expected[n]) for expected in (right, by_batch) if expected)
    ]
    if not known and instance.gives_scores:
        known = [(n, v) for n, v in given if n == "p" and looks_like_probabilities(v)]
        known = known or [(n, v) for n, v in given if n == last]
    if not known:
        report.leave_out(f"evaluation (what {instance.testing} gives is not recognised)")
        return
    name, found = known[0]
    expected = right[name]
    report.evaluations.append(
        Evaluation(instance.testing, name, found, expected, by_batch.get(name), tuple(changed))
    )


def outputs_of(trace: Mapping[str, np.ndarray], last: str) -> dict[str, np.ndarray]:
    """The logits and the probabilities of a forward pass."""
    return {name: comparable(name, trace[name]) for name in (last, "p")}


def comparable(name: str, value: np.ndarray) -> np.ndarray:
    """Logits without a common offset, so that log-probabilities equal them; probabilities
    unchanged."""
    return value if name == "p" or value.ndim != 2 else value - value.mean(axis=1, keepdims=True)


def trace_of(case: Case, statistics: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """The reference's forward pass, with running statistics or with those of the minibatch."""
    trace = manual_impl.forward(
        case.network,
        case.parameters,
        case.X,
        case.y,
        penalty=case.penalty,
        statistics=None if statistics is None else dict(statistics),
    )
    return {name: np.asarray(value) for name, value in trace.items()}


def same(before: Arrays, after: Arrays, path: Path) -> bool:
    """Whether an array is unchanged."""
    return path in after and equal(before[path], after[path])
