"""Make text from outside safe to display."""

import re

CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, marks that change the direction of text, and lone surrogates.

Tab and line feed are not included, since they may be intended.
"""


def shown(text: str) -> str:
    """Replace control characters by escape sequences, such as \\x1b."""
    return CONTROL.sub(lambda match: escaped(match[0]), text)


def one_line(text: str) -> str:
    """The same on one line, with single spaces."""
    return " ".join(shown(text).split())


def escaped(character: str) -> str:
    """A character as an escape sequence of Python."""
    return character.encode("unicode_escape").decode()


def spell(seconds: float | None) -> str:
    """A duration as "1 h 05 min", "3 min 20 s" or "8 s"; "?" for None."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
