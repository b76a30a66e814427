"""The work of `check`: run each kind of check, and print its result."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from scripts.output import Output
from twingrad.errors import UserError
from twingrad.network import Network

if TYPE_CHECKING:
    from compare.cases import Case
    from compare.numerics.agreement import CaseVerdict
    from compare.reports.check_result import CheckResult

DTYPES = ("float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Asked:
    """The options for the network to check; None if not given.

    Arguments:
        kinds: further fields of the network: normalization, activation, slope, dropout, smoothing,
            loss.

    Raises:
        UserError: an option is out of range.
    """

    hidden: tuple[int, ...] | None = None
    batch_norm: bool | None = None
    inputs: int | None = None
    samples: int | None = None
    penalty: float | None = None
    seed: int = 0
    dtype: str = "float64"
    kinds: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"--seed is {self.seed}, but expected at least 0")
        if self.dtype not in DTYPES:
            raise UserError(f"--dtype is {self.dtype!r}, but expected one of: {', '.join(DTYPES)}")
        minimum = 2 if self.network.batch_norm and self.hidden != () else 1
        if self.samples is not None and self.samples < minimum:
            why = ", since batch norm needs 2 samples" if minimum == 2 else ""
            raise UserError(f"--samples is {self.samples}, but expected at least {minimum}{why}")
        if self.penalty is not None and not 0 <= self.penalty < float("inf"):
            raise UserError(f"--penalty is {self.penalty}, but expected a finite number from 0")

    @property
    def network(self) -> Network:
        """The network to check; a small one by default."""
        hidden = (50, 50) if self.hidden is None else self.hidden
        inputs = 10 if self.inputs is None else self.inputs
        plain = Network(inputs, hidden, 10, "batch" if self.batch_norm is not False else "none")
        return replace(plain, **self.kinds)

    def cases(self) -> "Iterator[Case]":
        """The case of the given network, or the standard cases."""
        from compare.cases import random_case, standard_cases

        if self.hidden is None:
            return standard_cases(self.seed)
        penalty = 0.005 if self.penalty is None else self.penalty
        samples = 20 if self.samples is None else self.samples
        return iter([random_case(self.network, samples, penalty=penalty, seed=self.seed)])


def split_name(code: str) -> tuple[Path, str | None]:
    """Split FILE:NAME, unless the file's own name contains the colon."""
    if Path(code).exists() or ":" not in code:
        return Path(code), None
    path, _, name = code.rpartition(":")
    return Path(path), name or None


def check_own_code(
    path: Path,
    name: str | None,
    asked: Asked,
    eps: float | None,
    time_limit: float,
    python: Path | None = None,
) -> "CheckResult":
    """Check the user's code against every witness."""
    from compare.submissions import Request
    from compare.submissions.code_check import check_code

    if asked.dtype == "bfloat16":
        raise UserError("--dtype is 'bfloat16', but NumPy, and so your code, does not have it")
    if eps is not None and not 0 <= eps < float("inf"):
        raise UserError(f"--eps is {eps}, but expected a finite number from 0")
    request = Request(
        hidden=asked.hidden,
        batch_norm=asked.batch_norm,
        inputs=asked.inputs,
        samples=asked.samples,
        penalty=asked.penalty,
        seed=asked.seed,
        dtype=asked.dtype,
    )
    return check_code(path, name, request, time_limit=time_limit, eps=eps, python=python)


def required(result: "CheckResult", names: Sequence[str]) -> "CheckResult":
    """The result with a failing finding for everything that is required but was not compared."""
    from compare.submissions import Finding
    from compare.submissions.coverage import COVERAGE

    missing = [
        Finding("required", f"--require {name}: {COVERAGE[name]}: not checked", None, True)
        for name in dict.fromkeys(names)
        if name not in result.covered
    ]
    return replace(result, findings=(*result.findings, *missing))


def known_parts(names: Sequence[str]) -> list[str]:
    """The values of --require.

    Raises:
        UserError: one of them is unknown.
    """
    from compare.submissions.coverage import COVERAGE

    for name in names:
        if name not in COVERAGE:
            raise UserError(f"--require is {name!r}, but expected one of: {', '.join(COVERAGE)}")
    return list(names)


