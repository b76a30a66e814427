"""`twingrad check`: gradients, of our two implementations or of golden files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from common.errors import UserError
from common.network import Network
from common.threads import limit_threads
from compare.agreement import CaseVerdict, overall
from scripts import options
from scripts.cli import AGREED, DISAGREED
from scripts.options import parse_widths
from scripts.output import Output

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
    if golden:
        cases = judge_golden_files(golden)
        limit_threads(threads)
        output.print(tables.golden_table(cases))
    else:
        widths = parse_widths(hidden)
        if widths is not None and samples < (2 if batch_norm and widths else 1):
            least = "at least 2 with batch norm" if samples == 1 else "at least 1"
            raise UserError(f"--samples is {samples}, but {least} was expected")
        if seed < 0:
            raise UserError(f"--seed is {seed}, but at least 0 was expected")
        network = None if widths is None else Network(inputs, widths, 10, batch_norm)
        cases = check_gradients(network, samples, penalty, seed, threads)
        output.print(tables.gradient_table(cases))
    print_cases(output, cases, details)
    verdict = overall([case.verdict for case in cases])
    output.print(f"verdict: {tables.coloured(verdict)}")
    output.write({"verdict": verdict, "cases": [case.as_json() for case in cases]})
    return AGREED if verdict == "agree" else DISAGREED


def check_gradients(
    network: Network | None, samples: int, penalty: float, seed: int, threads: int
) -> list[CaseVerdict]:
    """The standard cases, or one network alone."""
    import manual_impl
    import torch_impl
    from compare.gradient_check import check_case, random_case, standard_cases

    limit_threads(threads)
    if network is None:
        cases = list(standard_cases(seed))
    else:
        cases = [random_case(network, samples, penalty=penalty, seed=seed)]
    return [check_case(case, manual_impl, torch_impl, seed=seed) for case in cases]


def judge_golden_files(paths: list[Path]) -> list[CaseVerdict]:
    """Every case of the files against both implementations."""
    import manual_impl
    import torch_impl
    from compare.golden import judge_file

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
    from scripts.cli import run_command

    run_command(check)
