"""`twingrad check`: gradients, of our two implementations, of golden files, or of your own code."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts import options
from scripts.checking import (
    DTYPES,
    Asked,
    check_files,
    check_own_code,
    check_twins,
    known_parts,
    required,
    split_name,
)
from scripts.options import parse_widths
from scripts.output import Output
from scripts.program import AGREED, DISAGREED
from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.layers import ACTIVATIONS, LOSSES, NORMALIZATIONS

if TYPE_CHECKING:
    from compare.reports.check_result import CheckResult

Golden = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Judge a golden or trajectory file; may be repeated."),
]


def check(
    code: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:NAME]",
            help="Judge your own code: DD2424 functions, a CS231n class, a torch module or cost, "
            "or an adapter; NAME picks one of several.",
        ),
    ] = None,
    golden: Golden = None,
    hidden: Annotated[
        str | None,
        typer.Option(help="Check this network alone; widths such as 50,50. [several networks]"),
    ] = None,
    batch_norm: Annotated[
        bool | None,
        typer.Option(
            "--batch-norm/--no-batch-norm",
            help="Whether that network has batch norm; your code is checked with both.",
        ),
    ] = None,
    normalization: Annotated[
        str | None,
        typer.Option(
            metavar=f"[{'|'.join(NORMALIZATIONS)}]",
            help="Its normalization; batch-after comes after the activation. [batch]",
        ),
    ] = None,
    activation: Annotated[
        str,
        typer.Option(metavar=f"[{'|'.join(ACTIVATIONS)}]", help="Its activation."),
    ] = "relu",
    slope: Annotated[float, typer.Option(help="Slope of its leaky ReLU below 0.")] = 0.01,
    dropout: Annotated[
        float, typer.Option(help="Probability that one of its hidden units is dropped.")
    ] = 0.0,
    smoothing: Annotated[float, typer.Option(help="Its label smoothing.")] = 0.0,
    loss: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join(LOSSES)}]",
            help="Its loss: cross-entropy of a softmax, or binary cross-entropy or squared error "
            "of sigmoids.",
        ),
    ] = LOSSES[0],
    inputs: Annotated[int | None, typer.Option(help="Its number of inputs. [10]")] = None,
    samples: Annotated[int | None, typer.Option(help="Samples in its minibatch. [20]")] = None,
    penalty: Annotated[float | None, typer.Option(help="lambda of that network. [0.005]")] = None,
    random: Annotated[
        int | None, typer.Option(help="Check this many random networks instead.")
    ] = None,
    dtype: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join(DTYPES)}]",
            help="Precision; below float64, float64 arbitrates. bfloat16 is for torch alone.",
        ),
    ] = "float64",
    eps: Annotated[
        float | None, typer.Option(help="eps of your batch norm. [found from your code]")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds for your code.")] = 60.0,
    python: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The Python that runs your code; by default that of a .venv beside it or above, "
            "of an activated environment, or on PATH.",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="NODE", help="Print the derivation of a node (W1, s_hat2, cost) and stop."
        ),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Fail (exit 1) unless this part of your code was compared; may be repeated: "
            "batch-norm, no-batch-norm, forward, cost, second-call, running-statistics, "
            "evaluation, dropout, updates, schedule.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with heat maps, offline.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, for graders.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of parameters and samples.")] = 0,
    details: Annotated[
        bool,
        typer.Option("--details", help="Every case; of few cases every tensor."),
    ] = False,
    threads: options.Threads = 1,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> int:
    """Check gradients: of your code, or ours; say which operation is wrong and how.

    Without --code or --golden: ours by hand against autograd, complex step and central
    differences.
    """
    from compare.reports.check_text import CheckText
    from twingrad.threads import limit_threads

    output = Output(json, quiet)
    if sum(given is not None for given in (code, golden or None, random)) > 1 or (
        hidden is not None and (golden or random is not None)
    ):
        raise UserError("--code, --golden, --hidden and --random: give one (or --code --hidden)")
    if normalization is not None:
        if batch_norm is not None:
            raise UserError("--normalization and --batch-norm: give one")
        batch_norm = normalization == "batch"
    kinds: dict[str, Any] = {
        "normalization": normalization or "batch",
        "activation": activation,
        "slope": slope,
        "dropout": dropout,
        "smoothing": smoothing,
        "loss": loss,
    }
    if normalization is None and batch_norm is False:
        kinds["normalization"] = "none"
    further = normalization in ("batch-after", "layer") or activation != "relu"
    if further or dropout or smoothing or loss != LOSSES[0]:
        if code is not None:
            raise UserError(
                "--code takes networks with batch norm or none and no dropout, and finds "
                "activation and loss itself; leave the options of kinds away"
            )
        if hidden is None and explain is None:
            raise UserError("kinds of layer are of one network; give its widths with --hidden")
    asked = Asked(parse_widths(hidden), batch_norm, inputs, samples, penalty, seed, dtype, kinds)
    if explain is not None:
        from compare.derivation.explain import NETWORK, explain_node

        network = asked.network if hidden is not None else replace(NETWORK, **kinds)
        output.print(explain_node(network, explain), markup=False)
        return AGREED
    if require and code is None:
        raise UserError("--require is of your own code; give it with --code")
    limit_threads(threads)
    for path in (html, junit):
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{path}: cannot be written, there is no folder {path.parent}")
    if code is not None:
        if time_limit <= 0:
            raise UserError(f"--time-limit is {time_limit}, but seconds above 0 were expected")
        path, name = split_name(code)
        parts = known_parts(require or [])
        with output.busy(f"running {path.name}"):
            result = check_own_code(path, name, asked, eps, time_limit, python)
        result = required(result, parts)
    elif golden:
        result = check_files(golden)
    else:
        result = check_twins(asked, random, output)
    output.print(CheckText(result, details))
    for path_given, write in ((html, write_html), (junit, write_junit)):
        if path_given is not None:
            try:
                write(path_given, result)
            except OSError as error:
                raise UserError(f"{path_given}: cannot be written ({error.strerror})") from error
    output.write(result.as_json())
    return AGREED if result.verdict == "agree" else DISAGREED


def write_html(path: Path, result: "CheckResult") -> None:
    """The page."""
    from compare.reports.check_report import write_check_report

    write_check_report(path, result)


def write_junit(path: Path, result: "CheckResult") -> None:
    """For graders."""
    from compare.reports.junit import junit_xml

    write_whole(path, junit_xml(result).encode())


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(check)
