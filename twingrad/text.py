"""Text from outside, made safe to show."""

import re

CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What moves a cursor, colours a terminal, turns the direction of a line, or is half a character.

Tab and line feed are left out: they may be meant.
"""


def shown(text: str) -> str:
    """Text whose control characters are written out: an escape is \\x1b."""
    return CONTROL.sub(lambda found: escaped(found[0]), text)


def one_line(text: str) -> str:
    """The same in one line, with single spaces."""
    return " ".join(shown(text).split())


def escaped(character: str) -> str:
    """A character as Python writes it."""
    return character.encode("unicode_escape").decode()


def spell(seconds: float | None) -> str:
    """ "1 h 05 min", "3 min 20 s", "8 s"; "?" where it is not known."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
