import numpy as np
import pytest

from tests.support import golden
from twingrad.schedule import learning_rates, stale_rates

GOLDEN = golden("learning_rates.npz")


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_learning_rates(name):
    T, n_s, eta_min, eta_max = GOLDEN[name]["params"]
    found = learning_rates(int(T), int(n_s), eta_min, eta_max)
    # a few roundings of rates up to 0.1
    np.testing.assert_allclose(found, GOLDEN[name]["formula"], atol=1e-15, rtol=0)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_published_loop_differs_at_the_cycles_ends_alone(name):
    T, n_s, eta_min, eta_max = GOLDEN[name]["params"]
    found = learning_rates(int(T), int(n_s), eta_min, eta_max)
    differ = np.flatnonzero(np.abs(found - GOLDEN[name]["author"]) > 1e-12) + 1
    assert differ.tolist() == [2 * n_s, 4 * n_s]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_stale_rate_is_the_published_loop(name):
    T, n_s, eta_min, eta_max = GOLDEN[name]["params"]
    found = stale_rates(learning_rates(int(T), int(n_s), eta_min, eta_max), int(n_s))
    np.testing.assert_allclose(found, GOLDEN[name]["author"], atol=1e-15, rtol=0)


@pytest.mark.parametrize(
    ("t", "rate"), [(1, 0.11), (5, 0.15), (10, 0.2), (15, 0.15), (20, 0.1), (21, 0.11), (30, 0.2)]
)
def test_rates_by_the_formula(t, rate):
    # one rounding of a rate of 0.2
    assert learning_rates(30, 10, 0.1, 0.2)[t - 1] == pytest.approx(rate, abs=1e-16)


def test_a_longer_schedule_begins_alike():
    short, long = (learning_rates(updates, 7, 1e-5, 1e-1) for updates in (20, 50))
    assert short.tolist() == long[:20].tolist()


def test_equal_ends_make_it_constant():
    assert set(learning_rates(25, 10, 0.03, 0.03)) == {0.03}
