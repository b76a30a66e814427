"""Syntax of a newer Python than the one that runs the code, which is not a mistake of the code."""

import io
import re
import tokenize
from itertools import pairwise

PATTERNS = (
    ("3.14", r"except\s+\w[\w.]*\s*,\s*\w[\w., ]*:"),
    ("3.14", r"(?<![\w'\"])[tT][rR]?['\"]"),
    ("3.13", r"(?:def|class)\s+\w+\s*\[[^]]*=[^]]*\]\s*[(:]"),
    ("3.12", r"(?:async\s+def|def|class)\s+\w+\s*\[[^]]*\]\s*[(:]"),
    ("3.12", r"^\s*type\s+\w+\s*(?:\[[^]]*\])?\s*="),
    ("3.11", r"except\s*\*"),
    ("3.10", r"^\s*match\s.+:\s*(?:#.*)?$"),
    ("3.10", r"^\s*with\s*\("),
    ("3.8", r":="),
)
"""Version, and the pattern of lines that need it."""


def needed_python(line: str, message: str, version: tuple[int, int]) -> str | None:
    """The Python that a line needs which did not parse; None if no version that is known does.

    Arguments:
        line: the text of the line with the error.
        message: of the SyntaxError.
        version: of the Python that did not parse it.
    """
    needed = next((needs for needs, pattern in PATTERNS if re.search(pattern, line)), None)
    if needed is None and message.startswith("f-string") and nests_quotes(line, message):
        needed = "3.12"
    if needed is None or tuple(map(int, needed.split("."))) <= version:
        return None
    return needed


def nests_quotes(line: str, message: str) -> bool:
    """Whether an f-string uses its own quotes, a backslash or a comment inside its braces."""
    if "backslash" in message or "cannot include '#'" in message:
        return True
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip() + "\n").readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    for token, after in pairwise(tokens):
        text = token.string
        opened = re.match(r"[fF][rR]?|[rR][fF]", text) and text.count("{") > text.count("}")
        if opened and token.end == after.start and after.string[:1].isidentifier():
            return True
    return False
