"""A report as plain text, for `print` and the Python prompt."""

import io

from rich.console import Console, ConsoleRenderable

from twingrad.text import shown


def plain(*parts: ConsoleRenderable) -> str:
    """The report as it appears in a terminal of this width, without colour.

    Control characters are escaped.
    """
    console = Console(file=io.StringIO(), color_system=None, force_jupyter=False, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in shown(captured.get()).splitlines())
