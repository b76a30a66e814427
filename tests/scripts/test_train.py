import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from scripts.output import Output
from scripts.progress import Progress
from scripts.train import train  # noqa: F401  (imported early: the fixture replaces its loader)
from twingrad.history import Epoch, Evaluation
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder

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


@pytest.fixture
def untrained(monkeypatch):
    """Every training is interrupted at once; its folder says what it would have been."""

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("scripts.train.train_in_folder", interrupt)


VALUES = {
    "hidden": ("7,5", [7, 5]),
    "initialization": ("0.1", "0.1"),
    "half_cycle": ("3", 3),
    "epochs": ("1", 1),
    "batch_size": ("40", 40),
    "order_seed": ("4", 4),
    "train_size": ("200", 200),
    "eta_max": ("0.2", 0.2),
    "batches": ("4", 4),
}
"""As given and as recorded, where a value of the field's type alone will not do."""


def another(field):
    """(arguments, value) that a field does not have by default."""
    flag = "--" + field.name.replace("_", "-")
    if field.type is bool:
        return [flag], True
    if field.metadata["choices"]:
        word = next(word for word in field.metadata["choices"][::-1] if word != field.default)
        return [flag, word], word
    if field.name in VALUES:
        text, value = VALUES[field.name]
        return [flag, text], value
    value = field.type(field.default + 1 if field.type is int else field.default / 2 + 0.001)
    return [flag, str(value)], value


@pytest.mark.parametrize(
    "field", [f for f in dataclasses.fields(Recipe) if f.name != "name"], ids=lambda f: f.name
)
def test_every_field_of_a_recipe_is_an_option(twingrad, small_images, untrained, tmp_path, field):
    arguments, value = another(field)
    if field.metadata["only_with"] is not None:
        other, values = field.metadata["only_with"]
        arguments += [f"--{other}", values[0]]
    assert twingrad("train", *arguments, "--out", tmp_path / "run", "--quiet")[0] == 130
    recorded = json.loads((tmp_path / "run/recipe.json").read_text())
    assert recorded[field.name] == value
    assert recorded[field.name] != Recipe().as_json()[field.name]


