"""`twingrad bench`: run one of the benchmarks, which is imported only then."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from scripts.program import plain_app
from twingrad.errors import UserError

BENCHMARKS = {
    "training": ("benchmarks.training:benchmark", "Time an epoch in NumPy and in torch."),
    "manual-speed": (
        "benchmarks.manual_speed:manual_speed",
        "Compare NumPy with its products.",
    ),
    "torch-speed": (
        "benchmarks.torch_speed:torch_speed",
        "Compare torch with its products.",
    ),
    "peers": ("benchmarks.peers.on_cpu:peers", "Compare NumPy with scikit-learn, JAX and Keras."),
    "against": ("benchmarks.against:against", "Compare this code with an earlier commit."),
    "gpu": ("benchmarks.gpu.command:gpu", "Measure a GPU, and compare with JAX and torch.func."),
    "checkers": ("validation:checkers", "Count how often the checker finds planted mistakes."),
}
"""The function and the help of each benchmark, by name."""

app = plain_app(help="Measure speed, and how often the checker finds mistakes.")


def forwarding(name: str, where: str) -> Callable[[typer.Context], Any]:
    """A command that imports a benchmark and forwards all arguments to it, including --help."""

    def command(context: typer.Context) -> Any:
        module, function = where.split(":")
        try:
            found = getattr(import_module(module), function)
        except ModuleNotFoundError as error:
            if error.name not in ("benchmarks", "validation"):
                raise
            raise UserError(
                f"bench {name}: the benchmarks are not installed; run it in a clone of the source"
            ) from error
        benchmark = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )
        benchmark.command()(found)
        return benchmark(context.args, prog_name=f"twingrad bench {name}", standalone_mode=False)

    return command


for name, (where, help) in BENCHMARKS.items():
    app.command(
        name=name,
        help=help,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(forwarding(name, where))
