"""`twingrad sweep`: its options, its words and its exit status."""

import json

import pytest

SMALL = ["--hidden", "8", "--batch-size", "50", "--epochs", "2", "--processes", "1", "--seed", "3"]


@pytest.fixture
def sweep(twingrad, small_data, tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.output.report.plotly_script", lambda: "")
    monkeypatch.setattr("twingrad.running.save_curves", lambda *arguments: None)

    def call(*arguments, small=SMALL):
        where = [] if "--out" in arguments else ["--out", tmp_path / "s"]
        return twingrad("sweep", *arguments, *small, *where)

    return call


def test_a_table_ends_with_the_choice(sweep, tmp_path):
    status, out, err = sweep("--over", "penalty=log:1e-5:1e-1", "--trials", 4)
    assert (status, err) == (0, "")
    assert "4 finished; the best by validation accuracy" in out
    results = json.loads((tmp_path / "s" / "results.json").read_text())
    test = 100 * results["chosen"]["test"]["accuracy"]
    assert f"test {test:.2f} % (computed once, for this choice)" in out
    assert results["chosen"]["recipe"]["hidden"] == [8]
    assert (tmp_path / "s" / "chosen" / "parameters.safetensors").exists()


def test_damaged_settings_are_one_line(sweep, twingrad, tmp_path):
    sweep("--over", "penalty=0.1,0.01", "--sampler", "grid")
    file = tmp_path / "s" / "sweep.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"plan": None}))
    status, _, err = twingrad("sweep", "--resume", "--out", tmp_path / "s")
    assert status == 2
    assert "sweep.json: is damaged" in err
    assert err.count("\n") == 1


def test_where_no_trial_finishes_the_status_says_so(sweep):
    given = ["--eta-min", "1e30", "--eta-max", "1e30", "--no-batch-norm"]
    status, out, _ = sweep("--over", "penalty=0.1,0.01", "--sampler", "grid", *given)
    assert status == 1
    assert "no trial has finished" in out
    assert "the best" not in out


def test_folders_with_brackets_are_named_as_they_are(sweep, tmp_path):
    status, out, err = sweep("--over", "penalty=0.1,0.01", "--out", tmp_path / "[red]s")
    assert (status, err) == (0, "")
    assert "[red]s" in out


def test_json_for_machines(sweep):
    status, out, _ = sweep("--over", "hidden=8,6-5", "--sampler", "grid", "--json", "-")
    assert status == 0
    assert [t["parameters"]["hidden"] for t in json.loads(out)["trials"]] == ["8", "6-5"]


def test_quiet(sweep):
    assert sweep("--over", "seed=0..1", "--sampler", "grid", "--quiet") == (0, "", "")


def test_curves_are_an_option_that_the_folder_keeps(sweep, twingrad, tmp_path):
    assert sweep("--over", "penalty=0.1,0.01", "--sampler", "grid", "--curves")[0] == 0
    assert json.loads((tmp_path / "s" / "sweep.json").read_text())["curves"] is True
    trial = json.loads((tmp_path / "s" / "trials" / "0.json").read_text())
    assert all(epoch["training"] for epoch in trial["history"])
    assert twingrad("sweep", "--resume", "--out", tmp_path / "s")[0] == 0
    assert twingrad("sweep", "--resume", "--curves", "--out", tmp_path / "s")[0] == 0


def test_options_that_depend_on_what_is_searched(sweep):
    status, _, err = sweep("--over", "penalty=0.1,0.01", "--momentum", "0.5", "--trials", 1)
    assert (status, "--momentum has no effect with --optimizer sgd" in err) == (2, True)
    given = ["--over", "optimizer=sgd,momentum", "--momentum", "0.5", "--sampler", "grid"]
    assert sweep(*given)[0] == 0


def test_resume_needs_nothing_but_the_folder(sweep, twingrad, tmp_path):
    assert sweep("--over", "penalty=0.1,0.01", "--sampler", "grid")[0] == 0
    before = (tmp_path / "s" / "results.json").read_text()
    status, out, _ = twingrad("sweep", "--resume", "--out", tmp_path / "s")
    assert (status, "2 finished" in out) == (0, True)
    assert (tmp_path / "s" / "results.json").read_text() == before


def test_overwrite_removes_a_sweep_and_nothing_else(sweep, tmp_path):
    assert sweep("--over", "penalty=0.1,0.01", "--sampler", "grid")[0] == 0
    (tmp_path / "s" / "notes").write_text("mine")
    assert sweep("--over", "seed=0", "--sampler", "grid")[0] == 2
    assert sweep("--over", "seed=0", "--sampler", "grid", "--overwrite")[0] == 0
    results = json.loads((tmp_path / "s" / "results.json").read_text())
    assert [trial["parameters"] for trial in results["trials"]] == [{"seed": "0"}]
    assert (tmp_path / "s" / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--over", "penalty=0.1,0.02"], "another space"),
        (["--hidden", "9"], "another recipe, hidden"),
        (["--sampler", "random"], "another plan, sampler"),
        (["--backend", "torch"], "another --backend, manual and not torch"),
    ],
)
def test_resuming_as_something_else_is_refused(sweep, twingrad, tmp_path, given, said):
    assert sweep("--over", "penalty=0.1,0.01", "--sampler", "grid")[0] == 0
    status, _, err = twingrad("sweep", "--resume", "--out", tmp_path / "s", *given)
    assert status == 2
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "--over is missing"),
        (["--over", "penalty=log:0:1"], "a log range cannot begin at 0"),
        (["--over", "penalty=log:1:0.1"], "runs from high to low"),
        (["--over", "penalty=log:1:1"], "is empty"),
        (["--over", "lambda=1,2"], "is no field of a recipe"),
        (["--over", "seed=0..1", "--sampler", "best"], "--sampler is 'best'"),
        (["--over", "seed=0..1", "--stack", "0"], "--stack is 0"),
        (["--over", "seed=0..1", "--processes", "0"], "--processes is 0"),
        (["--over", "seed=0..1", "--storage", "here"], "is no address"),
        (["--over", "seed=0..1", "--preset", "four"], "--preset is 'four'"),
        (["--over", "seed=0..1", "--backend", "jax"], "--backend is 'jax'"),
        (["--over", "seed=0..1", "--backend", "torch", "--device", "tpu"], "--device is 'tpu'"),
        (["--over", "batch_size=50,500"], "only 400 training samples"),
        (["--over", "shift=0,32"], "need square images"),
        (["--over", "dropout=0,1"], "less than 1"),
        (["--resume"], "holds no sweep"),
    ],
)
def test_bad_input_is_one_line(sweep, tmp_path, given, said):
    small = [] if "--resume" in given else ["--hidden", "8", "--batch-size", "50"]
    status, _, err = sweep(*given, small=small)
    assert status == 2
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_interrupted_says_how_to_go_on(sweep, tmp_path, monkeypatch):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.search.Search.run", interrupt)
    status, out, _ = sweep("--over", "seed=0..1")
    assert status == 130
    assert f"twingrad sweep --resume --out {tmp_path / 's'}" in " ".join(out.split())


def test_a_full_disk_is_one_line(sweep, monkeypatch):
    def full(self, key, result):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sweeps.engine.records.Records.save", full)
    status, _, err = sweep("--over", "seed=0..1")
    assert status == 2
    assert "the disk is full" in err
    assert err.count("\n") == 1


def test_resume_without_a_folder(twingrad):
    status, _, err = twingrad("sweep", "--resume")
    assert (status, "needs --out" in err) == (2, True)
