"""`twingrad golden new`, gradients added by other code, and `check --golden`."""

import json

import numpy as np
import pytest
import scipy.io

from compare.golden.golden_file import read_golden, to_case
from tests.compare.written_out import written_out


def load(path):
    return dict(np.load(path)) if path.suffix == ".npz" else scipy.io.loadmat(path)


def save(path, values):
    values = {key: value for key, value in values.items() if not key.startswith("__")}
    if path.suffix == ".npz":
        np.savez(path, **values)
    else:
        scipy.io.savemat(path, values)


def with_gradients(path, wrong="", at=0):
    """Runs a student's code on the file, and adds what it gives."""
    (golden,) = read_golden(path)
    found = written_out(to_case(golden), wrong, at)
    added = {"P": found["forward p"].T, "J": found["forward cost"]}
    for name, value in found.items():
        if " " not in name:
            kind = name.rstrip("0123456789")
            key = f"grad_{kind}_{name[len(kind) :]}"
            added[key] = value if value.ndim == 2 else value[:, None]
    save(path, load(path) | added)


@pytest.fixture(params=[".npz", ".mat"])
def file(request, tmp_path):
    return tmp_path / f"case{request.param}"


def new(twingrad, file, *options):
    return twingrad("golden", "new", "--out", file, "--batch-norm", "--hidden", "6,5", *options)


def test_inputs_are_written_in_columns(twingrad, file):
    status, out, _ = new(twingrad, file, "--inputs", "7", "--samples", "9", "--penalty", "0.2")
    values = load(file)
    assert status == 0
    assert values["X"].shape == (7, 9)
    assert values["Y"].shape == (10, 9)
    assert (values["Y"].argmax(axis=0) + 1 == values["y"].reshape(-1)).all()
    assert values["W_1"].shape == (6, 7)
    assert values["gamma_2"].shape == (5, 1)
    assert float(np.squeeze(values["lam"])) == 0.2
    assert "grad_W_1" in out
    assert "grad_beta_2" in out
    assert f"twingrad check --golden {file}" in out


def test_right_gradients_agree(twingrad, file):
    new(twingrad, file)
    with_gradients(file)
    status, out, _ = twingrad("check", "--golden", file, "--json", "-")
    report = json.loads(out)
    assert (status, report["verdict"]) == (0, "agree")
    judged = {t["name"] for t in report["cases"][0]["tensors"]}
    assert {"P", "J", "grad_W_1", "grad_gamma_2", "grad_b_3"} <= judged


def test_wrong_gradients_are_diagnosed(twingrad, file):
    new(twingrad, file)
    with_gradients(file, "mean's term missing", 2)
    status, out, _ = twingrad("check", "--golden", file, "--json", "-")
    (case,) = json.loads(out)["cases"]
    assert status == 1
    (best, *_) = case["diagnosis"]
    assert (best["fault"], best["layer"]) == ("mean's term missing", 2)


def test_a_file_without_gradients_says_what_is_missing(twingrad, file):
    new(twingrad, file)
    status, _, err = twingrad("check", "--golden", file)
    assert status == 2
    assert "grad_W_1 is missing" in err
    assert err.count("\n") == 1


def test_the_seed_decides(twingrad, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        new(twingrad, tmp_path / f"{name}.npz", "--seed", seed)
    a, b, c = (load(tmp_path / f"{name}.npz") for name in "abc")
    np.testing.assert_array_equal(a["W_1"], b["W_1"])
    assert np.abs(a["W_1"] - c["W_1"]).max() > 0.1


def test_a_file_is_kept_unless_asked(twingrad, file):
    new(twingrad, file)
    before = file.read_bytes()
    status, _, err = new(twingrad, file, "--seed", "5")
    assert (status, file.read_bytes()) == (2, before)
    assert "exists; give --overwrite" in err
    assert new(twingrad, file, "--seed", "5", "--overwrite")[0] == 0
    assert file.read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "case.txt"], "but expected .npz or .mat"),
        (["--out", "none/case.npz"], "cannot be written"),
        (["--out", "case.npz", "--hidden", "a"], "--hidden is 'a'"),
        (["--out", "case.npz", "--samples", "0"], "--samples is 0"),
        (["--out", "case.npz", "--batch-norm", "--samples", "1"], "--samples is 1"),
        (["--out", "case.npz", "--inputs", "0"], "inputs is 0"),
        (["--out", "case.npz", "--penalty", "-1"], "--penalty is -1"),
        (["--out", "case.npz", "--penalty", "nan"], "--penalty is nan"),
        (["--out", "case.npz", "--seed", "-1"], "--seed is -1"),
        ([], "--out"),
    ],
)
def test_bad_options_exit_2_in_one_line(twingrad, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    status, out, err = twingrad("golden", "new", *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
