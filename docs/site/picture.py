"""Draws docs/images/check.svg: what `twingrad check --code docs/examples/mine.py` prints.

python docs/site/picture.py
"""

import io
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.terminal_theme import DIMMED_MONOKAI

from compare.reports.check_text import CheckText
from scripts.checking import Asked, check_own_code
from scripts.output import Output, PeopleConsole
from twingrad.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "docs/examples/mine.py"
PICTURE = ROOT / "docs/images/check.svg"

FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", flags=re.DOTALL)
"""Web fonts, which are removed because a picture in a README must not load anything."""


def main() -> None:
    """Checks the program and draws what is printed."""
    output = Output(None, quiet=False)
    output.console = PeopleConsole(
        record=True, width=88, file=io.StringIO(), force_terminal=True, highlight=False
    )
    output.print(f"[bold]$ twingrad check --code {PROGRAM.name}[/]\n")
    result = check_own_code(PROGRAM, None, Asked(), None, 60.0)
    output.print(CheckText(result))
    svg = output.console.export_svg(
        title="twingrad",
        theme=DIMMED_MONOKAI,
        code_format=FONTS.sub("", CONSOLE_SVG_FORMAT),
        unique_id="twingrad-check",
    )
    PICTURE.parent.mkdir(exist_ok=True)
    write_whole(PICTURE, svg.encode())


if __name__ == "__main__":
    main()
