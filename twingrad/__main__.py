"""The program: `twingrad COMMAND` and `python -m twingrad COMMAND`."""

import importlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, with our packages before others of the same names."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt_once)
        program = importlib.import_module("scripts.cli")
    except KeyboardInterrupt:  # imports take a second
        print("twingrad: interrupted", file=sys.stderr)
        sys.exit(130)
    program.main()
    raise AssertionError("the program ends itself")


def interrupt_once(number: int, frame: FrameType | None) -> NoReturn:
    """Interrupt the program, and let no further Ctrl-C interrupt how it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory may contain a utils.py or rich.py
    main()
