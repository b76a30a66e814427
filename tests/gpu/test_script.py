"""`benchmarks.gpu` gone through on the CPU, as on a machine that lacks what it must not need."""

import json
import subprocess
import sys

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.slow

BARE = """
import runpy, sys
for name in ("threadpoolctl", "platformdirs", "matplotlib", "jinja2", "optuna", "jax"):
    sys.modules[name] = None
sys.argv = ["gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""

PRECISIONS = ("float32", "TF32")


def call(*arguments, script=("-c", BARE), check=True):
    return subprocess.run(
        [sys.executable, *script, "--device", "cpu", "--quick", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=check,
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What the script printed and wrote."""
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    done = call("--json", out)
    return done.stdout, json.loads(out.read_text())


def named(written, precision):
    """The rows of that precision by name."""
    return {row["what"]: row for row in written["rows"] if row["precision"] == precision}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_figure_of_ours_is_there(result, precision):
    rows = named(result[1], precision)
    ours = [f"one net, {how}" for how in ("eager", "captured", "compiled and captured")]
    ours += ["4 nets, captured", "4 nets, compiled and captured", "5 nets, compiled and captured"]
    ours += ["6 settings of 2 epochs"]
    if precision == "float32":
        ours += [f"one run of 2 epochs with evaluations{how}" for how in ("", ", compiled")]
    assert all(rows[what]["value"] > 0 for what in ours)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_ours_is_given_over_a_peer_that_is_installed(result, precision):
    rows = named(result[1], precision)
    assert rows["4 nets, torch.func vmap, compiled"]["value"] > 0
    over = rows["4 nets, compiled and captured"]["over"]
    assert over["torch.func vmap, compiled"]["median"] > 0


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_peer_that_is_not_installed_is_skipped_and_said(result, precision):
    printed, written = result
    rows = named(written, precision)
    for what in ("one net, JAX scan", "4 nets, JAX vmap", "5 nets, JAX vmap"):
        assert rows[what]["missing"] == "jax is not installed"
    assert "not measured: jax is not installed" in printed


def test_a_cpu_has_no_memory_of_its_own(result):
    rows = named(result[1], "float32")
    missing = [what for what, row in rows.items() if "CPU" in row.get("missing", "")]
    assert missing == [f"memory per stacked net, {kind} minibatches" for kind in ("shared", "own")]


def test_the_terminal_shows_every_row(result):
    printed, written = result
    assert [row["what"] for row in written["rows"]] == [
        line[:46].strip() for line in printed.splitlines() if line.strip()
    ]


def test_slices_are_equal(result):
    _, written = result
    slices = [row["value"] for row in written["rows"] if row["what"].startswith("slices")]
    assert written["equal"] is True
    assert len(slices) == 4
    assert max(slices) <= 1e-9  # 200 updates in float64


def test_what_there_is_no_time_for_is_said(tmp_path):
    out = tmp_path / "gpu.json"
    done = call("--seconds", 0, "--json", out)
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 11
    assert {row["missing"] for row in rows} == {"the time limit of 0 s was reached"}
    assert done.stdout.count("the time limit of 0 s was reached") == 11


FAILING = """
from benchmarks.gpu import contests, figures

def memory(table, task):
    raise RuntimeError("out of memory")

def one_run(table, task):
    table.row("one run", [1.0], "s")
    return True

figures.memory, figures.one_run = memory, one_run
figures.sweep = figures.equality = lambda *_, **__: True
contests.one_network = contests.first_stack = contests.second_stack = figures.sweep
"""


def test_a_part_that_fails_costs_no_other(tmp_path):
    out = tmp_path / "gpu.json"
    done = call("--json", out, script=("-c", FAILING + BARE), check=False)
    failed, measured = json.loads(out.read_text())["rows"]
    assert done.returncode == 1
    assert failed["missing"] == "RuntimeError: out of memory"
    assert measured["what"] == "one run"


def test_the_shell_script_runs_the_tests_and_writes_the_table(tmp_path):
    out = tmp_path / "gpu.json"
    done = subprocess.run(
        [
            ROOT / "benchmarks/gpu.sh", "--device", "cpu", "--quick", "--seconds", "0",
            "--json", out,
        ],
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout or "skipped" in done.stdout
    assert len(json.loads(out.read_text())["rows"]) == 11


def test_a_device_that_is_not_here_is_said_in_one_line():
    done = call("--device", "cuda:99", script=("-m", "benchmarks.gpu"), check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--device is 'cuda:99'" in done.stderr
