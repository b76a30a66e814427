import numpy as np
import pytest

import manual_impl
import torch_impl
from compare.cases import random_case, standard_cases
from compare.diagnosis.catalogue import right_values
from compare.numerics.precision import (
    MARGIN,
    ROUNDINGS,
    check_low_precision,
    distance_to_kink,
    judge_low_precision,
    rounded,
    smooth_case,
    values_in,
    witnessed_errors,
)
from twingrad.network import Network

NETWORK = Network(10, (8, 7), 10, normalization="batch")

STANDARD = list(standard_cases(0))


def smooth(dtype="float32", network=NETWORK, samples=20):
    return smooth_case(network, samples, penalty=0.1, seed=3, dtype=dtype)


def judged(case, dtype, found, witness=torch_impl):
    return {t.name: t for t in judge_low_precision(case, dtype, found, {"autograd": witness})}


def wrong(verdicts):
    return {name for name, tensor in verdicts.items() if tensor.verdict == "disagree"}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("standard", STANDARD, ids=lambda case: case.name)
def test_both_implementations_pass(dtype, standard):
    case = smooth_case(
        standard.network, len(standard.y), penalty=standard.penalty, seed=0, dtype=dtype
    )
    by_hand, autograd = check_low_precision(case, dtype, manual_impl, torch_impl)
    assert by_hand.name.endswith("by hand")
    assert wrong({t.name: t for t in by_hand.tensors}) == set()
    assert wrong({t.name: t for t in autograd.tensors}) == set()
    # gradients by hand in this dtype are not those of float64
    assert max(t.max_abs for t in by_hand.tensors) > ROUNDINGS[dtype] / 10


@pytest.fixture(scope="module", params=["float32", "float16"])
def low(request):
    """A case with what the implementation by hand gives in a low precision."""
    case = smooth(request.param)
    return case, request.param, values_in(manual_impl, case, request.param)


@pytest.mark.parametrize("name", ["W1", "W3", "gamma2", "s_hat1", "forward p", "forward cost"])
def test_an_error_a_hundred_times_the_other_s_fails(low, name):
    case, dtype, found = low
    allowed = witnessed_errors(case, dtype, [torch_impl])[name]
    exact = right_values(case)[name]
    off = exact + 100 * allowed
    assert wrong(judged(case, dtype, found | {name: off})) == {name}


@pytest.mark.parametrize("name", ["W1", "gamma2", "forward p"])
def test_an_error_of_ten_times_the_other_s_passes(low, name):
    case, dtype, found = low
    allowed = witnessed_errors(case, dtype, [torch_impl])[name]
    off = right_values(case)[name] + 10 * allowed
    assert wrong(judged(case, dtype, found | {name: off})) == set()


def test_the_rule_is_stated_with_its_numbers(low):
    case, dtype, found = low
    tensor = judged(case, dtype, found)["W2"]
    error = witnessed_errors(case, dtype, [torch_impl])["W2"]
    assert tensor.note == f"error of autograd in {dtype}: {error:.1e}"
    assert (tensor.witness, tensor.scale) == ("float64", "absolute")
    assert tensor.tolerance == pytest.approx(MARGIN * error)


def test_the_tolerance_is_the_dtype_s_own():
    errors = {
        dtype: witnessed_errors(smooth(dtype), dtype, [torch_impl])
        for dtype in ("float32", "float16")
    }
    ratio = errors["float16"]["W1"] / errors["float32"]["W1"]
    # 2^13 from one dtype's rounding to the other's, and luck
    assert 2**10 < ratio < 2**16


def test_a_missing_penalty_is_caught_in_either_precision(low):
    case, dtype, found = low
    missing = found["W2"] - 2 * case.penalty * case.parameters["W2"]
    assert wrong(judged(case, dtype, found | {"W2": missing})) == {"W2"}


def test_a_sum_over_all_samples_but_one_is_caught(low):
    case, dtype, found = low
    exact = right_values(case)
    assert wrong(judged(case, dtype, found | {"b3": exact["s3"][:-1].sum(axis=0)})) == {"b3"}


def test_a_sum_in_half_precision_is_no_float32():
    case = smooth()
    found = values_in(manual_impl, case, "float32")
    halved = found["W1"].astype(np.float16).astype(float)
    assert wrong(judged(case, "float32", found | {"W1": halved})) == {"W1"}


def test_a_value_that_is_not_finite_fails(low):
    case, dtype, found = low
    for value in (np.nan, np.inf):
        changed = found["W1"].copy()
        changed[0, 0] = value
        assert wrong(judged(case, dtype, found | {"W1": changed})) == {"W1"}


def test_the_first_wrong_tensor_is_the_fault_of_the_case():
    case = smooth()

    def gradients(network, parameters, X, y, *, penalty):
        return torch_impl.gradients(network, parameters, X, y, penalty=0)

    broken = type("Broken", (), {"forward": staticmethod(torch_impl.forward)})
    broken.gradients = staticmethod(gradients)
    _, autograd = check_low_precision(case, "float32", manual_impl, broken)
    assert (autograd.verdict, autograd.first_fault["pass"]) == ("disagree", "backward")
    assert wrong({t.name: t for t in autograd.tensors}) == {"W1", "W2", "W3"}


def test_what_is_zero_in_theory_is_said_to_be(low):
    case, dtype, found = low
    assert "zero in theory" in judged(case, dtype, found)["b1"].note


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_inputs_are_rounded_once_for_all(dtype):
    case = rounded(random_case(NETWORK, 20, penalty=0.1, seed=3), dtype)
    for value in (case.X, *case.parameters.values()):
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value.astype(dtype).astype(float), value)


def test_a_smooth_case_keeps_clear_of_the_kinks():
    found = smooth("float16", Network(10, (6,), 10, normalization="batch"), 8)
    assert distance_to_kink(found) > 64 * ROUNDINGS["float16"]
    assert distance_to_kink(smooth(network=Network(10, (), 10))) == 1


def test_in_bfloat16_autograd_is_judged_by_one_rounding_a_step():
    case = smooth("bfloat16")
    (autograd,) = check_low_precision(case, "bfloat16", manual_impl, torch_impl)
    assert (autograd.name.rpartition(", ")[2], autograd.verdict) == ("autograd", "agree")
    assert max(t.max_abs for t in autograd.tensors) > ROUNDINGS["bfloat16"] / 10
    assert "error of one rounding a step in bfloat16" in autograd.tensors[0].note


def test_a_wrong_sum_is_caught_in_bfloat16():
    case = smooth("bfloat16")
    found = values_in(torch_impl, case, "bfloat16")
    # the largest entry doubled: no rounding of a step is so large
    worst = np.unravel_index(np.abs(found["W3"]).argmax(), found["W3"].shape)
    found["W3"][worst] *= 2
    verdicts = {t.name: t for t in judge_low_precision(case, "bfloat16", found, {})}
    assert wrong(verdicts) == {"W3"}
