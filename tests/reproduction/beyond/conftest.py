import pytest

from reproduction.beyond.rung import Setting, rung
from tests.scripts.conftest import clouds, small_images, twingrad

__all__ = ["small_images", "twingrad"]

TINY = {"hidden": (7, 5), "half_cycle": 4, "cycles": 2}
"""4 epochs of 400 samples in two cycles: 16 updates."""


@pytest.fixture
def images():
    return clouds(48)


@pytest.fixture
def tiny():
    """A ladder of four rungs that trains in a second."""
    return (
        rung("start", "Start", TINY, against=""),
        rung("dropout", "Dropout", {"dropout": 0.1}, {"dropout": 0.8}, common=TINY),
        rung("flips", "Flips", {**TINY, "flip": True}),
        rung(
            "average",
            "Averaged weights",
            Setting("cycle", TINY, "cycle-average"),
            Setting("half", TINY, "fall-average"),
        ),
        rung("snapshots", "Snapshots", Setting("", TINY, "snapshots", flips=True)),
    )
