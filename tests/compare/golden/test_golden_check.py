import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

import manual_impl
import torch_impl
from compare.golden import golden_file
from compare.golden.golden_check import judge_file
from twingrad.errors import UserError

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
WITNESSES = {"manual": manual_impl, "autograd": torch_impl}
CASE = "k3_bn_d10_n7_lam0.005"


def judge(path):
    return list(judge_file(path, WITNESSES))


def case_values():
    with np.load(GOLDEN / "cases.npz") as file:
        return {k.split("/")[1]: file[k] for k in file.files if k.startswith(f"{CASE}/")}


def write(folder, values, name="one.npz"):
    path = folder / name
    if name.endswith(".mat"):
        scipy.io.savemat(path, values)
    else:
        np.savez(path, **values)
    return path


@pytest.mark.parametrize(("file", "cases"), [("cases.npz", 54), ("trajectories.npz", 2)])
def test_every_case_of_the_independent_implementation_agrees(file, cases):
    verdicts = judge(GOLDEN / file)
    assert len(verdicts) == cases
    assert [v.name for v in verdicts if v.verdict == "disagree"] == []
    assert all(v.not_judged == () for v in verdicts)


@pytest.mark.parametrize("key", ["grad_W_1", "grad_W_3", "grad_gamma_2", "P", "J", "mu_1", "v_2"])
def test_one_entry_changed_by_a_millionth_is_found(tmp_path, key):
    values = case_values()
    changed = values[key].copy()
    index = (0,) * changed.ndim
    changed[index] *= 1 + 1e-6
    (verdict,) = judge(write(tmp_path, values | {key: changed}))
    assert verdict.verdict == "disagree"
    wrong = [t for t in verdict.tensors if t.verdict == "disagree"]
    assert {t.name for t in wrong} == {key}
    assert {t.witness for t in wrong} == {"manual", "autograd"}
    assert all(not any(t.worst_index) for t in wrong)
    assert verdict.first_fault["tensor"] == key


def test_the_published_defect_is_found(tmp_path):
    with np.load(GOLDEN / "cases.npz") as file:
        prefix = "k3_nobn_d24_n7_lam0.005/"
        values = {k.removeprefix(prefix): file[k] for k in file.files if k.startswith(prefix)}
    values["grad_W_1"] = values["grad_W_1_author_raw"]
    (verdict,) = judge(write(tmp_path, values))
    assert verdict.first_fault == {"tensor": "grad_W_1", "pass": "backward"}


def test_mat_files_and_structs_are_read_like_npz(tmp_path):
    values = case_values()
    (flat,) = judge(write(tmp_path, values, "flat.mat"))
    structs = {"case_a": values, "case_b": values}
    nested = judge(write(tmp_path, structs, "structs.mat"))
    assert (flat.name, flat.verdict) == ("flat", "agree")
    assert [(v.name, v.verdict) for v in nested] == [("case_a", "agree"), ("case_b", "agree")]


def test_what_a_file_does_not_hold_is_not_judged_and_said(tmp_path):
    values = {k: v for k, v in case_values().items() if k not in ("grad_b_1", "P")}
    (verdict,) = judge(write(tmp_path, values))
    assert verdict.verdict == "agree"
    assert verdict.not_judged == ("P", "grad_b_1")


def without(values, *keys):
    return {k: v for k, v in values.items() if k not in keys}


def broken(key, value):
    def change(values):
        return values | {key: value(values[key])}

    return change


