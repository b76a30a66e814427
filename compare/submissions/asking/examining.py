"""From the user's file to its answers: find out how it must be called, and run all cases."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from compare.submissions.asking.collect import answer
from compare.submissions.asking.dropping import examine_dropout
from compare.submissions.asking.failures import UNPLACED, CodeFailure, Unsupported, as_finding
from compare.submissions.asking.importing import load, locate, words_of_all
from compare.submissions.asking.kinds import other_kinds
from compare.submissions.asking.objects import STATISTICS, examine_object
from compare.submissions.asking.recognise import Unrecognised, belongs, recognise
from compare.submissions.asking.smoothing import label_smoothing
from compare.submissions.asking.trying import Attempt, Way, choose, does_without_batch_norm
from compare.submissions.binding import signature
from compare.submissions.connection import AgentGone
from compare.submissions.layouts.layout import Code, Layout
from compare.submissions.messages import RemoteError
from compare.submissions.one_training import OneTraining
from compare.submissions.report import Report
from compare.submissions.request import Request, specs
from compare.submissions.session import session
from compare.submissions.single.examine import examine_layer
from compare.submissions.single.pairs import Pair, pairs_of
from compare.submissions.single.running import follow_layer
from compare.submissions.source import Source
from compare.submissions.submission import Finding
from compare.submissions.things import attributes, is_function
from twingrad.errors import UserError


def examine(path: Path, name: str | None, request: Request, report: Report) -> None:
    """Import the file, find out how to call it, and run it; everything goes into the report.

    Raises:
        UserError: no such name in it, or nothing in it that is recognised.
        AgentGone: the process ended, or time ran out.
    """
    source = locate(path)
    report.lines = source.lines()
    try:
        module = load(source, Path.cwd())
    except RemoteError as error:
        report.find(as_finding(error, source))
        return
    with unforeseen(source, report):
        examine_module(source, module, name, words_of_all(source), request, report)


@contextlib.contextmanager
def unforeseen(source: Source, report: Report) -> Iterator[None]:
    """Turn unexpected errors with the user's objects into findings.

    Raises:
        AgentGone, UserError: as they are.
    """
    try:
        with session().temporary():
            yield
    except RemoteError as error:
        problem = as_finding(error, source).message
    except (AgentGone, UserError):
        raise
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        return
    said = f"what the code defines or returned could not be handled: {problem}"
    report.find(Finding("keys", said, None, True))


def examine_module(
    source: Source,
    module: Any,
    name: str | None,
    words: set[str],
    request: Request,
    report: Report,
) -> None:
    """`examine` for an imported file.

    Arguments:
        words: identifiers and strings of the user's files.
    """
    session().globals = attributes(module)
    try:
        layouts = recognise(source, module, name, words)
    except Unrecognised as error:
        functions = own_functions(source, module)
        pairs = pairs_in(functions, name)
        if not pairs:
            raise UserError(str(error)) from error
        examine_pairs(source, functions if name is None else (), pairs, report)
        return
    except CodeFailure as failure:
        report.find(failure.finding)
        return
    if examine_layouts(source, layouts, request, report):
        states(module, report)


def examine_pairs(
    source: Source, functions: Sequence[Any], pairs: Sequence[Pair], report: Report
) -> None:
    """Examine single layers."""
    report.layout = "single layers"
    paired = {function for pair in pairs for function in (pair.forward, pair.backward)}
    others = [f.__name__ for f in functions if f not in paired]
    if others:
        report.leave_out(f"the functions {', '.join(others)}")
    with session().quiet():
        for pair in pairs:
            report.layers.append(examine_layer(source, pair))
            if report.layers[-1].kind.startswith("batch norm"):
                follow_layer(source, pair, report)


def examine_layouts(
    source: Source, layouts: Sequence[Layout], request: Request, report: Report
) -> bool:
    """Run every case under the layout that fits best.

    Returns:
        Whether the code could be called.

    Raises:
        UserError: it was asked for batch norm, and has none.
    """
    report.layout = layouts[0].name
    with session().quiet():
        layout, ways = choose(layouts, request, source.sizes())
        other = other_kinds(source, [way.attempt for way in ways.values()])
        if other is not None:
            request = replace(request, **asdict(other))
            layout, ways = choose(layouts, request, source.sizes())
            report.assumed |= dict(other.assumed(ways[layout.modes[0]].attempt.spec.classes))
        attempts = [way.attempt for way in ways.values()]
        softmax = request.loss == "cross_entropy"
        smoothed = label_smoothing(source, attempts) if softmax else None
        if smoothed is not None:
            share, shown = smoothed
            request = replace(request, smoothing=share)
            layout, ways = choose(layouts, request, source.sizes())
            report.assumed["label smoothing"] = f"{share:g}, {shown}"
    if request.batch_norm and does_without_batch_norm(ways[True].attempt):
        raise UserError(
            f"{source}: batch norm was asked for, but it computes a network without batch norm; "
            "leave out batch_norm=True or --batch-norm"
        )
    report.layout, report.penalty_forms = layout.name, layout.penalty_forms
    lost = {mode: unplaced_in(layout, way) for mode, way in ways.items()}
    usable = {
        mode: way
        for mode, way in ways.items()
        if not lost[mode] and supports(layout, way, mode, request)
    }
    if True in usable and False in usable and usable[False].depth == 1 and layout.fixed is None:
        del usable[False]  # without a hidden layer there is nothing to normalise
        if usable[True].attempt.works:
            report.assumed["batch norm"] = "always"
    if len(usable) == 2:
        drop_other_mode(usable, report)
    names = lost.get(True) or lost.get(False)
    if not usable and names:
        said = UNPLACED + ", ".join(names)
        report.find(Finding("keys", said, layout.line, True))
        return False
    if not usable:
        best = max(ways.values(), key=lambda way: way.attempt.progress)
        report_failure(source, layout, best, report)
        return False
    request = replace(request, scaled=layout.scaled)
    for mode, way in usable.items():
        run_mode(source, layout, way, mode, request, report)
    for mode, way in ways.items():
        if mode in usable or way.attempt.works:
            continue
        failure = way.attempt.failure
        unsure = not layout.scaled or (mode and not layout.normalises)
        if failure is not None and (failure.finding.kind == "call" or unsure):
            report.leave_out(f"{words_for(way.attempt)} ({failure.finding.message})")
        elif failure is not None and mode:
            report_failure(source, layout, way, report)
        elif mode and not layout.scaled:
            there = f"{way.attempt.right} of {way.attempt.wanted} gradients"
            report.leave_out(f"{words_for(way.attempt)} (its functions gave {there})")
        elif "batch norm" not in report.assumed:
            report.leave_out(words_for(way.attempt))
    return True


def unplaced_in(layout: Layout, way: Way) -> list[str]:
    """The parameters that the code reads, whose results are wrong, and that were not placed."""
    tried = way.attempt
    if tried.code is None or tried.failure is not None or tried.outputs or tried.agrees:
        return []
    with session().temporary():
        return layout.unplaced(tried.code, tried.spec.case())


def drop_other_mode(usable: dict[bool, Way], report: Report) -> None:
    """Leaves out a mode in which nothing is right where in the other something is: code that
    always normalises, or never does, whatever it is asked for."""
    right = {mode: way.attempt.exact for mode, way in usable.items()}
    for mode in (False, True):
        if not right[mode] and right[not mode]:
            report.leave_out(words_for(usable.pop(mode).attempt))


def own_functions(source: Source, module: Any) -> list[Any]:
    """The functions of a file, in its order."""
    return [t for t in attributes(module).values() if is_function(t) and belongs(source, t)]


def pairs_in(functions: Sequence[Any], name: str | None) -> list[Pair]:
    """The single layers of a file, or those with a given name."""
    found = pairs_of(functions)
    if name is not None:
        found = [p for p in found if name in (p.name, p.forward.__name__)]
    return found


def words_for(tried: Attempt) -> str:
    """The networks that the code does not support, with the reason if it is known."""
    mode = "with" if tried.spec.batch_norm else "without"
    return f"networks {mode} batch norm" + (f" ({tried.reason})" if tried.reason else "")


def supports(layout: Layout, way: Way, batch_norm: bool, request: Request) -> bool:
    """Whether the code supports this mode at all, right or wrong."""
    tried = way.attempt
    if tried.code is None or tried.failure is not None:
        return False
    if batch_norm and not layout.scaled:
        return tried.works  # functions of their own, which may be meant to be called otherwise
    if batch_norm and request.batch_norm is None and tried.right < tried.wanted:
        return uses_gamma(tried.code, way, request.dtype)
    return True


def uses_gamma(code: Code, way: Way, dtype: str) -> bool:
    """Whether gamma affects the results, so that the code really has batch norm."""
    case = way.attempt.spec.case()
    results = []
    with session().quiet():
        for factor in (1, 2):
            case.parameters["gamma1"] = case.parameters["gamma1"] * factor
            try:
                raw = code.evaluate(case, code.hand_over(case, dtype))
            except (CodeFailure, Unsupported):
                return True
            if any(name.startswith(("gamma", "beta")) for name in raw.gradients):
                return True
            results.append(repr(raw.gradients))
    return results[0] != results[1]


def run_mode(
    source: Source, layout: Layout, way: Way, batch_norm: bool, request: Request, report: Report
) -> None:
    """Run every case of one mode."""
    found = way.attempt.code
    assert found is not None
    said = dict(found.assumed())
    limited = way.depth is not None and layout.fixed is None and request.hidden is None
    if limited and way.attempt.works:
        said["layers"] = f"{way.depth} only"
        if way.refused is not None and way.refused.failure is not None:
            other = way.refused.spec.network.depth
            message = way.refused.failure.finding.message
            line = way.refused.failure.finding.line
            if source.loops_at(line):  # it goes over layers, so it means to do them all
                hidden = ",".join(map(str, way.attempt.spec.hidden))
                report.find(
                    Finding(
                        "exception",
                        f"with {other} layers: {message}. If {way.depth} layers are all that it is "
                        f"meant for, check it with --hidden {hidden or repr('')}",
                        line,
                        True,
                    )
                )
            else:
                said["layers"] += f"; with {other}: {message}"
    if not found.penalised:
        request = replace(request, penalty=0.0)
        without = "the penalty (nothing in the code is recognised as lambda)"
        report.leave_out(without)
    eps = found.eps_forms[0]
    differentiated = False  # one case is enough
    if batch_norm and not layout.scaled:
        said["gamma and beta"] = "none in its batch norm (no word of the file says gamma)"
    for what, words in said.items():
        plain = report.assumed.get(what, words)
        report.assumed[what] = words if words == plain else f"{plain}, with batch norm {words}"
    report.eps_forms = found.eps_forms
    for i, spec in enumerate(specs(request, batch_norm, way.depth, layout.fixed, eps)):
        try:
            code = found.for_network(spec.network)
            with session().temporary():
                got, findings = answer(
                    code, spec, request.dtype, layout.line, twice=i == 0, own=not differentiated
                )
        except CodeFailure as failure:
            report.find(failure.finding)
            continue
        except Unsupported:
            continue
        if i == 0 and request.dtype == "float64":
            with session().quiet(), session().temporary():
                examine_object(code, spec, layout.line, report)
            with session().quiet(), session().temporary():
                examine_dropout(code, spec, report)
        report.answers.append(got)
        differentiated = differentiated or bool(got.own_cost)
        for finding in findings:
            report.find(finding)


def report_failure(source: Source, layout: Layout, way: Way, report: Report) -> None:
    """Report why no way of calling the code succeeded."""
    tried = way.attempt
    if tried.code is not None:
        report.assumed |= tried.code.assumed()
    if tried.failure is not None:
        report.find(tried.failure.finding)
        return
    mode = "with" if tried.spec.batch_norm else "without"
    widths = "-".join(map(str, tried.spec.network.widths))
    said = f"the code takes no network {mode} batch norm of widths {widths}"
    said += f": {tried.reason}" if tried.reason else ""
    report.find(Finding("keys", said, layout.line, True))


def states(module: Any, report: Report) -> None:
    """The states of the user's learner, if there is one."""
    learner = getattr(module, "learner", None)
    if learner is None:
        return
    try:
        from compare.diagnosis.states import course
    except ImportError:
        return
    first = next((a.name for a in signature(learner)), "")
    report.states = course(OneTraining(module) if first == "recipe" else module)
    if STATISTICS in report.untried:
        report.untried.remove(STATISTICS)
