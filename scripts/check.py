"""`twingrad check`: gradients, of our two implementations or of golden files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from common.errors import UserError
from common.network import Network
from common.threads import limit_threads
from compare.agreement import CaseVerdict, overall
from compare.cases import Case, random_case, random_cases, standard_cases
from compare.gradient_check import check_case
from scripts import options
from scripts.options import parse_widths
from scripts.output import Output
from scripts.program import AGREED, DISAGREED

Golden = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Judge a golden or trajectory file; may be repeated."),
]


def check(
    golden: Golden = None,
    hidden: Annotated[
        str | None, typer.Option(help="Check this network alone; widths such as 50,50.")
    ] = None,
    batch_norm: Annotated[
        bool, typer.Option("--batch-norm/--no-batch-norm", help="Of that network.")
    ] = True,
    inputs: Annotated[int, typer.Option(help="Of that network.")] = 10,
    samples: Annotated[int, typer.Option(help="Of its minibatch.")] = 20,
    penalty: Annotated[float, typer.Option(help="lambda of that network.")] = 0.005,
    random: Annotated[
        int | None, typer.Option(help="Check so many random architectures instead.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of parameters and samples.")] = 0,
    details: Annotated[
        bool, typer.Option("--details", help="Every tensor of every case, not only of faulty ones.")
    ] = False,
    threads: options.Threads = 1,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> int:
    """Check gradients by hand against autograd, complex step and central differences."""
    from compare import tables

    output = Output(json, quiet)
    if sum(given is not None for given in (golden or None, hidden, random)) > 1:
        raise UserError("--golden, --hidden and --random exclude each other; give one")
    if seed < 0:
        raise UserError(f"--seed is {seed}, but at least 0 was expected")
    if golden:
        cases = judge_golden_files(golden)
        output.print(tables.golden_table(cases))
    else:
        cases = check_gradients(
            chosen_cases(random, parse_widths(hidden), batch_norm, inputs, samples, penalty, seed),
            random is not None,
            seed,
            threads,
        )
        output.print(
            tables.witness_table(cases) if random is not None else tables.gradient_table(cases)
        )
    print_cases(output, cases, details)
    verdict = overall([case.verdict for case in cases])
    output.print(f"verdict: {tables.coloured(verdict)}")
    output.write({"verdict": verdict, "cases": [case.as_json() for case in cases]})
    return AGREED if verdict == "agree" else DISAGREED


def chosen_cases(
    random: int | None,
    widths: tuple[int, ...] | None,
    batch_norm: bool,
    inputs: int,
    samples: int,
    penalty: float,
    seed: int,
) -> Iterator[Case]:
    """The networks that the options ask for: random ones, one alone, or the standard ones.

    Raises:
        UserError: an option outside its range.
    """
    if random is not None:
        if random < 1:
            raise UserError(f"--random is {random}, but at least 1 was expected")
        return random_cases(random, seed)
    if widths is None:
        return standard_cases(seed)
    least = 2 if batch_norm and widths else 1
    if samples < least:
        why = ": batch norm needs a spread" if least == 2 else ""
        raise UserError(f"--samples is {samples}, but at least {least} was expected{why}")
    if not 0 <= penalty < float("inf"):
        raise UserError(f"--penalty is {penalty}, but a finite number from 0 was expected")
    network = Network(inputs, widths, 10, batch_norm)
    return iter([random_case(network, samples, penalty=penalty, seed=seed)])


def check_gradients(
    cases: Iterator[Case], sampled: bool, seed: int, threads: int
) -> list[CaseVerdict]:
    """Judges every case; of many, each tensor at a sample of its entries."""
    import manual_impl
    import torch_impl

    limit_threads(threads)
    depth = {"every_below": 8, "entries": 4} if sampled else {}
    return [
        check_case(case, manual_impl, torch_impl, seed=seed, **depth)
        for case in track(list(cases), "checking", transient=True, console=Console(stderr=True))
    ]


def judge_golden_files(paths: list[Path]) -> list[CaseVerdict]:
    """Every case of the files against both implementations."""
    import manual_impl
    import torch_impl
    from compare.golden_check import judge_file

    witnesses: Any = {"manual": manual_impl, "autograd": torch_impl}
    return [case for path in paths for case in judge_file(path, witnesses)]


def print_cases(output: Output, cases: list[CaseVerdict], details: bool) -> None:
    """Where each faulty case first goes wrong, and its tensors; with details those of all."""
    from compare import tables

    for case in cases:
        if case.first_fault:
            fault = case.first_fault
            output.print(
                f"{case.name}: the {fault['pass']} pass first disagrees "
                f"in [bold]{fault['tensor']}[/]"
            )
        if details or case.first_fault:
            output.print(tables.tensor_table(case))


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(check)
