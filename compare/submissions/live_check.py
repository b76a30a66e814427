"""`twingrad.check` for functions and objects in this process, such as those of a notebook."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from compare.reports.check_result import CheckResult
from compare.submissions.asking.examining import (
    examine_layouts,
    examine_module,
    examine_pairs,
    unforeseen,
)
from compare.submissions.asking.failures import CodeFailure
from compare.submissions.asking.recognise import Unrecognised, of_object
from compare.submissions.binding import roles
from compare.submissions.code_check import judge_submission
from compare.submissions.connection import AgentGone
from compare.submissions.layouts.dd2424 import DD2424
from compare.submissions.layouts.dd2424_code import Functions
from compare.submissions.layouts.layout import Layout
from compare.submissions.live_options import checkable, must_be_function, number_from
from compare.submissions.live_source import functions_in, source_of
from compare.submissions.local import Namespace, Output, local_session, restored
from compare.submissions.process import noise
from compare.submissions.report import Report
from compare.submissions.request import Request
from compare.submissions.session import Session, session
from compare.submissions.single.pairs import Pair
from compare.submissions.source import Source
from compare.submissions.submission import Submission
from twingrad.errors import UserError

RAN = "this process"


def check_live(
    thing: Any = None,
    *,
    forward: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
    cost: Callable[..., Any] | None = None,
    request: Request | None = None,
    eps: float | None = None,
) -> CheckResult:
    """Call functions, or an object, and judge the gradients.

    Arguments:
        thing: a class, torch module, adapter, function that returns gradients, or module.
        forward, backward, cost: functions, in place of `thing`.
        request: networks to try.
        eps: what the code is meant to add to the variance; None takes the layout's.

    Raises:
        UserError: nothing to check, or nothing that is recognised.
    """
    request = Request() if request is None else request
    if eps is not None:
        number_from("eps", eps, 0)
    named = {"backward": backward, "forward": forward, "cost": cost}
    functions = {role: f for role, f in named.items() if f is not None}
    if (thing is None) == (not functions):
        raise UserError("check: give either one object, or backward with forward and cost")
    if thing is None:
        if backward is None:
            raise UserError("check: backward is missing; it is what computes the gradients")
        for role, function in functions.items():
            must_be_function(role, function)
        name = ", ".join(f.__name__ for f in functions.values())
        things = dict(functions)
    else:
        thing = checkable(thing)
        name, things = str(getattr(thing, "__name__", type(thing).__name__)), {"thing": thing}
    names = globals_of(things)
    source, report, output = written_in(things, name), Report(), Output()
    report.lines = source.lines()
    held = {**things, "globals": Namespace(names)}
    with restored(names), local_session(held, output) as local:
        try:
            examine(local, source, list(things), request, report)
        except AgentGone as error:
            raise UserError(f"{name}: what it returned could not be read") from error
    findings = noise(output.text, output.lines, source)
    submission: Submission = report.submission(Path(name), findings, output.text, RAN)
    return judge_submission(submission, request, eps)


def examine(
    local: Session, source: Source, names: Sequence[str], request: Request, report: Report
) -> None:
    """Find out how to call what is checked, and run it; everything goes into the report."""
    report.layout = "at hand"
    given = {name: local.agent.thing(name) for name in names}
    module = local.agent.thing("globals")
    session().globals = dict(local.agent.attributes(module))
    words = source.words()
    with unforeseen(source, report):
        if "backward" in given:
            examine_functions(source, given, module, words, request, report)
        elif given["thing"]._about["kind"] == "module":
            examine_module(source, given["thing"], None, words, request, report)
        else:
            try:
                layout = of_object(source, module, given["thing"], str(source), words)
            except Unrecognised as error:
                raise UserError(str(error)) from error
            except CodeFailure as failure:
                report.find(failure.finding)
                return
            examine_layouts(source, [layout], request, report)


def examine_functions(
    source: Source,
    given: dict[str, Any],
    module: Any,
    words: set[str],
    request: Request,
    report: Report,
) -> None:
    """The functions of a network; those of a single layer if no function takes labels."""
    backward, forward, cost = given["backward"], given.get("forward"), given.get("cost")
    if forward is not None and not any("Y" in roles(f) for f in given.values()):
        examine_pairs(source, (), [Pair(backward.__name__, forward, backward)], report)
        return
    functions = Functions(forward, backward, cost)
    both = {False: functions, True: functions}
    layouts: list[Layout] = [DD2424(source, both, words, module=module)]
    examine_layouts(source, layouts, request, report)


def written_in(things: dict[str, Any], name: str) -> Source:
    """The source of what is checked.

    Raises:
        UserError: a module without a file.
    """
    module = things.get("thing")
    if not isinstance(module, ModuleType):
        return source_of(things.values(), name)
    if not getattr(module, "__file__", None):
        raise UserError(f"check: the module {name} has no file; give its functions instead")
    return source_of(list(vars(module).values()), name, Path(str(module.__file__)))


def globals_of(things: dict[str, Any]) -> dict[str, Any]:
    """The global variables that the code reads."""
    for thing in things.values():
        if isinstance(thing, ModuleType):
            return vars(thing)
        functions = functions_in(thing)
        if functions:
            return functions[0].__globals__
    return {}
