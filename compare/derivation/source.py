"""Find the line of `manual_impl` that implements a step of the derivation."""

from functools import cache
from pathlib import Path

import manual_impl
from compare.derivation.place import Step

FILES = ("arrays.py", "layers.py", "losses.py", "network.py")


@cache
def lines() -> dict[str, str]:
    """Every line of the implementation by hand, stripped, with its location."""
    folder = Path(manual_impl.__file__).parent
    return {
        line.strip(): f"manual_impl/{name}:{number}"
        for name in FILES
        for number, line in enumerate((folder / name).read_text().splitlines(), start=1)
    }


def code_of(step: Step) -> tuple[tuple[str, str], ...]:
    """Every line that a step becomes: its place, "manual_impl/layers.py:66", and the code.

    Raises:
        KeyError: a line has changed there, and not in the derivation.
    """
    return tuple((lines()[code], code) for code in (step.code, step.further) if code)
