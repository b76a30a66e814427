"""Gains, intervals, and the twins' difference."""

import pytest
from scipy import stats

from reproduction.beyond.gains import gain, start_stands, twins, word
from reproduction.beyond.rung_results import LadderResults, RungResult


def result(test, key="r", training="r", other=(), **fields):
    values = {
        "key": key,
        "title": key,
        "against": "start",
        "group": "alone",
        "label": "",
        "training": training,
        "evaluation": "last",
        "options": ["--seed", "0"],
        "tried": {"": 50.0},
        "training_accuracies": [60.0] * len(test),
        "validation": [50.0] * len(test),
        "test": test,
        "curve": [40.0, 50.0],
        "processor_seconds": [60.0] * len(test),
        "processor": "P",
        "epochs": 20,
        "other_test": other,
        "check": {"gradients apart": 1e-15, "updates apart": 1e-13},
    }
    return RungResult(**{**values, **fields})


def test_the_gain_of_independent_trainings_is_welchs():
    a, b = [55.0, 55.4, 55.9, 54.8], [53.0, 53.1, 53.4]
    interval = gain(result(a), result(b, training="other"))
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_the_gain_of_another_evaluation_is_by_seed():
    a, b = [55.1, 57.1, 53.2], [55.0, 57.0, 53.0]
    interval = gain(result(a), result(b))
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.high < 0.5  # the seeds themselves are 4 points apart


def test_a_gain_counts_if_its_interval_excludes_nothing():
    base = result([50.0, 50.1, 49.9], training="b")
    assert word(gain(result([52.0, 52.1, 52.2]), base)) == "helps"
    assert word(gain(result([48.0, 48.1, 48.2]), base)) == "harms"
    assert word(gain(result([49.0, 50.1, 51.2]), base)) == "not decided"
    assert word(gain(result([90.0]), base)) == "not decided"


def test_twins_may_differ_as_two_seeds_do():
    seeds = [50.0, 51.0, 52.0]  # sd 1
    limit = stats.t.ppf(0.975, 2) * 2**0.5
    close, far = twins(result(seeds, other=[50 + limit - 0.01])), twins(result(seeds, other=[57.0]))
    assert close.limit == pytest.approx(limit)
    assert close.alike
    assert not far.alike
    assert twins(result(seeds)) is None


def test_seeds_after_the_first_decide_where_those_were_apart():
    seeds, other = [50.0, 51.0, 52.0, 51.5], [59.0, 53.0, 51.5, 52.5]
    expected = stats.ttest_ind(other[1:], seeds[1:], equal_var=False).confidence_interval(0.95)
    pair = twins(result(seeds, other=other))
    assert pair.seeds == "1 to 3 (0: +9.00)"
    assert pair.difference == pytest.approx(2.5 / 3)
    assert pair.difference + pair.limit == pytest.approx(expected.high)
    assert pair.alike
    assert not twins(result(seeds, other=other[:1])).alike


def test_the_reports_run_lies_within_one_run_of_ours_or_not():
    def stands(test):
        return start_stands(LadderResults({"start": result(test)}, {}, {}))

    assert stands([55.0, 55.3, 55.6]) is True
    assert stands([50.0, 50.1, 50.2]) is False
    assert start_stands(LadderResults({}, {}, {})) is None
