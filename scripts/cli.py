"""`twingrad COMMAND`: the commands joined."""

from typing import NoReturn

import typer

from scripts.bench import app as bench
from scripts.check import check
from scripts.compare import compare
from scripts.data import app as data
from scripts.golden import app as golden
from scripts.grade import grade
from scripts.program import plain_app, run
from scripts.reproduce import reproduce
from scripts.sweep import sweep
from scripts.train import train
from scripts.watch import watch


def join() -> typer.Typer:
    """The whole program."""
    app = plain_app(help="One network written twice, by hand and with autograd: are they equal?")
    app.command()(compare)
    app.command()(watch)
    app.command()(check)
    app.command()(grade)
    app.command()(train)
    app.command()(sweep)
    app.command()(reproduce)
    app.add_typer(golden, name="golden")
    app.add_typer(bench, name="bench")
    app.add_typer(data, name="data")
    return app


def main() -> NoReturn:
    """The entry point `twingrad`."""
    run(join())


if __name__ == "__main__":
    main()
