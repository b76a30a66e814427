"""Verdicts on made-up numbers; expected values are worked out by hand.

Of 50, 52 and 54 the mean is 52 and sd 2; with t = 4.302653 of 2 degrees of freedom the prediction
interval is 52 +- 4.302653 * 2 * sqrt(4/3) = 52 +- 9.936551.
"""

import math

import pytest

from reproduction.published.cells import chosen
from reproduction.verdicts.judgement import (
    judge,
    mean_interval,
    paired,
    published_test_accuracies,
    verdicts,
)
from tests.reproduction.made_up import Told, results_of, row_of

THREE = [50.0, 52.0, 54.0]
HALF = 9.936551


def test_mean_and_sd_divide_by_n_minus_1():
    verdict = judge(THREE, None)
    assert (verdict.n, verdict.mean, verdict.sd) == (3, 52, 2)


def test_interval_is_for_one_further_run():
    verdict = judge(THREE, None)
    assert (verdict.low, verdict.high) == pytest.approx((52 - HALF, 52 + HALF), abs=1e-6)


@pytest.mark.parametrize(
    ("published", "stands"),
    [(52 + HALF - 1e-4, True), (52 + HALF + 1e-4, False), (52 - HALF - 1e-4, False)],
)
def test_published_number_stands_up_to_the_edge(published, stands):
    assert judge(THREE, published).stands is stands


def test_edge_itself_belongs_to_the_interval():
    assert judge([53.0, 53.0], 53.0).stands is True


def test_distance_is_in_standard_deviations():
    assert judge(THREE, 49.0).distance == -1.5


def test_distance_needs_a_spread():
    assert judge([53.0, 53.0], 54.0).distance is None


def test_one_seed_gives_no_interval():
    verdict = judge([50.0], 50.0)
    assert (verdict.mean, verdict.sd, verdict.stands) == (50, None, None)


def test_nothing_published_cannot_stand():
    assert judge(THREE, None).stands is None


def test_diverged_seeds_are_counted_and_left_out():
    verdict = judge([50.0, None, 54.0], 50.0)
    assert (verdict.n, verdict.diverged, verdict.mean) == (2, 1, 52)


def test_all_diverged_gives_no_mean():
    assert judge([None, None], 50.0).mean is None


def test_mean_interval_is_student_s():
    # 4.302653 * 2 / sqrt(3) = 4.968276
    found = mean_interval(THREE)
    assert (found.low, found.high) == pytest.approx((52 - 4.968276, 52 + 4.968276), abs=1e-6)


def test_mean_interval_takes_two_values():
    assert mean_interval([1.0]) is None


def test_verdicts_are_in_percent():
    results = results_of({("table3", "He"): [Told(50, 60), Told(54, 66)]})
    (table3,) = chosen(["table3"])
    found = verdicts(results, table3, row_of("table3", "He"), "specified")
    assert (found["test"].mean, found["training"].mean) == pytest.approx((52, 63))


def test_verdicts_are_of_one_reading():
    results = results_of({("table3", "He"): [50]}, "published")
    (table3,) = chosen(["table3"])
    assert verdicts(results, table3, row_of("table3", "He"), "specified")["test"].n == 0


def test_training_accuracy_is_judged_where_the_report_prints_it():
    (table5,) = chosen(["table5"])
    assert list(verdicts(results_of({}), table5, table5.rows[0], "specified")) == ["test"]


def test_report_has_41_test_accuracies():
    assert len(published_test_accuracies(results_of({}), "published")) == 41


def test_accuracies_that_were_not_run_are_not_judged():
    results = results_of({("table3", "He"): [53, 54]})
    found = published_test_accuracies(results, "specified")
    judged = [row.label for _, row, verdict in found if verdict.stands is not None]
    assert judged == ["He"]


def test_pairs_are_of_one_seed_and_complete():
    results = results_of(
        {("table3", "He"): [1, None, 3, 4], ("table3", "Xavier"): [10, 20, 30]},
    )
    places = [("table3", "He"), ("table3", "Xavier")]
    found = paired(results, "specified", places, lambda trained: trained.test_accuracy)
    assert found.tolist() == [pytest.approx([1, 10]), pytest.approx([3, 30])]


def test_nothing_in_common_gives_no_pairs():
    results = results_of({("table3", "He"): [1, 2]})
    places = [("table3", "He"), ("table3", "Xavier")]
    assert paired(results, "specified", places, lambda _: math.pi).shape == (0, 2)