def check_files(paths: list[Path]) -> "CheckResult":
    """Check golden and trajectory files."""
    from compare.reports.check_result import CheckResult

    names = ", ".join(path.name for path in paths)
    return CheckResult(title=f"golden: {names}", cases=tuple(judge_golden_files(paths)))


def judge_golden_files(paths: list[Path]) -> "list[CaseVerdict]":
    """Judge every case of the files against both implementations."""
    import manual_impl
    import torch_impl
    from compare.golden.golden_check import judge_file

    witnesses: Any = {"manual": manual_impl, "autograd": torch_impl}
    return [case for path in paths for case in judge_file(path, witnesses)]


def check_twins(asked: Asked, random: int | None, output: Output) -> "CheckResult":
    """Check both implementations against each other and against numerical derivatives.

    Raises:
        UserError: `random` is less than 1, or given together with a low precision.
    """
    from compare.architectures import random_cases
    from compare.reports.check_result import CheckResult

    if random is not None and random < 1:
        raise UserError(f"--random is {random}, but expected at least 1")
    if asked.dtype != "float64":
        if random is not None:
            raise UserError("--random checks float64 only; give --dtype alone or with --hidden")
        return check_low(asked)
    if random is not None:
        drawn = random_cases(random, asked.seed)
        cases = check_gradients(drawn, asked.seed, output, sampled=True)
        return CheckResult(title=f"gradients by hand, {random} networks", cases=tuple(cases))
    cases = check_gradients(asked.cases(), asked.seed, output)
    if asked.hidden is not None:
        return CheckResult(title="gradients by hand and by autograd", cases=tuple(cases))
    trained, states = check_training()
    return CheckResult(
        title="gradients by hand and by autograd", cases=(*cases, *trained), states=states
    )


def check_gradients(
    cases: "Iterable[Case]", seed: int, output: Output, *, sampled: bool = False
) -> "list[CaseVerdict]":
    """Judge every case; with `sampled`, only at some entries of each tensor."""
    import manual_impl
    import torch_impl
    from compare.twins.gradient_check import check_case

    depth = {"every_below": 8, "entries": 4} if sampled else {}
    return [
        check_case(case, manual_impl, torch_impl, seed=seed, **depth)
        for case in output.track(list(cases), "checking gradients")
    ]


def check_training() -> "tuple[list[CaseVerdict], Any]":
    """Check what gradients do not show: a few updates with each implementation, and evaluation."""
    import manual_impl
    import torch_impl
    from compare.diagnosis.state_diagnosis import examine_states, states_with
    from compare.diagnosis.states import SETTINGS, course, judge_states
    from compare.numerics.agreement import CaseVerdict

    cases, first = [], None
    for setting in SETTINGS:
        for side, implementation in (("by hand", manual_impl), ("autograd", torch_impl)):
            actual, expected = course(implementation, setting), states_with((), setting)
            verdicts = judge_states("a plain training", expected, actual, setting)
            cases.append(CaseVerdict(f"training with {setting}, {side}", tuple(verdicts), None))
            first = first or examine_states(actual, verdicts, setting)
    return cases, first


def check_low(asked: Asked) -> "CheckResult":
    """Check both implementations in low precision, with float64 as the reference."""
    import manual_impl
    import torch_impl
    from compare.numerics.precision import check_low_precision, smooth_case
    from compare.reports.check_result import CheckResult

    verdicts: list[CaseVerdict] = []
    for case in asked.cases():
        smooth = smooth_case(
            case.network,
            len(case.y),
            penalty=case.penalty,
            seed=asked.seed,
            dtype=asked.dtype,
        )
        verdicts += check_low_precision(smooth, asked.dtype, manual_impl, torch_impl)
    return CheckResult(title=f"gradients in {asked.dtype}", cases=tuple(verdicts))


def print_faulty(output: Output, cases: "Sequence[CaseVerdict]") -> None:
    """Print the cases that disagree, and the network of the most informative one as a tree."""
    from compare.reports.check_result import by_telling
    from compare.reports.tree import NodeTree

    for case in cases:
        if case.first_fault:
            fault = case.first_fault
            output.print(
                f"{escape(case.name)}: the {fault['pass']} pass first disagrees "
                f"in [bold]{fault['tensor']}[/]"
            )
    examined = by_telling(cases)
    if examined:
        output.print(NodeTree(examined[0]))