def test_the_help_shows_every_field_with_its_choices(twingrad, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    status, out, _ = twingrad("train", "--help")
    assert status == 0
    for field in dataclasses.fields(Recipe):
        flag = "--" + field.name.replace("_", "-")
        assert (f"{flag} " in out) is (field.name != "name")
    assert "--optimizer [sgd|momentum|nesterov|adam]" in out
    assert "--flip / --no-flip" in out


@pytest.mark.parametrize(
    ("arguments", "normalization"),
    [
        ([], "batch"),
        (["--batch-norm"], "batch"),
        (["--no-batch-norm"], "none"),
        (["--normalization", "none"], "none"),
        (["--normalization", "batch-after"], "batch-after"),
        (["--normalization", "layer"], "layer"),
    ],
)
def test_batch_norm_is_short_for_normalization(
    twingrad, small_data, untrained, tmp_path, arguments, normalization
):
    assert twingrad("train", *SHORT, *arguments, "--out", tmp_path / "run")[0] == 130
    assert RunFolder.reopen(tmp_path / "run")[1].normalization == normalization


@pytest.mark.parametrize(
    ("normalization", "folder"),
    [
        ("batch", "three-layer-manual-seed0"),
        ("none", "three-layer-no-batch-norm-manual-seed0"),
        ("layer", "three-layer-layer-manual-seed0"),
    ],
)
def test_a_folder_is_named_after_preset_normalization_and_seed(
    twingrad, small_data, untrained, tmp_path, monkeypatch, normalization, folder
):
    monkeypatch.chdir(tmp_path)
    assert twingrad("train", *SHORT, "--normalization", normalization)[0] == 130
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [folder]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "ten-layer"], "three-layer, nine-layer"),
        (["--hidden", "50,0"], "hidden size is 0"),
        (["--hidden", "50;30"], "--hidden is '50;30', but expected widths such as 50,50"),
        (["--batch-size", "1"], "batch norm needs at least 2"),
        (["--batch-size", "1", "--normalization", "batch-after"], "batch norm needs at least 2"),
        (["--hidden", "8,1", "--normalization", "layer"], "layer norm needs at least 2 units"),
        (["--normalization", "group"], "expected one of: none, batch, batch-after, layer"),
        (["--batch-norm", "--normalization", "batch"], "give one of them"),
        (["--activation", "gelu2"], "--activation is 'gelu2', but expected one of: relu"),
        (["--activation", "leaky_relu", "--slope", "nan"], "--slope is nan"),
        (["--slope", "0.1"], "--slope has no effect with --activation relu"),
        (["--dropout", "1"], "--dropout is 1.0, but expected at least 0 and less than 1"),
        (["--smoothing", "1"], "--smoothing is 1.0"),
        (["--optimizer", "lion"], "expected one of: sgd, momentum, nesterov, adam"),
        (["--optimizer", "adam", "--beta1", "1"], "--beta1 is 1.0, but expected at least 0 and"),
        (["--optimizer", "adam", "--beta2", "1"], "--beta2 is 1.0"),
        (["--optimizer", "momentum", "--momentum", "1"], "--momentum is 1.0"),
        (["--momentum", "0.5"], "--momentum has no effect with --optimizer sgd, only with"),
        (["--optimizer", "adam", "--momentum", "0.5"], "--momentum has no effect"),
        (["--beta1", "0.5"], "--beta1 has no effect with --optimizer sgd, only with adam"),
        (["--step-factor", "0.5"], "--step-factor has no effect with --schedule cyclical"),
        (["--precise-statistics", "--no-batch-norm"], "--precise-statistics has no effect"),
        (["--alpha", "0.5", "--normalization", "layer"], "--alpha has no effect"),
        (["--schedule", "linear"], "expected one of: cyclical, cosine, step, constant, range"),
        (["--schedule", "range", "--eta-min", "0"], "0 < eta-min < eta-max"),
        (["--shift", "-1"], "--shift is -1"),
        (["--flip"], "samples have 24 values, but flips, shifts and jitter need square images"),
        (["--backend", "jax"], "manual or torch"),
        (["--device", "cuda"], "--backend torch"),
        (["--compiled"], "--compiled is for --backend torch"),
        (["--dtype", "float16"], "expected one of: float32, float64"),
        (["--initialization", "best"], "he, xavier or a positive sigma"),
        (["--penalty", "nan"], "--penalty is nan"),
        (["--batch-size", "401"], "only 400 training samples"),
        (["--resume"], "--resume needs --out"),
        (["--threads", "0"], "--threads is 0"),
        (["--threads", "2147483648"], "--threads is 2147483648"),
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


@pytest.mark.parametrize("shift", ["4", "32"])
def test_a_shift_out_of_sight_exits_2(twingrad, small_images, tmp_path, monkeypatch, shift):
    monkeypatch.chdir(tmp_path)
    status, _, err = twingrad("train", "--shift", shift)
    assert (status, err.count("\n")) == (2, 1)
    assert f"--shift is {shift}, but images of 4 x 4 allow at most 3" in err
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_all_new_kinds_together(twingrad, small_images, tmp_path):
    kinds = "--normalization batch-after --activation leaky_relu --dropout 0.1 --smoothing 0.1"
    training = "--optimizer adam --decoupled --schedule cosine --flip --shift 1 --jitter 0.1"
    options = f"{kinds} {training} --epochs 8 --eta-max 0.02 --precise-statistics --json -".split()
    status, out, _ = twingrad("train", *SHORT, *options, "--out", tmp_path / "run")
    assert status == 0
    # ten clouds: chance is 0.1
    assert json.loads(out)["test"]["accuracy"] > 0.2


RANGE = ("--schedule", "range", "--epochs", "5", "--batch-size", "20", "--hidden", "8,6", "--out")


