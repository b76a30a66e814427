import json
from pathlib import Path

import numpy as np
import pytest

import manual_impl.layers

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def test_agreement_exits_0_and_writes_the_design_s_json(twingrad):
    status, out, err = twingrad("check", "--hidden", "6,5", "--json", "-")
    report = json.loads(out)
    assert (status, report["verdict"]) == (0, "agree")
    (case,) = report["cases"]
    assert (case["first_fault"], case["diagnosis"]) == (None, [])
    assert {t["witness"] for t in case["tensors"]} == {
        "autograd",
        "complex step",
        "central differences",
    }
    assert "verdict: agree" in err


def test_a_planted_fault_exits_1_and_is_named(twingrad, monkeypatch):
    right = manual_impl.layers.ReLU.backward

    def wrong(self, s, run):
        return run.gradients["x1"] if self.output == "x1" else right(self, s, run)

    monkeypatch.setattr(manual_impl.layers.ReLU, "backward", wrong)
    status, out, _ = twingrad("check", "--hidden", "6,5", "--no-batch-norm", "--json", "-")
    report = json.loads(out)
    assert (status, report["verdict"]) == (1, "disagree")
    assert report["cases"][0]["first_fault"] == {"tensor": "s1", "pass": "backward"}


def test_golden_files_and_a_changed_entry(twingrad, tmp_path):
    assert twingrad("check", "--golden", GOLDEN / "trajectories.npz", "--quiet")[0] == 0
    prefix = "k2_bn_d10_n7_lam0/"
    with np.load(GOLDEN / "cases.npz") as file:
        values = {k.removeprefix(prefix): file[k] for k in file.files if k.startswith(prefix)}
    values["grad_W_2"][3, 1] *= 1 + 1e-6
    np.savez(tmp_path / "changed.npz", **values)
    status, out, _ = twingrad("check", "--golden", tmp_path / "changed.npz", "--json", "-")
    wrong = [t for t in json.loads(out)["cases"][0]["tensors"] if t["verdict"] == "disagree"]
    assert status == 1
    assert {(t["name"], tuple(t["worst_index"])) for t in wrong} == {("grad_W_2", (3, 1))}


def test_random_architectures(twingrad):
    status, out, _ = twingrad("check", "--random", "3", "--seed", "5")
    assert status == 0
    assert "3 networks" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--hidden", "0"], "hidden size is 0"),
        (["--hidden", "a,b"], "--hidden is 'a,b'"),
        (["--hidden", "5", "--samples", "1"], "--samples is 1"),
        (["--golden", "nowhere.npz"], "nowhere.npz"),
        (["--random", "0"], "--random is 0"),
        (["--hidden", "5", "--random", "2"], "give one"),
        (["--seed", "-1"], "--seed is -1"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_input_exits_2_in_one_line(twingrad, arguments, says):
    status, out, err = twingrad("check", *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
