"""Sweeps without the code of their plots, and without the curves of the choice: both take time."""

import pytest


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr("sweeps.output.report.plotly_script", lambda: "")
    monkeypatch.setattr("twingrad.running.save_curves", lambda *arguments: None)