def test_a_range_test_says_where_the_cost_falls_and_rises(twingrad, small_data, tmp_path):
    out, rates = tmp_path / "run", ("--eta-min", "1e-4", "--eta-max", "1e3")
    status, said, _ = twingrad("train", *RANGE, out, *rates, "--json", tmp_path / "json")
    assert status == 0
    assert "range test: the cost falls fastest at learning rate" in said
    assert "range.png" in said
    found = json.loads((tmp_path / "json").read_text())["range"]
    # a batch-normalised net learns these clouds at 0.03 to 1 and is destroyed at 100
    assert 0.01 < found["falls_fastest"] < 3
    assert 0.1 < found["rises_from"] < 100
    assert (out / "figures/range.png").stat().st_size > 10_000


def test_a_range_test_may_end_by_diverging(twingrad, small_data, tmp_path):
    out, rates = tmp_path / "run", ("--eta-min", "1e-4", "--eta-max", "1e9", "--no-batch-norm")
    status, said, err = twingrad("train", *RANGE, out, *rates, "--json", tmp_path / "json")
    assert (status, err) == (0, "")
    assert "this ends the range test" in said
    summary = json.loads((tmp_path / "json").read_text())
    assert summary == json.loads((out / "summary.json").read_text())
    assert (summary["status"], summary["update"] < 100) == ("diverged", True)
    assert summary["range"]["falls_fastest"] < summary["range"]["rises_from"] < 1e3
    assert (out / "figures/range.png").exists()


def test_a_range_test_may_diverge_in_its_first_epoch(twingrad, small_data, tmp_path):
    arguments = ("--schedule", "range", "--epochs", "1", "--batch-size", "4", "--no-batch-norm")
    rates = ("--eta-min", "1e-4", "--eta-max", "1e9", "--hidden", "8,6")
    status, _, err = twingrad("train", *arguments, *rates, "--out", tmp_path / "run")
    assert (status, err) == (0, "")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["range"]["rises_from"] is not None


def test_an_interrupted_range_test_resumes_to_the_same_finding(
    twingrad, small_data, tmp_path, monkeypatch
):
    def interrupt(self, label, epoch, epochs):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    rates = ("--eta-min", "1e-4", "--eta-max", "1e3", "--quiet")
    twingrad("train", *RANGE, tmp_path / "whole", *rates)
    with monkeypatch.context() as patch:
        patch.setattr("scripts.progress.Progress.epoch", interrupt)
        assert twingrad("train", *RANGE, tmp_path / "part", *rates)[0] == 130
    assert twingrad("train", "--resume", "--out", tmp_path / "part", "--quiet")[0] == 0
    whole, part = (
        json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "part")
    )
    assert part["range"] == whole["range"]


@pytest.mark.parametrize(
    ("training", "line"),
    [
        (Evaluation(2.0, 1.5, 0.25), "cost 2.0000  accuracy: training 25.00 %, validation 50.00 %"),
        (None, "accuracy: validation 50.00 %"),
    ],
)
def test_a_line_of_progress(capsys, monkeypatch, training, line):
    monkeypatch.setattr("scripts.progress.time", SimpleNamespace(monotonic=iter((0, 5)).__next__))
    epoch = Epoch(1, 20, training, Evaluation(1.8, 1.5, 0.5), (0.1,), 0.25)
    # one of two trainings of four epochs: seven of 5 s are left
    Progress(Output(None, quiet=False), 2).epoch("manual", epoch, 4)
    out = capsys.readouterr().out
    assert out == f"manual  epoch  1/4  update     20  {line}  (0.2 s, 35 s left)\n"


def test_other_trainings_draw_no_range(twingrad, small_data, tmp_path):
    twingrad("train", *SHORT, "--out", tmp_path / "run")
    assert "range" not in json.loads((tmp_path / "run/summary.json").read_text())
    assert not (tmp_path / "run/figures/range.png").exists()


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
    assert len(compilations) == 2  # a whole update, and the step of a block
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
        patch.setattr("scripts.progress.Progress.epoch", interrupt)
        assert twingrad("train", *SHORT, "--backend", "torch", "--out", tmp_path / "run")[0] == 130
    resumed = twingrad("train", "--resume", "--compiled", "--out", tmp_path / "run", "--quiet")
    assert (resumed[0], len(compilations)) == (0, 2)


