"""The rows of the GPU benchmark's table."""

import json

import pytest

from benchmarks.gpu.contests import contest
from benchmarks.gpu.table import Table, Target, line
from benchmarks.gpu.task import QUICK, Task, load
from scripts.output import Output


@pytest.fixture
def table(tmp_path):
    return Table(Output(str(tmp_path / "gpu.json"), quiet=True), {"gpu": "none"}, judged=True)


def written(table):
    with open(table.output.json_file) as file:
        return json.load(file)


@pytest.mark.parametrize(("peer", "met"), [([100, 100, 100], True), ([100, 200, 210], False)])
def test_a_multiple_of_a_peer_is_judged_by_the_median_of_rounds(table, peer, met):
    rates = [150, 140, 280]
    table.row("256 nets", rates, "1/s", peers={"JAX": peer}, target=Target(1.4, "JAX"))
    [row] = written(table)["rows"]
    assert row["value"] == 150
    assert row["range"] == [140, 280]
    assert row["over"]["JAX"]["n"] == 3
    assert row["target"] == ">= 1.4 x JAX"
    assert row["met"] is met


@pytest.mark.parametrize(("seconds", "met"), [(28.0, True), (28.1, False)])
def test_a_time_is_judged_by_itself(table, seconds, met):
    table.row("settings", [seconds], "s", target=Target(28))
    assert written(table)["rows"][0]["met"] is met


def test_without_the_peer_nothing_is_judged(table):
    table.row("one net", [1.0, 2.0], "1/s", target=Target(1.0, "JAX scan"))
    assert written(table)["rows"][0]["met"] is None
    assert line(table.rows[0]).endswith("target >= 1 x JAX scan: peer not measured")


def test_a_difference_that_is_not_finite_misses_its_target(table):
    table.row("slices", [float("inf")], "of size", target=Target(1e-9))
    [row] = written(table)["rows"]
    assert row["value"] is None
    assert row["met"] is False


def test_small_sizes_have_no_targets(tmp_path):
    table = Table(Output(str(tmp_path / "gpu.json"), quiet=True), {}, judged=False)
    table.row("settings", [1.0], "s", target=Target(28))
    assert table.rows[0]["target"] is None


def broken():
    raise RuntimeError("no such kernel\nand a long story")


@pytest.mark.parametrize(("name", "fine"), [("JAX scan", True), ("captured", False)])
def test_a_contender_that_fails_leaves_the_others_measured(table, name, fine):
    import torch

    task = Task(QUICK, load(None, QUICK, table.output), torch.device("cpu"))
    contenders = {name: broken, "eager": lambda: lambda: None}
    assert contest(table, task, 1, contenders, {}, tf32=False) is fine
    missing, measured = written(table)["rows"]
    assert missing["missing"] == "RuntimeError: no such kernel"
    assert measured["what"] == "one net, eager"
    assert measured["value"] > 0
