import json

import pytest

import manual_impl.training
from scripts.compare import compare  # noqa: F401  (imported early: the fixture replaces its loader)

SHORT = ("--epochs", "3", "--quiet")


def test_equal_implementations_agree_and_leave_a_report(twingrad, small_data, tmp_path):
    out = tmp_path / "compared"
    status, stdout, _ = twingrad("compare", *SHORT, "--out", out, "--json", "-")
    report = json.loads(stdout)
    assert status == 0
    assert report == json.loads((out / "report.json").read_text())
    assert report["curves"]["seeds"] == [0, 1]
    assert report["curves"]["largest"]["difference"] <= 0.02
    assert report["lockstep"]["parted_at"] is None
    html = (out / "report.html").read_text()
    assert html.count("data:image/svg+xml;base64,") == 3
    assert 'src="http' not in html
    assert 'href="http' not in html
    assert report["curves"]["criterion"] in html
    assert {path.name for path in (out / "figures").iterdir()} == {
        "curves.png",
        "gradients.png",
        "lockstep.png",
    }


@pytest.mark.slow
def test_a_planted_fault_of_state_exits_1(twingrad, small_data, tmp_path, monkeypatch):
    right = manual_impl.training.update_statistics

    def wrong(statistics, trace, alpha, *, first):
        right(statistics, trace, 1 - alpha, first=first)

    monkeypatch.setattr(manual_impl.training, "update_statistics", wrong)
    status, stdout, _ = twingrad(
        "compare", *SHORT, "--seeds", "1", "--out", tmp_path / "out", "--json", "-"
    )
    report = json.loads(stdout)
    assert (status, report["verdict"]) == (1, "disagree")
    assert {case["verdict"] for case in report["cases"]} == {"agree"}
    assert report["lockstep"]["verdict"] == "disagree"
    assert report["lockstep"]["parted_at"] == 2


@pytest.mark.slow
def test_curves_alone_that_part_are_said_to_want_more_seeds(
    twingrad, small_data, tmp_path, monkeypatch
):
    monkeypatch.setattr("compare.twins.curves.MAX_EPOCH_GAP", -1.0)
    status, stdout, _ = twingrad(
        "compare", "--epochs", "3", "--seeds", "1", "--out", tmp_path / "o"
    )
    assert status == 1
    assert "try --seeds 2" in stdout


@pytest.mark.slow
def test_a_planted_fault_of_the_penalty_exits_1(twingrad, small_data, tmp_path, monkeypatch):
    right = manual_impl.network.backward

    def wrong(network, parameters, X, y, trace, *, penalty, **rest):
        gradients = right(network, parameters, X, y, trace, penalty=penalty, **rest)
        gradients["W1"] -= 2 * penalty * parameters["W1"]
        return gradients

    monkeypatch.setattr(manual_impl.network, "backward", wrong)
    status, stdout, _ = twingrad(
        "compare", *SHORT, "--seeds", "1", "--out", tmp_path / "out", "--json", "-"
    )
    report = json.loads(stdout)
    assert status == 1
    faults = {
        (c["first_fault"]["tensor"], c["first_fault"]["pass"])
        for c in report["cases"]
        if c["first_fault"]
    }
    assert faults == {("W1", "backward")}


@pytest.mark.slow
def test_a_comparison_is_kept_unless_asked_and_resumes(twingrad, small_data, tmp_path):
    out = tmp_path / "out"
    arguments = ("compare", *SHORT, "--seeds", "1", "--out", out)
    assert twingrad(*arguments)[0] == 0
    status, _, err = twingrad(*arguments)
    assert status == 2
    assert "already holds a run" in err
    run = out / "runs" / "torch-seed0" / "parameters.safetensors"
    before = run.stat().st_mtime_ns
    assert twingrad(*arguments, "--resume")[0] == 0
    assert run.stat().st_mtime_ns == before
    assert twingrad(*arguments, "--overwrite")[0] == 0
    assert run.stat().st_mtime_ns != before


def test_bad_options_exit_2_in_one_line(twingrad, small_data, tmp_path):
    for arguments, says in [
        (["--seeds", "0"], "--seeds is 0"),
        (["--preset", "none"], "--preset is 'none'"),
        (["--device", "cuda:99"], "--device is 'cuda:99'"),
        (["--golden", "missing.npz"], "missing.npz"),
    ]:
        status, out, err = twingrad("compare", "--out", tmp_path / "out", *arguments)
        assert (status, out) == (2, "")
        assert says in err
        assert err.count("\n") == 1


@pytest.mark.slow
def test_overwriting_spares_what_no_comparison_wrote(twingrad, small_data, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "thesis.txt").write_text("mine")
    status, _, err = twingrad("compare", *SHORT, "--overwrite", "--out", tmp_path)
    assert status == 2
    assert "holds no comparison" in err
    out = tmp_path / "out"
    arguments = ("compare", *SHORT, "--seeds", "1", "--overwrite", "--out", out)
    assert twingrad(*arguments)[0] == 0
    (out / "thesis.txt").write_text("mine")
    assert twingrad(*arguments)[0] == 0
    assert (out / "thesis.txt").read_text() == (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.slow
def test_bad_input_costs_no_results(twingrad, small_data, tmp_path):
    out = tmp_path / "out"
    arguments = ("compare", *SHORT, "--seeds", "1", "--overwrite", "--out", out)
    assert twingrad(*arguments)[0] == 0
    before = (out / "report.json").read_bytes()
    assert twingrad(*arguments, "--golden", "missing.npz")[0] == 2
    assert (out / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (("--no-batch-norm",), "three-layer-no-batch-norm"),
        (
            (
                "--normalization",
                "layer",
                "--activation",
                "gelu",
                "--dropout",
                "0.2",
                "--optimizer",
                "adam",
                "--eta-max",
                "0.002",
            ),
            "three-layer-layer",
        ),
    ],
)
@pytest.mark.slow
def test_any_recipe_can_be_compared(twingrad, small_data, tmp_path, options, title):
    status, stdout, _ = twingrad(
        "compare", *SHORT, *options, "--seeds", "1", "--out", tmp_path / "o", "--json", "-"
    )
    report = json.loads(stdout)
    assert (status, report["title"], report["verdict"]) == (0, title, "agree")
    assert report["lockstep"]["verdict"] == "agree"


def test_an_option_without_effect_is_refused(twingrad, small_data, tmp_path):
    status, _, stderr = twingrad("compare", "--beta1", "0.5", "--out", tmp_path / "o")
    assert status == 2
    assert "--beta1 has no effect with --optimizer sgd, only with adam" in stderr
    assert not (tmp_path / "o").exists()
