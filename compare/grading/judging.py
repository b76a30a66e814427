"""Judge one submission: it runs in isolation, and the judge compares in this process."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compare.confinement import Isolation, Limits
from compare.grading.conventions import conventions_of
from compare.grading.entries import Entry, Unusable, copy, main_file
from compare.grading.imports import WATCHED, Used, text_of, used
from compare.grading.isolation import ROOT, confined, own_user
from compare.grading.judged import Compared, Judged, Outcome, shortened
from compare.reports.check_report import fragment
from compare.reports.check_result import CheckResult, not_judged
from compare.submissions import Request, Submission
from compare.submissions.asking.importing import OURS
from compare.submissions.code_check import judge_submission
from compare.submissions.connection import AGENT, AgentGone, Connection
from compare.submissions.conventions import case_of
from compare.submissions.interpreter import Interpreter
from compare.submissions.messages import RemoteError
from compare.submissions.process import run_in
from compare.submissions.session import session
from twingrad.errors import UserError
from twingrad.network import EPS

SPOILING = ("not deterministic", "accumulation", "evaluation mode")
"""Kinds of findings that cost all points."""

LONGEST = 1500
"""Maximum length of a text about a submission, which may contain the submission's own words."""


@dataclass(frozen=True)
class Conditions:
    """The conditions that are the same for every submission.

    Arguments:
        python: the interpreter that runs the code.
        request: the calls to make; its seed is secret.
        limits, isolation: of the process that runs the code.
        file: name of the file to judge in a folder; None to find it.
        thing: name of the function, class or object in it; None to find one.
    """

    python: Interpreter
    request: Request
    limits: Limits
    isolation: Isolation
    file: str | None = None
    thing: str | None = None


