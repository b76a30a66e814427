"""docs/speed.md says what the files in docs/benchmarks hold."""

import json
import re

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs/speed.md").read_text()
MACHINES = ("avx512", "avx2")
"""The columns of the table, in their order."""

CPU = PAGE[PAGE.index("## CPU") : PAGE.index("## GPU")]
ROWS = re.findall(r"^\| (.+?) \| .*? \| (\d.*?) \| (\d.*?) \|", CPU, re.MULTILINE)


def ratio(found, spread):
    """A median and its spread, as the page has them."""
    return f"{found['median']:.2f} ({found[spread][0]:.2f} to {found[spread][1]:.2f})"


def expected(machine):
    """A machine's column, from its files."""
    manual, torch, peers = (
        json.loads((ROOT / f"docs/benchmarks/{machine}/{name}.json").read_text())
        for name in ("manual_speed", "torch_speed", "peers")
    )
    ours, theirs = manual["ratios"], torch["ratios"]
    stacks = [
        ours[f"two processes, each a stack of {n} / one process, one net, by the clock"]
        for n in (16, 32, 64)
    ]
    memory = [*manual["mb_per_stacked_net"].values()][:3], [*torch["mb_per_stacked_net"].values()]
    in_turn = "stacks of 32 in 2 processes / one after another (compiled), net-updates per second"
    return [
        ratio(ours["one net / products"], "quartiles"),
        ratio(ours["one net without batch norm / products"], "quartiles"),
        ratio(theirs["compiled update / products"], "range"),
        ratio(theirs["update / products"], "range"),
        ratio(theirs["usual loop / update"], "range"),
        ratio(ours["textbook / one net"], "quartiles"),
        *(
            ratio({"median": found["ratio"], **found}, "range")
            for found in (peers["figures"][name] for name in ("scikit-learn", "JAX scan", "Keras"))
        ),
        ", ".join(f"{found['median']:.2f}" for found in stacks),
        ratio(theirs[in_turn], "range"),
        *(", ".join(f"{mb:.2f}" for mb in each) for each in (memory[0], memory[1][:3])),
        ", ".join(f"{mb:.2f}" for mb in memory[1][3:]),
        f"{manual['training_of_20_epochs']['clock_s']:.1f} s (n = 1)",
        f"{torch['whole_run_s']['clock']:.1f} s (n = 1)",
    ]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("row", range(16))
def test_every_figure_of_the_table_is_in_its_file(row, machine):
    assert ROWS[row][1 + MACHINES.index(machine)] == expected(machine)[row]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_table_has_no_other_row(machine):
    assert len(ROWS) == len(expected(machine))
