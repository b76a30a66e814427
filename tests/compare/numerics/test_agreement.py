import numpy as np

from compare.numerics.agreement import judge


def test_worst_index_and_both_values_are_those_of_the_changed_entry():
    expected = np.arange(1.0, 13.0).reshape(3, 4)
    actual = expected.copy()
    actual[1, 2] *= 1 + 1e-6
    verdict = judge("W1", "witness", expected, actual, relative=1e-11)
    assert verdict.verdict == "disagree"
    assert verdict.worst_index == (1, 2)
    assert verdict.expected == 7.0
    assert abs(verdict.actual - 7.000007) < 1e-12
    assert abs(verdict.max_abs - 7e-6) < 1e-12
    assert abs(verdict.max_rel - 7e-6 / 12) < 1e-12


def test_relative_is_to_the_tensor_and_absolute_is_not():
    expected, actual = np.array([1e6, 0.0]), np.array([1e6, 1e-6])
    assert judge("a", "w", expected, actual, relative=1e-11).verdict == "agree"
    assert judge("a", "w", expected, actual, absolute=1e-11).verdict == "disagree"


def test_entrywise_finds_a_small_entry_that_the_tensor_hides():
    expected = np.array([1.0, 1e-6])
    actual = np.array([1.0, 1e-6 * (1 + 1e-6)])
    assert judge("a", "w", expected, actual, relative=1e-11).verdict == "agree"
    found = judge("a", "w", expected, actual, relative=1e-13, entrywise=1e-10)
    assert (found.verdict, found.worst_index) == ("disagree", (1,))


def test_nan_and_infinity_agree_with_nothing():
    for bad in (np.nan, np.inf):
        verdict = judge("a", "w", np.array([1.0, 2.0]), np.array([1.0, bad]), relative=1.0)
        assert verdict.verdict == "disagree"
        assert verdict.worst_index == (1,)
        assert verdict.as_json()["actual"] in ("nan", "inf")
    assert judge("a", "w", np.array([np.nan]), np.array([np.nan]), relative=1.0).verdict == (
        "disagree"
    )


def test_zeros_agree_with_zeros():
    verdict = judge("a", "w", np.zeros(3), np.zeros(3), relative=1e-11)
    assert (verdict.verdict, verdict.max_abs, verdict.max_rel) == ("agree", 0.0, None)
