"""`twingrad COMMAND`: the program with all its commands."""

from typing import Annotated, NoReturn

import typer

from scripts.bench import app as bench
from scripts.check import check
from scripts.compare import compare
from scripts.data import app as data
from scripts.golden import app as golden
from scripts.grade import grade
from scripts.program import EXAMPLES, plain_app, run, summary_of
from scripts.reproduce import reproduce
from scripts.sweep import sweep
from scripts.train import train
from scripts.watch import watch


def join() -> typer.Typer:
    """The whole program."""
    app = plain_app(
        add_completion=True,
        help="One network written twice, by hand and with autograd: are they equal?",
        epilog="Exit status: 0 agreed or finished; 1 disagrees, or a training diverged; 2 bad "
        "input; 130 interrupted. `twingrad COMMAND -h` has the options and an example.",
    )
    app.callback()(program)
    for command in (compare, watch, check, grade, train, sweep, reproduce):
        app.command(short_help=summary_of(command), epilog=EXAMPLES[command.__name__])(command)
    app.add_typer(golden, name="golden", short_help="Cases as files, for code in any language.")
    app.add_typer(bench, name="bench")
    app.add_typer(data, name="data")
    return app


def show_version(asked: bool) -> None:
    """Prints the version and ends the program."""
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"twingrad {version('twingrad')}")
        except PackageNotFoundError:
            print("twingrad, not installed")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version and exit.", is_eager=True, callback=show_version
    ),
]


def program(version: Version = False) -> None:
    """Options of the program itself."""


def main() -> NoReturn:
    """The entry point `twingrad`."""
    run(join())


if __name__ == "__main__":
    main()