def test_compiling_without_a_compiler_exits_2_before_a_folder_is_made(
    twingrad, small_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("CXX", "no-such-compiler")
    out = tmp_path / "run"
    status, _, err = twingrad("train", "--backend", "torch", "--compiled", "--out", out)
    assert (status, out.exists(), err.count("\n")) == (2, False, 1)
    assert "'no-such-compiler' was not found" in err


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
        patch.setattr("scripts.progress.Progress.epoch", interrupt)
        status, out, err = twingrad("train", *options, "--out", parts)
    assert status == 130
    assert "--resume" in out
    assert "Traceback" not in err
    assert twingrad("train", "--resume", "--out", parts)[0] == 0
    saved = [(path / "parameters.safetensors").read_bytes() for path in (whole, parts)]
    assert saved[0] == saved[1]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_more_epochs_give_the_bits_of_a_longer_training(twingrad, small_data, tmp_path, optimizer):
    short, long = tmp_path / "short", tmp_path / "long"
    options = (*SHORT, "--optimizer", optimizer, "--half-cycle", "40")
    assert twingrad("train", *options, "--out", short)[0] == 0
    extend = ("train", "--resume", "--quiet", "--out", short)
    assert twingrad(*extend, "--epochs", 4)[0] == 0
    assert twingrad("train", *options, "--epochs", 4, "--out", long)[0] == 0
    for name in ("parameters.safetensors", "recipe.json"):
        assert (short / name).read_bytes() == (long / name).read_bytes()
    status, _, err = twingrad(*extend, "--epochs", 3)
    assert status == 2
    assert "--epochs is 3, but the run has 4 already" in err


def test_a_range_test_has_no_more_epochs(twingrad, small_data, tmp_path):
    assert twingrad("train", *SHORT, "--schedule", "range", "--out", tmp_path / "r")[0] == 0
    status, _, err = twingrad("train", "--resume", "--out", tmp_path / "r", "--epochs", 9)
    assert status == 2
    assert "cannot extend a range test" in err


def test_without_a_folder_a_training_takes_the_next_number(
    twingrad, small_data, untrained, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        assert twingrad("train", *SHORT)[0] == 130
    name = "three-layer-manual-seed0"
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {name, f"{name}-2", f"{name}-3"}


def test_a_folder_left_half_made_is_taken(twingrad, small_data, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    for name in ("environment.json", ".recipe.json.123", "lock"):
        (out / name).write_text("")
    assert twingrad("train", *SHORT, "--out", out)[0] == 0
    (out / "mine.txt").write_text("")
    (out / "recipe.json").unlink()
    status, _, err = twingrad("train", *SHORT, "--out", out, "--overwrite")
    assert status == 2
    assert "is not empty and holds no run" in err


def test_a_disk_that_is_full_keeps_what_was_finished(twingrad, small_data, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("twingrad.running.save_curves", full)
        status, _, err = twingrad("train", *SHORT, "--out", tmp_path / "run")
    assert status == 2
    assert err.count("\n") == 1
    assert "No space left on device" in err
    assert f"twingrad train --resume --out {tmp_path / 'run'}" in err
    assert twingrad("train", "--resume", "--quiet", "--out", tmp_path / "run")[0] == 0


@pytest.mark.parametrize(
    "line",
    ["", "null", "[]", '{"epoch": 1}', '{"epoch": 2, "update": "x", "training": 5}'],
)
@pytest.mark.slow
def test_damaged_metrics_of_a_finished_run_are_one_line(twingrad, small_data, tmp_path, line):
    assert twingrad("train", *SHORT, "--out", tmp_path / "run")[0] == 0
    with (tmp_path / "run/metrics.jsonl").open("a") as file:
        file.write(line + "\n")
    status, _, err = twingrad("train", "--resume", "--out", tmp_path / "run")
    assert (status, err.count("\n")) == (2, 1)
    assert "metrics.jsonl: cannot be read" in err
