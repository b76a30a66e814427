import pytest

from twingrad.text import one_line, shown, spell


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("\x9b\x07\x7f", r"\x9b\x07\x7f"),
        ("right\u202eleft", r"right\u202eleft"),
        ("half \ud800", r"half \ud800"),
        ("a\tb\nc ü 数", "a\tb\nc ü 数"),
    ],
)
def test_control_characters_are_written_out(text, expected):
    assert shown(text) == expected


def test_one_line():
    assert one_line("a\n  b\r\x1bc") == r"a b\r\x1bc"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, "?"), (7.6, "8 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_a_time_in_words(seconds, expected):
    assert spell(seconds) == expected
