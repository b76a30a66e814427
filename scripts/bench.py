"""`twingrad bench`: what is claimed, measured. A benchmark is imported when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from scripts.program import plain_app
from twingrad.errors import UserError

BENCHMARKS = {
    "training": ("benchmarks.training:benchmark", "An epoch in NumPy and in torch."),
    "manual-speed": ("benchmarks.manual_speed:manual_speed", "NumPy against its products."),
    "torch-speed": ("benchmarks.torch_speed:torch_speed", "torch against its products."),
    "peers": ("benchmarks.peers.on_cpu:peers", "NumPy beside scikit-learn, JAX and Keras."),
    "against": ("benchmarks.against:against", "Updates beside those of an earlier commit."),
    "gpu": ("benchmarks.gpu.command:gpu", "A GPU, beside JAX and torch.func."),
    "checkers": ("validation:checkers", "How often the checker finds a planted mistake."),
}
"""By name: where the command is, and what it measures."""

app = plain_app(help="What is claimed about speed and about the checker, measured.")


def passing_on(name: str, where: str) -> Callable[[typer.Context], Any]:
    """A command that imports the benchmark and passes all its arguments on, --help included."""

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
    )(passing_on(name, where))
