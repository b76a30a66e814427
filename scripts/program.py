"""Run commands, and turn exceptions into one line and an exit status."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from twingrad.errors import DivergedError, UserError
from twingrad.text import one_line

AGREED, DISAGREED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

EXAMPLES = {
    "compare": "Example: twingrad compare --epochs 5 --seeds 2 --out runs/compare",
    "watch": "Example: twingrad watch train.py -- --epochs 1",
    "check": "Example: twingrad check --code mine.py --html report.html",
    "grade": "Example: twingrad grade submissions --rubric rubric.toml --out grades",
    "train": "Example: twingrad train --backend torch --normalization layer --epochs 5",
    "sweep": "Example: twingrad sweep --over penalty=log:1e-5:1e-1 --trials 40 --out runs/lambda",
    "reproduce": "Example: twingrad reproduce --only table3 --seeds 5 --out runs/table3",
    "new": "Example: twingrad golden new --out case.npz --hidden 50,50 --batch-norm",
    "download": "Example: twingrad data download",
    "verify": "Example: twingrad data verify --data cifar-10-batches-py",
    "describe": "Example: twingrad data describe --json -",
}
"""The last line of each command's help."""

HINTS = {"watch": "arguments of the program come after --"}
"""What is added to the message where a command has no such option."""

HELP = {"help_option_names": ["-h", "--help"]}


def plain_app(**options: Any) -> typer.Typer:
    """A typer app that prints errors as plain lines."""
    return typer.Typer(
        **{"add_completion": False, "no_args_is_help": True, **options},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=HELP,
    )


def summary_of(command: Callable[..., Any]) -> str:
    """The first paragraph of a command's docstring: its line in the list of commands."""
    return " ".join((command.__doc__ or "").partition("\n\n")[0].split())


def run_command(command: Callable[..., Any]) -> NoReturn:
    """Run a single command as the program: `python -m scripts.COMMAND`."""
    app = plain_app(no_args_is_help=False)
    app.command(epilog=EXAMPLES.get(command.__name__))(command)
    run(app)


def run(app: typer.Typer) -> NoReturn:
    """Run the program and exit: 0 agreed, 1 disagreed, 2 bad input, 130 interrupted."""
    if sys.stdout is None:  # the parent process closed it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        stop(str(error), BAD_INPUT)
    except DivergedError as error:
        stop(str(error), DISAGREED)
    except (KeyboardInterrupt, typer.Abort):
        stop("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output exited, as `head` does
        stop("the reader of the output has exited; finished work is kept", BAD_INPUT)
    except OSError as error:
        stop(f"a file or the output cannot be read or written: {error}", BAD_INPUT)
    except Exception as error:
        # usage errors have no public base class that all versions of typer share
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            print(message(), file=sys.stderr)
            sys.exit(BAD_INPUT)
        stop(with_hint(message(), error), BAD_INPUT)
    if status == INTERRUPTED:  # typer has caught the exception
        stop("interrupted", INTERRUPTED)
    ignore_interrupts()
    sys.exit(status or AGREED)


def with_hint(message: str, error: Exception) -> str:
    """The message of a usage error, with the command's hint if it has no such option."""
    command = getattr(getattr(error, "ctx", None), "command", None)
    hint = HINTS.get(getattr(command, "name", ""))
    if hint is None or type(error).__name__ != "NoSuchOption":
        return message
    return f"{message.rstrip('.')}; {hint}"


def ignore_interrupts() -> None:
    """Let nothing interrupt the exit, which would change the exit status."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def stop(message: str, status: int) -> NoReturn:
    """Print one line on standard error and exit."""
    ignore_interrupts()
    with contextlib.suppress(OSError, AttributeError):  # standard error may be closed
        print(f"twingrad: {one_line(message)}", file=sys.stderr, flush=True)
    forget_output()
    sys.exit(status)


def forget_output() -> None:
    """Drop unwritten output, for which Python would otherwise exit with another status."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
