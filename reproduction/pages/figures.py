"""The report's figures redrawn with our curves, and figures of further results."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reproduction.pages.accuracies import RATES, SIGMAS, lambda_figure, norms_figure
from reproduction.pages.bands import band_of, counted, published_curve
from reproduction.pages.defects_figure import defects_caption, defects_figure
from reproduction.pages.panels import Side, curves_figure
from reproduction.published.beyond import SWITCHES
from reproduction.published.experiment import Experiment, Row
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import NAME_OF
from reproduction.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INITIALIZATIONS = {"he": "He", "xavier": "Xavier"}


@dataclass(frozen=True)
class Picture:
    """A figure with its title and caption.

    Arguments:
        name: of its file.
        title: what is drawn.
        caption: what it shows.
        figure: None if the results have no data for it.
    """

    name: str
    title: str
    caption: str
    figure: "Figure | None"


def save_figures(results: Results, folder: Path) -> list[tuple[str, str, str]]:
    """Write every figure for which the results have data, as PNG.

    Arguments:
        folder: created if necessary.

    Returns:
        File name, title and caption of each, the report's first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for picture in pictures(results):
        if picture.figure is not None:
            save_small(picture.figure, folder / picture.name)
            listed.append((picture.name, picture.title, picture.caption))
    return listed


def save_small(figure: "Figure", path: Path) -> None:
    """Save as PNG with 256 colours, which takes a third of the size without visible change."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    with Image.open(buffer) as image:
        small = image.convert("RGB").quantize(
            method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    small.save(path, optimize=True)


def pictures(results: Results) -> Iterator[Picture]:
    """Every figure, one at a time."""
    for experiment in EXPERIMENTS:
        for row in sorted(experiment.rows, key=lambda row: figure_number(row.figure or "")):
            if experiment != SWITCHES and row.figure is not None:
                yield redrawn(results, experiment, row, row.figure)
    title = "The effect of each defect of the published code alone ([100, 50], He)"
    yield Picture("defects.png", title, defects_caption(results), defects_figure(results, title))
    title = "Table 1: test accuracy against lambda, with BN"
    caption = "Crosses are the report's seven lambdas, chosen by these test accuracies."
    yield Picture("lambda.png", title, caption, lambda_figure(results, title))
    title = "Learning-rate ranges with and without BN: [100, 50], He, lambda .0051"
    caption = "Table 5, and learning rates above those in the report."
    yield Picture("rates.png", title, caption, norms_figure(results, RATES, title))
    title = "One sigma for all layers, with and without BN: [50, 50], lambda .005"
    caption = "The assignment's test of how much training depends on the initialisation."
    yield Picture("sigma.png", title, caption, norms_figure(results, SIGMAS, title))


def redrawn(results: Results, experiment: Experiment, row: Row, key: str) -> Picture:
    """A figure of the report with our curves; `key` is that of the published curves."""
    sides = [
        Side(name, trainings)
        for reading, name in NAME_OF.items()
        if (trainings := results.of(experiment.key, row.label, reading))
    ]
    name = f"{key if experiment.source == 'report' else experiment.key}.png"
    if not sides:
        return Picture(name, "", "", None)
    title = title_of(key, sides)
    return Picture(name, title, caption_of(key, sides), curves_figure(title, sides, key))


def title_of(key: str, sides: Sequence[Side]) -> str:
    """The title: the figure's number in the report, and its network."""
    number = figure_number(key)
    name = f"Figure {number}" if number else "Baseline"
    recipe = sides[0].trainings[0].recipe
    return (
        f"{name}: {list(recipe.hidden)} {'with' if recipe.batch_norm else 'without'} BN, "
        f"{initialization_name(sides)}, lambda {recipe.penalty:g}, "
        f"learning rate {recipe.eta_min:g} to {recipe.eta_max:g}"
    )


def figure_number(key: str) -> int:
    """The figure's number in the report, 10 for "fig10_He_noBN"; 0 for the baselines."""
    match = re.match(r"fig(\d+)", key)
    return int(match[1]) if match else 0


def initialization_name(sides: Sequence[Side]) -> str:
    """The name of the initialisation, or of both if the readings differ."""
    names = []
    for side in sides:
        start = side.trainings[0].recipe.initialization
        names.append(INITIALIZATIONS.get(start, f"sigma {start}"))
    if len(set(names)) == 1:
        return names[0]
    return ", ".join(f"{name} {side.name}" for name, side in zip(names, sides, strict=True))


def caption_of(key: str, sides: Sequence[Side]) -> str:
    """The caption: training costs at the end of the published curve."""
    published = published_curve(key, "training", "cost")
    end = published.updates[-1]
    costs = [f"{published.values[-1]:.3f} in the report"]
    for side in sides:
        ours = band_of(side.trainings, "training", "cost")
        if ours is not None and end in ours.updates:
            mean = ours.mean[ours.updates == end].item()
            costs.append(f"{mean:.3f} {side.name} (mean of {counted(side.trainings)})")
    return f"Training cost after {end} updates: {', '.join(costs)}."
