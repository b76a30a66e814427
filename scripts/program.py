"""How a command is run and how it ends."""

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from twingrad.errors import DivergedError, UserError

AGREED, DISAGREED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def plain_app(**options: Any) -> typer.Typer:
    """A typer app whose errors are lines, not boxes and tracebacks."""
    return typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        **options,
    )


def run_command(command: Callable[..., Any]) -> NoReturn:
    """Runs a single command as the program: `python -m scripts.COMMAND`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(command)
    run(app)


def run(app: typer.Typer) -> NoReturn:
    """Runs the program and exits: 0 agreed, 1 disagrees, 2 bad input, 130 interrupted."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        stop(str(error), BAD_INPUT)
    except DivergedError as error:
        stop(str(error), DISAGREED)
    except (KeyboardInterrupt, typer.Abort):
        stop("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BAD_INPUT)
    except Exception as error:
        # typer's usage errors share no public class across its versions
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            print(message(), file=sys.stderr)
            sys.exit(BAD_INPUT)
        stop(message(), BAD_INPUT)
    sys.exit(status or AGREED)


def stop(message: str, status: int) -> NoReturn:
    """One line on standard error, then the end."""
    print(f"twingrad: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)
