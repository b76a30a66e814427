"""Figures of test accuracies against lambda, the learning-rate range and sigma."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from reproduction.published.beyond import HIGH_RATES, SENSITIVITY, TABLE_1_WIDE
from reproduction.published.experiment import Experiment
from reproduction.published.readings import NAME_OF, Reading
from reproduction.published.report import SEARCH, TABLE_1, TABLE_5
from reproduction.results import Results, Trained
from twingrad.figures import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, _ = COLOURS

BY_LAMBDA: tuple[tuple[Experiment, Reading, float, Mapping[str, Any]], ...] = (
    (TABLE_1, "published", 0.96, {"color": BLUE, "fmt": "o"}),
    (TABLE_1, "specified", 1.0, {"color": ORANGE, "fmt": "s"}),
    (TABLE_1_WIDE, "published", 1.04, {"color": GREEN, "fmt": "^"}),
)
"""The series drawn against lambda: experiment, reading, horizontal offset as a factor, style."""

BY_NORM: Mapping[bool, tuple[str, float, Mapping[str, Any]]] = {
    True: ("with BN", -0.15, {"color": BLUE, "fmt": "o"}),
    False: ("without BN", 0.15, {"color": ORANGE, "fmt": "s"}),
}
"""With and without batch norm: name, horizontal offset and style."""

Panels = Sequence[tuple[Experiment, Reading]]
RATES: Panels = ((TABLE_5, "published"), (TABLE_5, "specified"), (HIGH_RATES, "specified"))
SIGMAS: Panels = ((SENSITIVITY, "published"), (SENSITIVITY, "specified"))


@dataclass(frozen=True)
class Point:
    """A row of an experiment as a point.

    Arguments:
        category: the first part of its label.
        trainings: in order of seeds, at least one.
        published: test accuracy in %, or None.
    """

    category: str
    trainings: Sequence[Trained]
    published: float | None

    @property
    def accuracies(self) -> list[float]:
        """Test accuracies in % of the seeds that did not diverge."""
        accuracies = [trained.test_accuracy for trained in self.trainings]
        return [accuracy for accuracy in accuracies if accuracy is not None]

    @property
    def penalty(self) -> float:
        return self.trainings[0].recipe.penalty

    @property
    def batch_norm(self) -> bool:
        return self.trainings[0].recipe.batch_norm


def points_of(results: Results, experiment: Experiment, reading: Reading) -> list[Point]:
    """The rows of an experiment that were run."""
    return [
        Point(row.label.partition(",")[0], trainings, row.test)
        for row in experiment.rows
        if (trainings := results.of(experiment.key, row.label, reading))
    ]


def lambda_figure(results: Results, title: str) -> "Figure | None":
    """Test accuracy against lambda: Table 1 with both possible widths, and the search.

    None if none of them was run.
    """
    from matplotlib.figure import Figure

    groups = [(points_of(results, *entry[:2]), *entry[1:]) for entry in BY_LAMBDA]
    groups = [group for group in groups if group[0]]
    searched = [point for point in points_of(results, SEARCH, "published") if point.accuracies]
    if not groups and not searched:
        return None
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for points, reading, offset, style in groups:
        hidden = list(points[0].trainings[0].recipe.hidden)
        name = f"{hidden}, {NAME_OF[reading]}: mean and sd of {seeds_of(points)} seeds"
        draw_points(axes, [(offset * point.penalty, point) for point in points], name, style)
    printed = {point.penalty: point for points, *_ in groups for point in points}
    draw_published(axes, list(printed.items()), "black", "the report's Table 1")
    if searched:
        draws = [(point.penalty, point.accuracies[0]) for point in searched]
        label = "[50, 50], as published: the search repeated, one seed each"
        axes.plot(*zip(*draws, strict=True), ".", color="#888888", zorder=1, label=label)
    axes.set_xscale("log")
    axes.set_xlabel("lambda")
    axes.set_ylabel("test accuracy, %")
    axes.grid(alpha=0.3)
    figure.suptitle(title, fontsize=11)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def norms_figure(results: Results, panels: Panels, title: str) -> "Figure | None":
    """Test accuracy with and without batch norm, one panel for each experiment and reading.

    None if none of them was run.
    """
    from matplotlib.figure import Figure

    drawn = [(points_of(results, *panel), *panel) for panel in panels]
    drawn = [panel for panel in drawn if panel[0]]
    if not drawn:
        return None
    figure = Figure(figsize=(3.4 * max(len(drawn), 2), 4.2), layout="constrained")
    first: dict[str, Axes] = {}
    for axes, (points, experiment, reading) in zip(
        figure.subplots(1, len(drawn), squeeze=False).flat, drawn, strict=True
    ):
        if (shared := first.setdefault(experiment.key, axes)) is not axes:
            axes.sharey(shared)
        draw_norms(axes, points)
        about = f"{NAME_OF[reading]}, {seeds_of(points)} seeds"
        axes.set_title(f"{experiment.title.partition(':')[0]}\n{about}", fontsize=9.5)
    figure.axes[0].set_ylabel("test accuracy, %")
    figure.suptitle(title, fontsize=11)
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        artists, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, artists, strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8.5
    )
    return figure


def draw_norms(axes: "Axes", points: Sequence[Point]) -> None:
    """One panel: in each category, with batch norm on the left and without on the right."""
    categories = list(dict.fromkeys(point.category for point in points))
    for norm, (name, offset, style) in BY_NORM.items():
        places = [(categories.index(p.category), p) for p in points if p.batch_norm == norm]
        ours = [(place + offset, point) for place, point in places]
        draw_points(axes, ours, f"{name}: mean and sd", style)
        theirs = [(place + offset / 3, point) for place, point in places]
        draw_published(axes, theirs, style["color"], f"{name}, the report")
    axes.set_xticks(range(len(categories)), categories, rotation=20, fontsize=8)
    axes.set_xlim(-0.5, len(categories) - 0.5)
    axes.grid(alpha=0.3)


def seeds_of(points: Sequence[Point]) -> str:
    """The number of seeds behind each mean, as text."""
    counts = sorted({len(point.accuracies) for point in points} - {0})
    return " or ".join(map(str, counts)) or "no"


def draw_points(
    axes: "Axes", points: Sequence[tuple[float, Point]], label: str, style: Mapping[str, Any]
) -> None:
    """Draw means with standard deviations, and at the bottom the number of diverged seeds.

    Arguments:
        points: with their horizontal positions.
    """
    drawn = [(place, point.accuracies) for place, point in points if point.accuracies]
    if drawn:
        axes.errorbar(
            [place for place, _ in drawn],
            [fmean(values) for _, values in drawn],
            [stdev(values) if len(values) > 1 else 0.0 for _, values in drawn],
            ms=5,
            capsize=3,
            label=label,
            **style,
        )
    for place, point in points:
        lost = len(point.trainings) - len(point.accuracies)
        if lost:
            axes.annotate(
                f"{lost} of {len(point.trainings)} diverged",
                (place, 0.02),
                xycoords=("data", "axes fraction"),
                ha="center",
                rotation=90,
                fontsize=7.5,
                color=style["color"],
            )


def draw_published(
    axes: "Axes", points: Sequence[tuple[float, Point]], colour: str, label: str
) -> None:
    """Draw the published accuracies as crosses."""
    drawn = [(place, point.published) for place, point in points if point.published is not None]
    if drawn:
        axes.plot(*zip(*drawn, strict=True), "x", color=colour, ms=7, mew=1.8, label=label)
