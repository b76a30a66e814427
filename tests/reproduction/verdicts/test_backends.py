"""Made-up differences of the two backends.

The spread of 52 and 54 is sqrt(2), with one degree of freedom; t = 12.706205 makes the limit
12.706205 * sqrt(2) * sqrt(2) = 25.412409.
"""

import pytest

from reproduction.verdicts.backends import backend_differences
from tests.reproduction.made_up import results_of

HE, XAVIER = ("table3", "He"), ("table3", "Xavier")
SEEDS = [50, 52, 54]


def test_difference_is_other_less_main():
    (found,) = backend_differences(results_of({HE: SEEDS}, other={HE: 49.5})).differences
    assert (found.row, found.seed, found.difference) == ("He", 0, pytest.approx(-0.5))


def test_spread_leaves_out_the_seed_that_is_compared():
    (found,) = backend_differences(results_of({HE: [0, 52, 54]}, other={HE: 0})).differences
    assert (found.spread, found.freedom) == (pytest.approx(2**0.5), 1)


def test_limit_is_for_the_difference_of_two_seeds():
    (found,) = backend_differences(results_of({HE: SEEDS}, other={HE: 50})).differences
    assert found.limit == pytest.approx(25.412409, abs=1e-5)


@pytest.mark.parametrize(("other", "within"), [(75.4, True), (75.5, False), (24.5, False)])
def test_differences_are_held_against_the_limit(other, within):
    (found,) = backend_differences(results_of({HE: SEEDS}, other={HE: other})).differences
    assert found.within is within


def test_two_seeds_leave_no_spread():
    found = backend_differences(results_of({HE: [50, 52]}, other={HE: 51}))
    assert (found.judged, found.ratio) == (0, None)


def test_ratio_is_the_median_of_differences_over_those_of_two_seeds():
    # 1 / (sqrt(2) sqrt(2)) and 3 / (sqrt(2) sqrt(8)), whatever the sign
    results = results_of({HE: SEEDS, XAVIER: [50, 52, 56]}, other={HE: 49, XAVIER: 53})
    assert backend_differences(results).ratio == pytest.approx((0.5 + 0.75) / 2)


def test_ratio_limit_is_that_of_a_median_of_student_s_t():
    # of two values: Beta(3/2, 3/2) has 95 % below .9027, and tan(.9027 pi / 2) is
    # Student's t with one degree of freedom there
    results = results_of({HE: SEEDS, XAVIER: SEEDS}, other={HE: 51, XAVIER: 53})
    assert backend_differences(results).ratio_limit == pytest.approx(6.4913, abs=1e-3)


def test_bias_keeps_the_sign():
    # mean of 1/2 and -3/2; half the interval is 12.706205 * sqrt(2) / sqrt(2)
    results = results_of({HE: SEEDS, XAVIER: SEEDS}, other={HE: 51, XAVIER: 47})
    bias = backend_differences(results).bias
    assert (bias.value, bias.low) == pytest.approx((-0.5, -0.5 - 12.706205), abs=1e-5)


def test_settings_whose_seeds_do_not_differ_have_no_ratio():
    found = backend_differences(results_of({HE: [10, 10, 10]}, other={HE: 10}))
    assert (found.within, found.ratio, found.bias) == (1, None, None)


def test_one_training_of_two_cells_counts_once():
    same = ("table5", "1e-4 to 1e-1, no BN")
    results = results_of({HE: SEEDS, same: SEEDS}, other={HE: 51, same: 51})
    assert [found.experiment for found in backend_differences(results).differences] == ["table3"]


def test_trainings_are_compared_in_the_order_of_the_cells():
    results = results_of({XAVIER: SEEDS, HE: SEEDS}, other={XAVIER: 51, HE: 51})
    assert [found.row for found in backend_differences(results).differences] == ["Xavier", "He"]


def test_one_backend_alone_diverging_is_told():
    results = results_of({HE: SEEDS, XAVIER: [None, 52, 54]}, other={HE: 51, XAVIER: 53})
    assert [found.row for found in backend_differences(results).split] == ["Xavier"]


def test_without_the_other_backend_nothing_is_compared():
    found = backend_differences(results_of({HE: SEEDS}))
    assert (list(found.differences), found.ratio, found.bias) == ([], None, None)
