"""The running statistics in a batch norm's dict of settings, and its evaluation."""

from typing import Any

import numpy as np

from compare.submissions.asking.failures import CodeFailure, call
from compare.submissions.asking.objects import CALLS, Arrays, moving, statistic_in
from compare.submissions.report import Report
from compare.submissions.session import session
from compare.submissions.single.examine import split
from compare.submissions.single.inputs import Inputs, inputs_for
from compare.submissions.single.known import Known, known_layer
from compare.submissions.single.pairs import Pair
from compare.submissions.source import Source
from compare.submissions.submission import Evaluation, Running
from compare.submissions.things import put_all
from twingrad.streams import stream


def follow_layer(source: Source, pair: Pair, report: Report) -> None:
    """Call a batch norm on several minibatches with one dict, and add the results to the report."""
    try:
        found = batch_norm_inputs(source, pair)
        if found is None:
            return
        known, inputs = found
        where = next((n for n, v in inputs.others.items() if isinstance(v, dict)), None)
        if where is None:
            report.leave_out(f"running statistics of {pair.forward.__name__}")
            return
        follow(source, pair, known, inputs, where, report)
    except CodeFailure as failure:
        report.leave_out(f"running statistics of {pair.forward.__name__} ({failure})")


def batch_norm_inputs(source: Source, pair: Pair) -> tuple[Known, Inputs] | None:
    """The inputs for which the function computes a batch norm; None if there are none."""
    for inputs in inputs_for(pair.forward):
        try:
            out, _ = split(call(source, 0, pair.forward, **inputs.fresh()))
        except CodeFailure:
            continue
        arrays = tuple(inputs.arrays.values())
        known = None if out is None else known_layer(arrays, out)
        if known is not None and known.name.startswith("batch norm"):
            return known, inputs
    return None


def follow(
    source: Source, pair: Pair, known: Known, inputs: Inputs, where: str, report: Report
) -> None:
    """Run three minibatches, and evaluate a fourth."""
    x, *others = inputs.arrays
    settings: dict[str, Any] = inputs.fresh()[where]
    fixed = {n: inputs.arrays[n] for n in others}
    batches = [batch(inputs.arrays[x], number) for number in range(CALLS + 1)]

    def output(value: np.ndarray) -> np.ndarray | None:
        fresh = {n: v.copy() for n, v in fixed.items()}
        given = {**inputs.others, **fresh, x: value.copy(), where: settings}
        return split(call(source, 0, pair.forward, **given))[0]

    states: list[Arrays] = []
    for value in batches[:CALLS]:
        output(value)
        held = session().agent.itself(settings)
        states.append({(n,): v for n, v in held.items() if isinstance(v, np.ndarray)})
    kept = moving(states)
    found: list[Running] = []
    for name, compute in (("mu", np.mean), ("v", np.var)):
        seen = np.stack([compute(value, axis=known.axis).ravel() for value in batches[:CALLS]])
        path = statistic_in(kept, seen)
        if path is not None:
            values = np.stack(kept[path])
            place = f"{where}[{path[0]!r}]"
            found.append(Running(name, place, path, seen, values, inputs.arrays[x].shape[0]))
    if len(found) < 2:
        report.leave_out(f"running statistics of {pair.forward.__name__} (none were found)")
        return
    report.running += found
    put_all(settings, [(("mode",), "test")])
    out = output(batches[-1])
    if out is None or out.shape != batches[-1].shape:
        report.leave_out(f"evaluation of {pair.forward.__name__} (it returned no array)")
        return
    mean, variance = (one.values[-1] for one in found)
    gamma, beta = fixed.values()
    shape = [1 if axis == known.axis else -1 for axis in range(out.ndim)]
    root = np.sqrt(variance.reshape(shape) + known.eps)
    expected = gamma * (batches[-1] - mean.reshape(shape)) / root + beta
    by_batch = known.forward(batches[-1], gamma, beta)
    how = f"{pair.forward.__name__} in mode 'test'"
    report.evaluations.append(Evaluation(how, "output", out, expected, by_batch))


def batch(like: np.ndarray, number: int) -> np.ndarray:
    """A minibatch that is off centre."""
    rng = stream(number, "minibatches of a layer")
    return (0.3 * number + 1) * rng.standard_normal(like.shape) + 0.2 * number
