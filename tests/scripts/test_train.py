import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from scripts.train import train  # noqa: F401  (imported early: the fixture replaces its loader)

SHORT = ("--hidden", "8,6", "--batch-size", "20", "--epochs", "2", "--quiet")


@pytest.mark.parametrize("backend", ["manual", "torch"])
def test_a_run_leaves_all_that_its_folder_promises(twingrad, small_data, tmp_path, backend):
    out = tmp_path / "run"
    status, stdout, _ = twingrad("train", *SHORT, "--backend", backend, "--out", out, "--json", "-")
    summary = json.loads(stdout)
    assert status == 0
    assert summary == json.loads((out / "summary.json").read_text())
    assert 0.2 < summary["test"]["accuracy"] <= 1
    assert summary["updates"] == 40
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        "recipe.json",
        "environment.json",
        "dataset.json",
        "metrics.jsonl",
        "parameters.safetensors",
        "summary.json",
        "figures/curves.png",
        "figures/cost.png",
        "figures/loss.png",
        "figures/accuracy.png",
        "figures/learning_rate.png",
    }
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines] == [20, 40]
    assert len(lines[0]["learning_rates"]) == 20
    state = load_file(out / "parameters.safetensors")
    assert " ".join(sorted(state)) == ("W1 W2 W3 b1 b2 b3 beta1 beta2 gamma1 gamma2 mu1 mu2 v1 v2")
    recipe = json.loads((out / "recipe.json").read_text())
    assert (recipe["backend"], recipe["hidden"], recipe["seed"]) == (backend, [8, 6], 0)


def test_an_existing_run_is_kept_unless_asked(twingrad, small_data, tmp_path):
    out = tmp_path / "run"
    assert twingrad("train", *SHORT, "--out", out)[0] == 0
    before = (out / "parameters.safetensors").read_bytes()
    status, _, err = twingrad("train", *SHORT, "--seed", "1", "--out", out)
    assert (status, (out / "parameters.safetensors").read_bytes()) == (2, before)
    assert "already holds a run" in err
    assert twingrad("train", *SHORT, "--seed", "1", "--out", out, "--overwrite")[0] == 0
    assert (out / "parameters.safetensors").read_bytes() != before


def test_resuming_a_finished_run_reports_it_again(twingrad, small_data, tmp_path):
    out = tmp_path / "run"
    first = json.loads(twingrad("train", *SHORT, "--out", out, "--json", "-")[1])
    status, stdout, _ = twingrad("train", "--resume", "--out", out, "--json", "-", "--quiet")
    assert (status, json.loads(stdout)) == (0, first)


def test_a_diverging_run_exits_1_with_update_and_learning_rate(twingrad, small_data, tmp_path):
    out = tmp_path / "run"
    status, _, err = twingrad(
        "train", *SHORT, "--no-batch-norm", "--eta-min", "1e30", "--eta-max", "1e30", "--out", out
    )
    assert status == 1
    assert "update 2" in err
    assert "learning rate 1e+30" in err
    assert err.count("\n") == 1
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["status"], summary["update"]) == ("diverged", 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "ten-layer"], "three-layer, nine-layer"),
        (["--hidden", "50,0"], "hidden size is 0"),
        (["--batch-size", "1"], "batch norm needs at least 2"),
        (["--backend", "jax"], "manual or torch"),
        (["--device", "cuda"], "--backend torch"),
        (["--compiled"], "--compiled is for --backend torch"),
        (["--dtype", "float16"], "float32 or float64"),
        (["--initialization", "best"], "he, xavier or a positive sigma"),
        (["--penalty", "nan"], "--penalty is nan"),
        (["--batch-size", "401"], "only 400 training samples"),
        (["--resume"], "--resume needs --out"),
        (["--threads", "0"], "--threads is 0"),
        (["--epochs", "many"], "--epochs"),
    ],
)
def test_bad_options_exit_2_in_one_line(
    twingrad, small_data, tmp_path, monkeypatch, arguments, says
):
    monkeypatch.chdir(tmp_path)
    status, out, err = twingrad("train", *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none_exits_2(twingrad, small_data, tmp_path):
    status, _, err = twingrad(
        "train", "--backend", "torch", "--device", "cuda", "--out", tmp_path / "run"
    )
    assert status == 2
    assert "0 CUDA devices" in err


@pytest.fixture
def compilations(monkeypatch):
    """What torch is asked to compile; it is left as it is."""
    asked = []
    monkeypatch.setenv("CXX", "sh")  # so that one is found
    monkeypatch.setattr("torch.compile", lambda update, **_: asked.append(update) or update)
    return asked


def test_compiled_runs_are_compiled_and_train_alike(twingrad, small_data, tmp_path, compilations):
    options = (*SHORT, "--dtype", "float64", "--backend", "torch")
    assert twingrad("train", *options, "--out", tmp_path / "plain")[0] == 0
    assert len(compilations) == 0
    assert twingrad("train", *options, "--out", tmp_path / "compiled", "--compiled")[0] == 0
    assert len(compilations) == 1
    plain, compiled = (
        load_file(tmp_path / name / "parameters.safetensors") for name in ("plain", "compiled")
    )
    for name, value in plain.items():
        # rounding of 40 updates in float64
        np.testing.assert_allclose(compiled[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


def test_a_run_may_be_resumed_compiled(twingrad, small_data, tmp_path, monkeypatch, compilations):
    def interrupt(self, label, epoch, epochs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("scripts.output.Output.epoch", interrupt)
        assert twingrad("train", *SHORT, "--backend", "torch", "--out", tmp_path / "run")[0] == 130
    resumed = twingrad("train", "--resume", "--compiled", "--out", tmp_path / "run", "--quiet")
    assert (resumed[0], len(compilations)) == (0, 1)


def test_compiling_without_a_compiler_exits_2_before_a_folder_is_made(
    twingrad, small_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("CXX", "no-such-compiler")
    out = tmp_path / "run"
    status, _, err = twingrad("train", "--backend", "torch", "--compiled", "--out", out)
    assert (status, out.exists(), err.count("\n")) == (2, False, 1)
    assert "'no-such-compiler' is not here" in err


def test_compiling_for_a_gpu_exits_2_in_one_line(twingrad, small_data, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    arguments = ("--backend", "torch", "--device", "cuda", "--compiled", "--out", tmp_path / "run")
    status, _, err = twingrad("train", *arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert "--compiled is for the CPU" in err


def test_resume_refuses_what_contradicts_the_run(twingrad, small_data, tmp_path):
    out = tmp_path / "run"
    twingrad("train", *SHORT, "--out", out)
    for arguments, says in [
        (["--seed", "3"], "--seed cannot change"),
        (["--backend", "torch"], "begun with 'manual'"),
    ]:
        status, _, err = twingrad("train", "--resume", "--out", out, *arguments)
        assert status == 2
        assert says in err
    assert twingrad("train", "--resume", "--out", tmp_path / "none")[0] == 2


def test_an_interrupted_run_exits_130_and_resumes_to_the_same_bits(
    twingrad, small_data, tmp_path, monkeypatch
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = ("--hidden", "8,6", "--batch-size", "20", "--epochs", "4")
    twingrad("train", *options, "--out", whole)

    def interrupt(self, label, epoch, epochs):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("scripts.output.Output.epoch", interrupt)
        status, out, err = twingrad("train", *options, "--out", parts)
    assert status == 130
    assert "--resume" in out
    assert "Traceback" not in err
    assert twingrad("train", "--resume", "--out", parts)[0] == 0
    saved = [(path / "parameters.safetensors").read_bytes() for path in (whole, parts)]
    assert saved[0] == saved[1]