def judge_entry(entry: Entry, conditions: Conditions, scratch: Path) -> Judged:
    """Run and judge one submission.

    Arguments:
        scratch: a folder for temporary files.
    """
    start = time.perf_counter()
    folder = Path(tempfile.mkdtemp(dir=scratch))
    try:
        found = Judging(entry, conditions, folder).judged()
    except Unusable as problem:
        found = Judged(entry.name, entry.path.name, "could not run", line(str(problem)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return replace(found, seconds=round(time.perf_counter() - start, 2))


class Judging:
    """The judging of one submission.

    Arguments:
        folder: an empty folder for it.
    """

    def __init__(self, entry: Entry, conditions: Conditions, folder: Path) -> None:
        isolation = conditions.isolation
        if isolation.user is not None:
            isolation = replace(isolation, user=own_user())
        self.entry, self.conditions = entry, conditions
        self.confinement = confined(folder, conditions.limits, isolation)
        self.copy = self.confinement.folder / "submission"
        self.seen: dict[str, Any] = {}

    def judged(self) -> Judged:
        """Run the submission, and return its verdict.

        Raises:
            Unusable: there is nothing to run.
        """
        self.copy.mkdir()
        copy(self.entry, self.copy)
        path = main_file(self.copy, self.conditions.file)
        file = str(path.relative_to(self.copy))
        agent = self.confinement.folder / "agent.py"
        shutil.copyfile(AGENT, agent)
        self.text = text_of(self.copy)
        if self.confinement.isolation.user is not None:
            self.let_others_write()
        connection = Connection(
            self.conditions.python,
            path.parent,
            self.conditions.limits.seconds,
            self.confinement,
            agent,
        )
        try:
            submission = run_in(
                connection, path, self.conditions.thing, self.conditions.request, self.observed
            )
            problem = self.problem(submission, connection)
            if problem:
                return self.could_not_run(file, problem, self.used(connection))
            result = judge_submission(submission, self.conditions.request, None)
        except UserError as error:
            return self.could_not_run(file, str(error), self.used(connection))
        return self.compared(file, submission, result, self.used(connection))

    def let_others_write(self) -> None:
        """Let another user add files, but not change or remove existing ones."""
        for folder in (self.confinement.folder, *self.confinement.folder.rglob("*")):
            folder.chmod(0o1777 if folder.is_dir() else 0o644)

    @contextlib.contextmanager
    def observed(self) -> Iterator[None]:
        """Let the submission's process record what it imports and opens."""
        agent = session().agent
        agent.observe(list(OURS), [str(ROOT / name) for name in OURS])
        try:
            yield
        finally:
            with contextlib.suppress(AgentGone, RemoteError):
                seen = agent.observed(list(WATCHED))
                self.seen = seen if isinstance(seen, dict) else {}

    def used(self, connection: Connection) -> Used:
        """What the submission imports and reads."""
        libraries = () if connection.ended is None else connection.ended.libraries
        return used(self.text, self.seen, libraries)

    def problem(self, submission: Submission, connection: Connection) -> str:
        """Why it could not be judged, or what it did that is not allowed; "" if neither."""
        ended = connection.ended
        imported = bool(submission.layout)
        failed = (f for f in submission.findings if f.kind in ("hang", "exit"))
        failed = (f for f in submission.findings if f.fails) if not imported else failed
        finding = next(failed, None)
        if finding is not None:
            return finding.message
        if any("MemoryError" in f.message for f in submission.findings):
            return f"it needs more than {self.conditions.limits.memory // 1_000_000} MB of memory"
        if ended is not None and (ended.reason or ended.left):
            return ended.reason or f"it left a process behind ({', '.join(ended.left)})"
        signals = self.seen.get("signals")
        return f"it sent {signals[0]}" if isinstance(signals, list) and signals else ""

    def could_not_run(self, file: str, reason: str, found: Used) -> Judged:
        """The verdict on code that was not judged."""
        return Judged(self.entry.name, file, "could not run", self.own_words(reason), used=found)

    def compared(
        self, file: str, submission: Submission, result: CheckResult, found: Used
    ) -> Judged:
        """The verdict on code that was judged."""
        comparisons = sum(len(case.tensors) for case in result.cases)
        if not comparisons:
            return self.could_not_run(file, result.diagnosis or "nothing was compared", found)
        outcome: Outcome = "right" if result.agrees else "wrong"
        findings = [
            f.message if f.line is None else f"line {f.line}: {f.message}" for f in result.findings
        ]
        return Judged(
            name=self.entry.name,
            file=file,
            outcome=outcome,
            reason="" if result.agrees else self.own_words(result.diagnosis or "it disagrees"),
            spoiled=next(
                (self.own_words(f.message) for f in result.findings if f.kind in SPOILING), ""
            ),
            comparisons=comparisons,
            compared=by_case(submission, result),
            conventions=conventions_of(result),
            assumed={what: self.own_words(said) for what, said in result.assumed.items()},
            findings=tuple(map(self.own_words, findings)),
            not_checked=tuple(map(self.own_words, not_checked(result))),
            used=found,
            page=self.without_paths(fragment(result)),
        )

    def own_words(self, text: str) -> str:
        """The text in one line, without paths of temporary folders."""
        return line(self.without_paths(text))

    def without_paths(self, text: str) -> str:
        """The text with the submission's own file names."""
        text = text.replace(f"{self.copy}/", "")
        return text.replace(str(self.copy), self.entry.name)


def by_case(submission: Submission, result: CheckResult) -> tuple[Compared, ...]:
    """Which tensors agree, for each case."""
    specs = {case_of(answer, "full", EPS).name: answer.spec for answer in submission.answers}
    failed = {finding.tensor for finding in result.findings if finding.fails}
    layers = {layer.name for layer in submission.layers}
    found = []
    for case in result.cases:
        agrees: dict[str, bool] = {}
        for tensor in case.tensors:
            right = tensor.verdict == "agree" and tensor.name not in failed
            agrees[tensor.name] = agrees.get(tensor.name, True) and right
        layer = next((name for name in layers if case.name.split(" (")[0] == name), "")
        networks = ""
        missing: tuple[str, ...] = ()
        if (spec := specs.get(case.name)) is not None:
            networks = "with batch norm" if spec.batch_norm else "without batch norm"
            missing = tuple(n for n in spec.network.parameter_shapes if n not in agrees)
        found.append(Compared(case.name, networks, layer, agrees, missing))
    return tuple(found)


def not_checked(result: CheckResult) -> list[str]:
    """What was not compared."""
    missing = not_judged(result.cases) if result.cases else []
    return [*(f"gradient of {name} (not given)" for name in missing), *result.untried]


def line(text: str) -> str:
    """The text in one line of limited length."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shortened(text, LONGEST)
