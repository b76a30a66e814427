"""Where the published curves end, and the signature that the missing penalty leaves there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reproduction.pages.bands import SAMPLES, band_of, published_curve
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import Reading
from reproduction.results import Results, Trained
from reproduction.verdicts.judgement import Verdict, judge, paired

END_COST_WITHIN = 0.02
"""Asked of end costs, relative to the published one."""

ASKED_SIGNATURE: dict[Reading, tuple[float, float]] = {
    "specified": (0.0, 0.02),
    "published": (0.516, 0.05),
}
"""The end cost of He less that of Xavier, without batch norm, and how near to it is asked for."""


@dataclass(frozen=True)
class Apart:
    """Where a published curve is furthest from the mean of ours.

    Arguments:
        difference: published less ours; of accuracies in points.
        update: at which.
    """

    difference: float
    update: int


@dataclass(frozen=True)
class EndCost:
    """Where a published curve of the training cost ends, and ours at the same update.

    Arguments:
        experiment, row: key and label.
        figure: key of the published curve.
        epoch: at whose end costs are compared. It is the last one, but for the 3-layer run
            without batch norm: the report plots that an epoch too early, so that its last point
            is the end of epoch 19.
        cost: ours and the published one.
        furthest: of the training cost and accuracy, over the whole curve; None where all ours
            diverged.
    """

    experiment: str
    row: str
    figure: str
    epoch: int
    cost: Verdict
    furthest: Mapping[str, Apart | None]

    @property
    def relative_difference(self) -> float | None:
        """Relative difference of our mean from the published cost."""
        if self.cost.mean is None or self.cost.published is None:
            return None
        return self.cost.mean / self.cost.published - 1

    @property
    def within(self) -> bool | None:
        """Whether that is as small as asked."""
        found = self.relative_difference
        return None if found is None else abs(found) <= END_COST_WITHIN


def end_costs(results: Results, reading: Reading) -> list[EndCost]:
    """End costs of the report's rows with a figure, except trainings that stop before its end."""
    found = []
    for experiment in EXPERIMENTS:
        for row in experiment.rows if experiment.source == "report" else ():
            trainings = results.of(experiment.key, row.label, reading)
            if row.figure is None or not trainings:
                continue
            published = published_curve(row.figure, "training", "cost")
            per_epoch = trainings[0].recipe.plan(SAMPLES).updates_per_epoch
            epoch = int(published.updates[-1]) // per_epoch
            costs = [cost_after(trained, epoch) for trained in trainings]
            if all(trained.test is not None for trained in trainings) and None in costs:
                continue
            cost = judge(costs, float(published.values[-1]))
            furthest = {
                quantity: furthest_apart(trainings, row.figure, quantity)
                for quantity in ("cost", "accuracy")
            }
            found.append(EndCost(experiment.key, row.label, row.figure, epoch, cost, furthest))
    return found


def furthest_apart(trainings: Sequence[Trained], figure: str, quantity: str) -> Apart | None:
    """Over the updates at which both curves have a point; of the training part."""
    ours, published = (
        band_of(trainings, "training", quantity),
        published_curve(figure, "training", quantity),
    )
    if ours is None:
        return None
    updates, here, there = np.intersect1d(ours.updates, published.updates, return_indices=True)
    differences = published.values[there] - ours.mean[here]
    worst = int(np.abs(differences).argmax())
    return Apart(float(differences[worst]), int(updates[worst]))


def cost_after(trained: Trained, epoch: int) -> float | None:
    """The training cost; None for a training that diverged or is shorter."""
    curve = trained.curves["training"]["cost"]
    return None if trained.test is None or len(curve) < epoch else curve[epoch - 1]


@dataclass(frozen=True)
class Signature:
    """What the missing penalty leaves in Table 3: the He and the Xavier run end apart in cost.

    Arguments:
        reading: of the report.
        difference: end training cost of He less that of Xavier of the same seed, ours and that
            of Figures 10 and 11.
    """

    reading: Reading
    difference: Verdict

    @property
    def asked(self) -> tuple[float, float]:
        """The difference that is expected of this reading, and how near to it."""
        return ASKED_SIGNATURE[self.reading]

    @property
    def shown(self) -> bool | None:
        """Whether our mean is as near as asked."""
        if self.difference.mean is None:
            return None
        expected, within = self.asked
        return abs(self.difference.mean - expected) <= within


def signature(results: Results, reading: Reading) -> Signature:
    """Signature of one reading; two runs of one seed start from the same normal numbers, scaled."""
    places = [("table3", "He"), ("table3", "Xavier")]
    costs = paired(results, reading, places, lambda trained: trained.end("training", "cost"))
    he, xavier = (
        float(published_curve(figure, "training", "cost").values[-1])
        for figure in ("fig10_He_noBN", "fig11_Xavier_noBN")
    )
    return Signature(reading, judge((costs[:, 0] - costs[:, 1]).tolist(), he - xavier))
