"""Tables fit a terminal of 80 columns without splitting a number; piped, a row is a line."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from compare.reports.tables import MOST_ROWS, WITNESSES, details, gradient_table
from tests.compare.planted import right_verdict

NUMBER = re.compile(r"\d\.\de[+-]\d\d")


def printed(thing, width):
    """What a console of that width prints, as lines."""
    console = Console(file=io.StringIO(), width=width)
    console.print(thing)
    return console.file.getvalue().splitlines()


@pytest.fixture(scope="module")
def case():
    right = right_verdict(name="10-9-10 batch norm, n=20, lambda=0.005")
    tensors = [
        replace(right.tensors[0], witness=witness, scale=scale, max_abs=1.2e-9, max_rel=3.4e-16)
        for _, witness, scale in WITNESSES
    ]
    return replace(right, tensors=tuple(tensors))


def test_a_row_of_gradients_is_a_line_where_nothing_bounds_it(case):
    rows = [line for line in printed(gradient_table([case]), 10_000) if case.name in line]
    assert len(rows) == 1
    assert len(NUMBER.findall(rows[0])) == len(WITNESSES)


def test_80_columns_hold_every_number_whole(case):
    lines = printed(gradient_table([case]), 80)
    assert max(map(len, lines)) <= 80
    assert sum(len(NUMBER.findall(line)) for line in lines) == len(WITNESSES)
    assert not any("…" in line for line in lines)


def test_details_of_many_cases_are_a_row_for_each_witness(case):
    many = [case] * (MOST_ROWS // len(case.tensors) + 1)
    table, note = details(many)
    witnesses = {(t.witness, t.scale) for t in case.tensors}
    assert table.row_count == len(many) * len(witnesses)
    assert "--json" in note
    assert len(list(details([case]))) == 1
