"""Sweeps without their pictures, which take longer than all else: a test asks for `pictures`."""

import pytest

from sweeps.output import report

DRAW = report.pictures


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr("sweeps.output.report.pictures", lambda results: [])
    monkeypatch.setattr("sweeps.study.chosen.save_curves", lambda *arguments: None)


@pytest.fixture
def pictures(_no_pictures, monkeypatch):
    """Draws them after all."""
    monkeypatch.setattr("sweeps.output.report.pictures", DRAW)
