import numpy as np
import pytest

from twingrad.range_test import judge_range

RATES = np.geomspace(1e-6, 10, 700)  # 100 updates a decade


def logistic(x):
    return 1 / (1 + np.exp(-x))


def noisy(costs, sd=0.05):
    return costs + sd * np.random.default_rng(0).standard_normal(len(costs))


def typical():
    """Flat at 2.3, steepest at 1e-3, lowest between 1e-2 and 1e-1, twice its start at 0.5."""
    decades = np.log10(RATES)
    fall = -1.0 * logistic((decades + 3) / 0.25)
    rise = 2.3 * logistic((decades - 0) / 0.1)
    return 2.3 + fall + rise


@pytest.mark.parametrize("costs", [typical(), noisy(typical())], ids=["exact", "noisy"])
def test_a_typical_course(costs):
    found = judge_range(RATES, costs)
    # within a tenth of a decade without noise; the noise moves a slope by about as much
    assert abs(np.log10(found.falls_fastest) + 3) < 0.2
    # without noise from the minimum, where fall and rise balance: about 0.05; with noise from where
    # the rise is clear of it, 1 % of itself half a decade before its middle at 1
    assert 0.03 < found.rises_from < 0.7


def test_without_a_rise():
    found = judge_range(RATES, noisy(2.3 - logistic((np.log10(RATES) + 1) / 0.25)))
    assert abs(np.log10(found.falls_fastest) + 1) < 0.2
    assert found.rises_from is None


def test_noise_alone_shows_nothing():
    found = judge_range(RATES, noisy(np.full(700, 2.3)))
    assert (found.falls_fastest, found.rises_from) == (None, None)


def test_a_rise_alone():
    found = judge_range(RATES, noisy(2.3 + 2.3 * logistic((np.log10(RATES) + 1) / 0.1)))
    assert found.falls_fastest is None
    assert 1e-2 < found.rises_from < 1e-1


def test_what_follows_an_explosion_does_not_count():
    costs = typical()
    exploded = RATES > 2
    costs[exploded] = 1e9
    costs[RATES > 5] = 0.1  # lower than ever, but out of reach for a training
    found = judge_range(RATES, noisy(costs))
    assert 0.1 < found.rises_from < 0.7
    assert found.costs.max() < 5
    assert len(found.smoothed) < 700 - (RATES > 5).sum()


def test_too_few_updates_to_tell():
    found = judge_range(RATES[:19], np.linspace(3, 1, 19))
    assert (found.falls_fastest, found.rises_from) == (None, None)
    assert found.smoothed.tolist() == found.costs.tolist()
