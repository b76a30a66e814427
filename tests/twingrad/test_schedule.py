import numpy as np
import pytest

from tests.support import golden
from twingrad.schedule import SCHEDULES, learning_rates

GOLDEN = golden("learning_rates.npz")


def cyclical(updates, half_cycle, eta_min, eta_max):
    return learning_rates("cyclical", updates, half_cycle, eta_min, eta_max)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_learning_rates(name):
    T, n_s, eta_min, eta_max = GOLDEN[name]["params"]
    found = cyclical(int(T), int(n_s), eta_min, eta_max)
    # a few roundings of rates up to 0.1
    np.testing.assert_allclose(found, GOLDEN[name]["formula"], atol=1e-15, rtol=0)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_published_loop_differs_at_the_cycles_ends_alone(name):
    T, n_s, eta_min, eta_max = GOLDEN[name]["params"]
    found = cyclical(int(T), int(n_s), eta_min, eta_max)
    differ = np.flatnonzero(np.abs(found - GOLDEN[name]["author"]) > 1e-12) + 1
    assert differ.tolist() == [2 * n_s, 4 * n_s]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # n_s = 2, so a cycle is 4 updates
        ("cyclical", [0.5, 0.9, 0.5, 0.1, 0.5, 0.9, 0.5, 0.1, 0.5, 0.9]),
        # (1 + cos 0, pi/4, pi/2, 3 pi/4) / 2 = 1, 0.8536, 0.5, 0.1464
        ("cosine", [0.9, 0.78284, 0.5, 0.21716, 0.9, 0.78284, 0.5, 0.21716, 0.9, 0.78284]),
        # halved after 4 updates and after 8
        ("step", [0.9, 0.9, 0.9, 0.9, 0.45, 0.45, 0.45, 0.45, 0.225, 0.225]),
        ("constant", [0.9] * 10),
        # 9^(1/9) = 1.27652
        (
            "range",
            [0.1, 0.12765, 0.16295, 0.20801, 0.26553, 0.33895, 0.43268, 0.55232, 0.70504, 0.9],
        ),
    ],
)
def test_rates_by_hand(schedule, expected):
    found = learning_rates(schedule, 10, 2, 0.1, 0.9, factor=0.5)
    # the expected values have five decimals
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_steps_end_at_eta_min():
    found = learning_rates("step", 12, 2, 0.01, 1.0, factor=0.05)
    # 1, 0.05, then 0.0025, which is below eta_min
    np.testing.assert_allclose(found, [1] * 4 + [0.05] * 4 + [0.01] * 4, rtol=1e-15)


def test_a_range_test_multiplies_by_a_constant():
    found = learning_rates("range", 50, 7, 1e-5, 10.0)
    assert (found[0], found[-1]) == (1e-5, 10.0)
    # roundings of powers
    np.testing.assert_allclose(found[1:] / found[:-1], 1e6 ** (1 / 49), rtol=1e-12)


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "range"])
def test_a_longer_schedule_begins_alike(schedule):
    short, long = (learning_rates(schedule, updates, 7, 1e-5, 1e-1) for updates in (20, 50))
    assert short.tolist() == long[:20].tolist()


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "range"])
def test_equal_ends_make_it_constant(schedule):
    assert set(learning_rates(schedule, 25, 10, 0.03, 0.03)) == {0.03}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_stay_within_their_range(schedule):
    found = learning_rates(schedule, 60, 7, 0.01, 0.2)
    assert found.shape == (60,)
    # one rounding of the ends
    assert found.min() >= 0.01 - 1e-17
    assert found.max() <= 0.2 + 1e-16
