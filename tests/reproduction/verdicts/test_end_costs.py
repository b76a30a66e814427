"""Ends of made-up cost curves, beside those of the report."""

import pytest

from reproduction.pages.bands import published_figures
from reproduction.verdicts.end_costs import end_costs, signature
from tests.reproduction.made_up import EPOCHS, Told, results_of

HE, XAVIER = ("table3", "He"), ("table3", "Xavier")


def ending(*last: float, test: float | None = 50.0) -> Told:
    """A training whose cost curve ends so."""
    return Told(test=test, cost=(5.0,) * (EPOCHS - len(last)) + last)


def test_end_cost_is_relative_to_the_published_one():
    # Figure 10 ends at 2.86022; (2.9 + 3.0) / 2 = 2.95.
    (found,) = end_costs(results_of({HE: [ending(2.9), ending(3.0)]}), "specified")
    assert found.relative_difference == pytest.approx(2.95 / 2.86022 - 1)


@pytest.mark.parametrize(("ratio", "within"), [(1.019, True), (1.021, False), (0.979, False)])
def test_two_percent_are_asked(ratio, within):
    (found,) = end_costs(results_of({HE: [ending(2.86022 * ratio)]}), "specified")
    assert found.within is within


def test_shifted_curve_ends_an_epoch_early():
    place = ("baselines", "3 layers, no BN")
    (found,) = end_costs(results_of({place: [ending(2.0, 9.0)]}, "published"), "published")
    assert (found.epoch, found.cost.mean, found.cost.published) == (19, 2, 2.05432)


def test_diverged_training_has_no_end_cost():
    (found,) = end_costs(results_of({HE: [ending(2.9), ending(3.0, test=None)]}), "specified")
    assert (found.cost.n, found.cost.diverged) == (1, 1)


def test_trainings_cut_short_are_left_out():
    assert end_costs(results_of({HE: [Told(cost=(1.0, 1.0))]}), "specified") == []


def test_signature_is_paired_by_seed():
    told = {HE: [ending(3.0), ending(2.0)], XAVIER: [ending(2.5), ending(1.4), ending(9.0)]}
    found = signature(results_of(told, "published"), "published").difference
    assert (found.n, found.mean, found.published) == pytest.approx((2, 0.55, 0.51617))


@pytest.mark.parametrize(
    ("reading", "difference", "shown"),
    [
        ("published", 0.56, True),
        ("published", 0.46, False),
        ("specified", 0.015, True),
        ("specified", 0.025, False),
    ],
)
def test_signature_asks_another_difference_of_each_reading(reading, difference, shown):
    told = {HE: [ending(1 + difference)], XAVIER: [ending(1.0)]}
    assert signature(results_of(told, reading), reading).shown is shown


def test_signature_without_trainings_is_not_decided():
    assert signature(results_of({}), "published").shown is None


def test_where_the_published_curve_is_furthest_from_ours():
    published = published_figures()["fig10_He_noBN"]["cost"]["training"]
    cost = list(published)
    cost[6] -= 0.25  # of epoch 7: after 3150 updates
    results = results_of({("table3", "He"): [Told(cost=cost)] * 2}, "published")
    (found,) = end_costs(results, "published")
    furthest = found.furthest["cost"]
    assert (furthest.difference, furthest.update) == (pytest.approx(0.25), 3150)
