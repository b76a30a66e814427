"""`benchmarks.gpu` gone through on the CPU, as on a machine that lacks what it must not need."""

import json
import subprocess
import sys

import pytest

from tests.support import ROOT

BARE = """
import runpy, sys
for name in ("threadpoolctl", "platformdirs", "matplotlib", "jinja2", "optuna"):
    sys.modules[name] = None
sys.argv = ["gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What the script printed and wrote."""
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    arguments = ["--device", "cpu", "--quick", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, json.loads(out.read_text())


def test_every_figure_is_there(result):
    printed, written = result
    values = {row["what"]: row["value"] for row in written["rows"]}
    assert len(values) == 14
    without = [what for what, value in values.items() if value is None]
    # a CPU has no memory of its own
    assert without == [f"memory per stacked net, {kind} minibatches" for kind in ("shared", "own")]
    assert all(value > 0 for value in values.values() if value is not None)
    assert [line for line in printed.splitlines() if line.strip()][-1].startswith("6 settings")


def test_slices_are_equal(result):
    _, written = result
    slices = [row["value"] for row in written["rows"] if row["what"].startswith("slices")]
    assert written["equal"] is True
    assert len(slices) == 4
    assert max(slices) <= 1e-9  # 200 updates in float64


def test_a_device_that_is_not_here_is_said_in_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--device", "cuda:99"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--device is 'cuda:99'" in done.stderr
