"""Files whose inputs are small, so that batch norm enlarges rounding."""

import numpy as np

import manual_impl
import torch_impl
from compare.cases import Case, random_case
from compare.golden.golden_check import RELATIVE, judge_file
from compare.golden.golden_file import file_key, write_golden
from compare.reports.check_result import CheckResult
from twingrad.network import Network

WITNESSES = {"manual": manual_impl, "autograd": torch_impl}


def written(tmp_path, factor, change=lambda gradients: gradients):
    """A file with gradients in another order of the samples, inputs times a factor."""
    whole = random_case(Network(14, (14, 12), 10, "batch"), 9, penalty=0.1, seed=0)
    small = {"b1": factor * whole.parameters["b1"]}
    case = Case("c", whole.network, whole.parameters | small, factor * whole.X, whole.y, 0.1)
    path = tmp_path / "case.npz"
    write_golden(path, case)
    order = np.random.default_rng(1).permutation(9)
    found = manual_impl.gradients(
        case.network, case.parameters, case.X[order], case.y[order], penalty=0.1
    )
    with np.load(path) as file:
        values = dict(file)
    values |= {f"grad_{file_key(n)}": v for n, v in change(found).items() if n in case.parameters}
    np.savez(path, **values)
    (verdict,) = judge_file(path, WITNESSES)
    return verdict


def test_rounding_that_batch_norm_enlarges_is_no_disagreement(tmp_path):
    verdict = written(tmp_path, 1e-5)
    assert verdict.verdict == "agree"
    # without the unit 1/sqrt(v) the bias below batch norm alone would be beyond what is allowed
    assert max(t.max_abs for t in verdict.tensors if t.name == "grad_b_1") > RELATIVE


def test_a_change_beyond_it_is_still_found(tmp_path):
    def change(gradients):
        W = gradients["W1"].copy()
        W[3, 1] *= 1 + 1e-6
        return gradients | {"W1": W}

    verdict = written(tmp_path, 1e-4, change)
    wrong = {(t.name, t.worst_index) for t in verdict.tensors if t.verdict == "disagree"}
    assert wrong == {("grad_W_1", (3, 1))}


def test_a_difference_too_small_to_be_placed_is_said_to_be_one(tmp_path):
    def change(gradients):
        return gradients | {"W3": gradients["W3"] + 5e-12 * np.abs(gradients["W3"]).max()}

    verdict = written(tmp_path, 1.0, change)
    assert verdict.verdict == "disagree"
    assert any("too small to be placed" in said for said in CheckResult("t", (verdict,)).summary)
