"""Curves for the figures: the report's, and mean and range of ours over the seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from reproduction.results import Trained

SAMPLES = 45_000
"""Training samples in every figure of the report."""

DrawnPart = Literal["training", "validation"]

Values = Float[np.ndarray, " points"]
Updates = Int[np.ndarray, " points"]


@dataclass(frozen=True)
class Band:
    """Curves of several seeds.

    Arguments:
        updates: number of updates at each point.
        mean, low, high: mean, minimum and maximum over the seeds at each point.
    """

    updates: Updates
    mean: Values
    low: Values
    high: Values


def finished(trainings: Sequence[Trained]) -> list[Trained]:
    """The trainings that did not diverge."""
    return [trained for trained in trainings if trained.test is not None]


def band_of(trainings: Sequence[Trained], part: DrawnPart, quantity: str) -> Band | None:
    """The band of one row's trainings that did not diverge; None if all did.

    Arguments:
        quantity: "cost", "loss" or "accuracy"; accuracies are returned in %.
    """
    kept = finished(trainings)
    if not kept:
        return None
    curves = in_percent(quantity) * np.array([trained.curves[part][quantity] for trained in kept])
    epochs = np.arange(1, curves.shape[1] + 1)
    updates = epochs * kept[0].recipe.plan(SAMPLES).updates_per_epoch
    return Band(updates, curves.mean(axis=0), curves.min(axis=0), curves.max(axis=0))


def counted(trainings: Sequence[Trained]) -> str:
    """The number of seeds in a band, as text."""
    kept = len(finished(trainings))
    lost = len(trainings) - kept
    diverged = f" ({lost} diverged, left out)" if lost else ""
    return f"{kept} {'seed' if kept == 1 else 'seeds'}{diverged}"


@dataclass(frozen=True)
class Published:
    """A curve read from a figure of the report.

    Arguments:
        updates: number of updates at each point.
        values: accuracies in %.
    """

    updates: Updates
    values: Values


def published_curve(key: str, part: DrawnPart, quantity: str) -> Published:
    """A curve from `figures.json`.

    The report counts from t = 1, so its t = 451 is after 450 updates. Its 3-layer run without batch
    norm starts one epoch before the others, at t = 1, which is before the first update.

    Arguments:
        key: of the figure.
        quantity: "cost", "loss" or "accuracy"; the published losses are in fact the costs.
    """
    figure = published_figures()[key]
    values = in_percent(quantity) * np.array(figure[quantity][part])
    return Published(np.array(figure["updates"]) - 1, values)


def in_percent(quantity: str) -> float:
    """The factor for a quantity: 100 for accuracies, which are shown in %."""
    return 100.0 if quantity == "accuracy" else 1.0


@cache
def published_figures() -> Mapping[str, Any]:
    """{figure: {"updates": [t], "cost" | "loss" | "accuracy": {part: [value]}}}."""
    figures: Mapping[str, Any] = json.loads((Path(__file__).parent / "figures.json").read_text())
    return figures
