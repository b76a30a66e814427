"""Run commands, and turn exceptions into one line and an exit status."""

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from twingrad.errors import DivergedError, UserError

AGREED, DISAGREED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def plain_app(**options: Any) -> typer.Typer:
    """A typer app that prints errors as plain lines."""
    return typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        **options,
    )


def run_command(command: Callable[..., Any]) -> NoReturn:
    """Run a single command as the program: `python -m scripts.COMMAND`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(command)
    run(app)


def run(app: typer.Typer) -> NoReturn:
    """Run the program and exit: 0 agreed, 1 disagreed, 2 bad input, 130 interrupted."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        stop(str(error), BAD_INPUT)
    except DivergedError as error:
        stop(str(error), DISAGREED)
    except (KeyboardInterrupt, typer.Abort):
        stop("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output exited, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BAD_INPUT)
    except Exception as error:
        # usage errors have no public base class that all versions of typer share
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            print(message(), file=sys.stderr)
            sys.exit(BAD_INPUT)
        stop(message(), BAD_INPUT)
    sys.exit(status or AGREED)


def stop(message: str, status: int) -> NoReturn:
    """Print one line on standard error and exit."""
    print(f"twingrad: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)
