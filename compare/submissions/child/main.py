"""The child process: imports the user's file, finds out how to call it, and asks it.

Usage: python -m compare.submissions.child.main FOLDER; the parent has written FOLDER/request.json.
"""

import faulthandler
import importlib
import inspect
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from compare.submissions.child.collect import answer
from compare.submissions.child.failures import CodeFailure, Unsupported, as_finding
from compare.submissions.child.importing import load, locate, words_of_all
from compare.submissions.child.quiet import quiet
from compare.submissions.child.recognise import Unrecognised, belongs, recognise
from compare.submissions.child.trying import Attempt, Way, choose
from compare.submissions.exchange import HUNG, REQUEST, Report
from compare.submissions.layouts.layout import Code, Layout
from compare.submissions.request import Request, as_request, specs
from compare.submissions.single.examine import examine_layer
from compare.submissions.single.pairs import Pair, pairs_of
from compare.submissions.source import Source
from compare.submissions.submission import Finding


def main(folder: Path) -> None:
    """Does all of it; what is learnt is in the folder at every moment."""
    asked = json.loads((folder / REQUEST).read_text())
    report = Report(folder)
    with (folder / HUNG).open("w") as hung:
        faulthandler.enable(hung)
        # where the code is, should it not be done shortly before the parent ends it
        left = max(0.1, asked["deadline"] - time.time())
        faulthandler.dump_traceback_later(left, file=hung)
        path = Path(asked["path"])
        try:
            started_in = Path(asked["started_in"])
            examine(path, asked["name"], as_request(asked["request"]), report, started_in)
        except Exception as error:
            found = as_finding(error, locate(path))
            said = f"what the code defines or returned could not be handled: {found.message}"
            report.find(Finding("exception", said, found.line, True))
        report.set(done=True)
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)  # threads that the code left behind must not keep it alive


def examine(
    path: Path, name: str | None, request: Request, report: Report, started_in: Path
) -> None:
    """From the file to the answers; everything goes into the report."""
    source = locate(path)
    try:
        report.set(lines=source.lines())
        module = load(source, started_in)
        words = words_of_all(source)
    except BaseException as error:
        report.find(as_finding(error, source))
        return
    try:
        layouts = recognise(source, module, name, words)
    except Unrecognised as error:
        pairs = pairs_in(source, module, name)
        if not pairs:
            report.set(unusable=str(error))
            return
        report.set(layout="single layers")
        with quiet():
            report.layers([examine_layer(source, pair) for pair in pairs])
        return
    except CodeFailure as failure:
        report.find(failure.finding)
        return
    report.set(layout=layouts[0].name)
    with quiet():
        layout, ways = choose(layouts, request, source.sizes())
    report.set(layout=layout.name, penalty_forms=list(layout.penalty_forms))
    usable = {mode: way for mode, way in ways.items() if supports(layout, way, mode, request)}
    if True in usable and False in usable and usable[False].depth == 1 and layout.fixed is None:
        del usable[False]  # without a hidden layer there is nothing to normalise
        if usable[True].attempt.works:
            report.set(assumed=report.result["assumed"] | {"batch norm": "always"})
    if not usable:
        best = max(ways.values(), key=lambda way: way.attempt.progress)
        report_failure(source, layout, best, report)
        return
    for mode, way in usable.items():
        run_mode(source, layout, way, mode, request, report)
    for mode, way in ways.items():
        if mode in usable:
            continue
        if way.attempt.failure is not None and mode:
            report_failure(source, layout, way, report)
        elif "batch norm" not in report.result["assumed"]:
            report.set(untried=[*report.result["untried"], words_for(way.attempt)])
    states(module, report)


def pairs_in(source: Source, module: Any, name: str | None) -> list[Pair]:
    """The single layers of a file, or those that a name chooses."""
    own = [t for t in vars(module).values() if inspect.isfunction(t) and belongs(source, t)]
    found = pairs_of(own)
    if name is not None:
        found = [p for p in found if name in (p.name, p.forward.__name__)]
    return found


def words_for(tried: Attempt) -> str:
    """The networks of a mode that the code does not do, and why as far as that was said."""
    mode = "with" if tried.spec.batch_norm else "without"
    return f"networks {mode} batch norm" + (f" ({tried.reason})" if tried.reason else "")


def supports(layout: Layout, way: Way, batch_norm: bool, request: Request) -> bool:
    """Whether the code does this mode at all, right or wrong."""
    tried = way.attempt
    if tried.code is None or tried.failure is not None:
        return False
    if batch_norm and request.batch_norm is None and tried.right < tried.wanted:
        return uses_gamma(tried.code, way, request.dtype)
    return True


def uses_gamma(code: Code, way: Way, dtype: str) -> bool:
    """Whether gamma changes anything, so that the code does know batch norm."""
    case = way.attempt.spec.case()
    results = []
    with quiet():
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
    """Every case of one mode."""
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
        report.set(untried=list(dict.fromkeys([*report.result["untried"], without])))
    known = report.result["assumed"]
    eps = found.eps_forms[0]
    report.set(assumed=known | said, eps_forms=list(found.eps_forms))
    for i, spec in enumerate(specs(request, batch_norm, way.depth, layout.fixed, eps)):
        try:
            code = found.for_network(spec.network)
            got, findings = answer(code, spec, request.dtype, layout.line, twice=i == 0)
        except CodeFailure as failure:
            report.find(failure.finding)
            continue
        except Unsupported:
            continue
        report.answer(got)
        for finding in findings:
            report.find(finding)


def report_failure(source: Source, layout: Layout, way: Way, report: Report) -> None:
    """Why not even one way of calling the code came to an end."""
    tried = way.attempt
    if tried.code is not None:
        report.set(assumed=report.result["assumed"] | tried.code.assumed())
    if tried.failure is not None:
        report.find(tried.failure.finding)
        return
    mode = "with" if tried.spec.batch_norm else "without"
    widths = "-".join(map(str, tried.spec.network.widths))
    said = f"the code takes no network {mode} batch norm of widths {widths}"
    said += f": {tried.reason}" if tried.reason else ""
    report.find(Finding("keys", said, layout.line, True))


def states(module: Any, report: Report) -> None:
    """What a learner of the user's goes through, where there is one and somebody to ask it."""
    if not hasattr(module, "learner"):
        return
    try:
        course = importlib.import_module("compare.diagnosis.states").course
    except ImportError:
        return
    report.states(course(module))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