def set_first(value):
    def change(array):
        array = array.copy()
        array.flat[0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (broken("grad_W_1", set_first(np.nan)), "grad_W_1 holds nan at [0, 0]"),
        (broken("X", set_first(np.inf)), "X holds inf at [0, 0]"),
        (broken("W_2", lambda W: W[:, :-1]), "W_2 has shape"),
        (broken("b_1", lambda b: b[:-1]), "b_1 has shape"),
        (broken("Y", lambda Y: Y[:, :-1]), "Y has shape"),
        (broken("Y", lambda Y: Y * 2), "Y is not one-hot"),
        (broken("grad_W_1", lambda g: g.T), "grad_W_1 has shape"),
        (broken("X", lambda X: X.astype("U5")), "X has dtype"),
        (lambda v: without(v, "W_1"), "W_1 is missing"),
        (lambda v: without(v, "lam"), "lam is missing"),
        (lambda v: without(v, "gamma_1"), "gamma_1 is missing"),
        (lambda v: v | {"X": v["X"][:, :1], "Y": v["Y"][:, :1]}, "batch norm needs at least 2"),
    ],
)
def test_bad_cases_are_named_with_file_and_key(tmp_path, change, says):
    path = write(tmp_path, change(case_values()))
    with pytest.raises(UserError) as caught:
        judge(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path):
    whole = (GOLDEN / "cases.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.mat").write_bytes(b"MATLAB 5.0" + bytes(range(256)))
    (tmp_path / "case.txt").write_text("W_1 = 3")
    np.savez(tmp_path / "object.npz", W_1=np.array([{}], dtype=object))
    for name in ("half.npz", "noise.mat", "case.txt", "object.npz", "missing.npz"):
        with pytest.raises(UserError, match=name):
            judge(tmp_path / name)


def test_a_trajectory_with_a_changed_update_is_found(tmp_path):
    prefix = "traj_bn_formula_shuffled/"
    with np.load(GOLDEN / "trajectories.npz") as file:
        values = {k.removeprefix(prefix): file[k] for k in file.files if k.startswith(prefix)}
    batch_J = values["batch_J"].copy()
    batch_J[17] *= 1 + 1e-6
    (verdict,) = judge(write(tmp_path, values | {"batch_J": batch_J}))
    wrong = [t for t in verdict.tensors if t.verdict == "disagree"]
    assert {(t.name, t.worst_index) for t in wrong} == {("batch_J", (17,))}
    with pytest.raises(UserError, match="inds spans"):
        judge(write(tmp_path, values | {"inds": values["inds"] + 400}))


def test_what_is_not_a_collection_of_arrays_is_one_line(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match=r"single array"):
        judge(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("W_1", "text")
    with pytest.raises(UserError, match="'W_1' is not an array"):
        judge(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("X.npy", b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 15 + b"\n")
    with pytest.raises(UserError, match=r"cannot be read as \.npz"):
        judge(path)
    monkeypatch.setattr(golden_file, "MAX_BYTES", 100)
    write(tmp_path, case_values())
    with pytest.raises(UserError, match="expected at most 100"):
        judge(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_files_are_measured_before_they_are_unpacked(tmp_path, compressed):
    zeros = np.zeros((300, 1000))
    scipy.io.savemat(tmp_path / "a.mat", {"X": zeros, "Y": zeros}, do_compression=compressed)
    with (tmp_path / "a.mat").open("rb") as file:
        total = sum(golden_file.unpacked_sizes(file))
    assert 2 * zeros.nbytes < total < 2 * zeros.nbytes + 200


def test_a_matlab_file_that_unpacks_to_too_much_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(golden_file, "MAX_BYTES", 2_000_000)
    scipy.io.savemat(tmp_path / "a.mat", {"X": np.zeros((300, 1000))}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 10_000
    with pytest.raises(UserError, match="unpacks to more than 2000000 bytes"):
        judge(tmp_path / "a.mat")


def test_sparse_matrices_and_empty_structs_are_one_line(tmp_path):
    sparse = {**case_values(), "W_1": scipy.sparse.csc_matrix(case_values()["W_1"])}
    with pytest.raises(UserError, match="'W_1' is sparse"):
        judge(write(tmp_path, sparse, "sparse.mat"))
    empty = {"c": np.zeros((0,), dtype=[("X", "O")])}
    with pytest.raises(UserError, match="'c' is an empty struct"):
        judge(write(tmp_path, empty, "empty.mat"))
