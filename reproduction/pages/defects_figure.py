"""The figure of the effect of each defect of the published code alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reproduction.pages.bands import DrawnPart, band_of, counted, published_curve
from reproduction.pages.panels import mark_updates, published_style
from reproduction.published.beyond import SWITCHES
from reproduction.published.experiments import EXPERIMENTS
from reproduction.results import Results, Trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPECIFIED, ALL = "as specified", "all of them, as published"

STYLE_OF = {
    SPECIFIED: ("#000000", "-"),
    "W1 unpenalised": ("#d55e00", "-"),
    "unshuffled": ("#0072b2", "-"),
    "every file by itself": ("#cc79a7", "--"),
    "stale eta": ("#56b4e9", ":"),
    ALL: ("#009e73", "--"),
}
"""Colour and line style; the colours are Okabe and Ito's, which suit colour-blind readers."""

PANELS: tuple[tuple[DrawnPart, str], ...] = (("training", "cost"), ("validation", "accuracy"))

Lines = Mapping[str, Sequence[Trained]]
"""By defect, its trainings in order of seeds, at least one."""


@dataclass(frozen=True)
class Group:
    """The runs with or without batch norm.

    Arguments:
        name: "no BN" or "BN".
        key: of the published figure.
        lines: the runs to draw.
    """

    name: str
    key: str
    lines: Lines


def groups_of(results: Results) -> list[Group]:
    """The groups of the experiment that were run."""
    groups = []
    for row in SWITCHES.rows:
        if row.figure is not None:
            name = row.label.removesuffix(f", {SPECIFIED}")
            groups.append(Group(name, row.figure, lines_of(results, name, row.figure)))
    return [group for group in groups if group.lines]


def lines_of(results: Results, name: str, key: str) -> Lines:
    """A group's runs, and if there are any, the same network as published."""
    lines = {
        row.label.removeprefix(f"{name}, "): trainings
        for row in SWITCHES.rows
        if row.label.startswith(f"{name}, ")
        and (trainings := results.of(SWITCHES.key, row.label, "specified"))
    }
    published = [
        trained
        for experiment in EXPERIMENTS
        for row in experiment.rows
        if row.figure == key and experiment.source == "report"
        for trained in results.of(experiment.key, row.label, "published")
    ]
    return lines | {ALL: published} if lines and published else lines


def defects_figure(results: Results, title: str) -> "Figure | None":
    """Training cost and validation accuracy, one row with batch norm and one without; None if the
    experiment was not run."""
    from matplotlib.figure import Figure

    groups = groups_of(results)
    if not groups:
        return None
    figure = Figure(figsize=(10, 0.9 + 3 * len(groups)), layout="constrained")
    grid = figure.subplots(len(groups), len(PANELS), sharex=True, squeeze=False)
    for group, row in zip(groups, grid, strict=True):
        for (part, quantity), axes in zip(PANELS, row, strict=True):
            draw_group(axes, group, part, quantity)
            unit = ", %" if quantity == "accuracy" else ""
            axes.set_title(f"{group.name}: {part} {quantity}{unit}", fontsize=10)
            axes.grid(alpha=0.3)
        row[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in grid[-1]:
        mark_updates(axes)
    figure.suptitle(f"{title}\nlines: means; bands: range over the seeds", fontsize=11)
    return figure


def draw_group(axes: "Axes", group: Group, part: DrawnPart, quantity: str) -> None:
    """Draw the means and bands of one panel, with the published points on top."""
    for defect, trainings in group.lines.items():
        colour, style = STYLE_OF[defect]
        band = band_of(trainings, part, quantity)
        if band is not None:
            axes.plot(
                band.updates,
                band.mean,
                style,
                color=colour,
                lw=1.5,
                label=f"{defect}, {counted(trainings)}",
            )
            axes.fill_between(band.updates, band.low, band.high, color=colour, alpha=0.15, lw=0)
    theirs = published_curve(group.key, part, quantity)
    axes.plot(
        theirs.updates, theirs.values, **published_style("training"), label="the report's run"
    )


def defects_caption(results: Results) -> str:
    """The change of the final training cost and validation accuracy by each defect."""
    sentences = []
    for group in groups_of(results):
        ends = {defect: ends_of(trainings) for defect, trainings in group.lines.items()}
        plain = ends.pop(SPECIFIED, None)
        if plain is not None:
            changes = [
                f"{defect} {end[0] - plain[0]:+.3f} and {end[1] - plain[1]:+.2f}"
                for defect, end in ends.items()
                if end is not None
            ]
            sentences.append(f"{group.name}: {'; '.join(changes)}.")
    return (
        "Change of the final training cost, and of the final validation accuracy in percentage "
        f"points, relative to as specified; means over the seeds. {' '.join(sentences)}"
    )


def ends_of(trainings: Sequence[Trained]) -> tuple[float, float] | None:
    """The final mean training cost and validation accuracy in %; None if all diverged."""
    bands = [band_of(trainings, part, quantity) for part, quantity in PANELS]
    cost, accuracy = (None if band is None else float(band.mean[-1]) for band in bands)
    return None if cost is None or accuracy is None else (cost, accuracy)
