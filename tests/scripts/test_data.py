import json
import os
import subprocess
import sys

import pytest


def data(*arguments):
    environment = {**os.environ, "TWINGRAD_DATA": ""}
    command = [sys.executable, "-m", "scripts.data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_describe_says_that_the_stand_in_is_one():
    result = data("describe", "--data", "synthetic", "--json", "-")
    described = json.loads(result.stdout)
    assert result.returncode == 0
    assert described["synthetic"] is True
    assert "synthetic stand-in" in result.stderr
    images = {name: part["images"] for name, part in described["parts"].items()}
    assert images == {"training": 45_000, "validation": 5_000, "test": 10_000}
    assert described["parts"]["test"]["per_class"] == [1_000] * 10


def test_verify_exits_2_on_data_that_cannot_be_used_and_says_why(tmp_path):
    (tmp_path / "data_batch_1").write_bytes(b"no pickle")
    result = data("verify", "--data", tmp_path, "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    problems = {file["name"]: file["problem"] for file in report["files"]}
    assert result.returncode == 2
    assert report["usable"] is False
    assert "no complete pickle" in problems["data_batch_1"]
    assert "data_batch_2 is missing" in problems["data_batch_2"]
    assert problems["batches.meta"] is None
    (line,) = result.stderr.splitlines()
    assert "no complete pickle" in line
    assert line.endswith("; 5 further files cannot be used")


@pytest.mark.parametrize("command", ["verify", "describe"])
def test_a_path_without_data_is_one_line_and_status_2(tmp_path, command):
    result = data(command, "--data", tmp_path)
    assert result.returncode == 2
    assert "no CIFAR-10 in this folder" in result.stderr
    assert result.stderr.count("\n") == 1
