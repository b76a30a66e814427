"""The program: `twingrad COMMAND` and `python -m twingrad COMMAND`."""

import importlib
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command line, with our packages before all others of the same names."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    importlib.import_module("scripts.cli").main()
    raise AssertionError("the program ends itself")


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory: its utils.py or rich.py is none of ours
    main()
