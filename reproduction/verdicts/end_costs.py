"""The final costs of the published curves, and the effect of the missing penalty on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reproduction.pages.bands import SAMPLES, band_of, published_curve
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import Reading
from reproduction.results import Results, Trained
from reproduction.verdicts.judgement import Verdict, judge, paired

END_COST_WITHIN = 0.02
"""Maximum difference of end costs, relative to the published one."""

EXPECTED_SIGNATURE: dict[Reading, tuple[float, float]] = {
    "specified": (0.0, 0.02),
    "published": (0.516, 0.05),
}
"""Expected end cost of He minus that of Xavier, without batch norm, and its tolerance."""


@dataclass(frozen=True)
class Apart:
    """The largest difference between a published curve and the mean of ours.

    Arguments:
        difference: published minus ours; for accuracies in points.
        update: at which it occurs.
    """

    difference: float
    update: int


@dataclass(frozen=True)
class EndCost:
    """The final training cost of a published curve, and ours at the same update.

    Arguments:
        experiment, row: key of the experiment and label of the row.
        figure: key of the published curve.
        epoch: the epoch at whose end costs are compared. It is the last one, except for the 3-layer
            run without batch norm, which the report plots one epoch too early: its last point is
            the end of epoch 19.
        cost: ours and the published one.
        furthest: largest differences of training cost and accuracy over the whole curve; None if
            all of ours diverged.
    """

    experiment: str
    row: str
    figure: str
    epoch: int
    cost: Verdict
    furthest: Mapping[str, Apart | None]

    @property
    def relative_difference(self) -> float | None:
        """Difference of our mean from the published cost, relative to the latter."""
        if self.cost.mean is None or self.cost.published is None:
            return None
        return self.cost.mean / self.cost.published - 1

    @property
    def within(self) -> bool | None:
        """Whether the relative difference is within the limit."""
        difference = self.relative_difference
        return None if difference is None else abs(difference) <= END_COST_WITHIN


def end_costs(results: Results, reading: Reading) -> list[EndCost]:
    """End costs of the report's rows with a figure, except trainings that end before the curve."""
    ends = []
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
            ends.append(EndCost(experiment.key, row.label, row.figure, epoch, cost, furthest))
    return ends


def furthest_apart(trainings: Sequence[Trained], figure: str, quantity: str) -> Apart | None:
    """The largest difference over the updates at which both training curves have a point."""
    ours, published = (
        band_of(trainings, "training", quantity),
        published_curve(figure, "training", quantity),
    )
    if ours is None:
        return None
    updates, i, j = np.intersect1d(ours.updates, published.updates, return_indices=True)
    differences = published.values[j] - ours.mean[i]
    worst = int(np.abs(differences).argmax())
    return Apart(float(differences[worst]), int(updates[worst]))


def cost_after(trained: Trained, epoch: int) -> float | None:
    """The training cost after an epoch; None if the training diverged or is shorter."""
    curve = trained.curves["training"]["cost"]
    return None if trained.test is None or len(curve) < epoch else curve[epoch - 1]


@dataclass(frozen=True)
class Signature:
    """The effect of the missing penalty in Table 3: a difference in end cost between He and Xavier.

    Arguments:
        reading: of the report.
        difference: final training cost of He minus that of Xavier with the same seed; ours, and
            that of Figures 10 and 11.
    """

    reading: Reading
    difference: Verdict

    @property
    def expected(self) -> tuple[float, float]:
        """The expected difference in this reading, and its tolerance."""
        return EXPECTED_SIGNATURE[self.reading]

    @property
    def shown(self) -> bool | None:
        """Whether our mean is within the tolerance."""
        if self.difference.mean is None:
            return None
        expected, tolerance = self.expected
        return abs(self.difference.mean - expected) <= tolerance


def signature(results: Results, reading: Reading) -> Signature:
    """The signature in one reading; runs with the same seed start from the same random numbers,
    scaled differently."""
    places = [("table3", "He"), ("table3", "Xavier")]
    costs = paired(results, reading, places, lambda trained: trained.end("training", "cost"))
    he, xavier = (
        float(published_curve(figure, "training", "cost").values[-1])
        for figure in ("fig10_He_noBN", "fig11_Xavier_noBN")
    )
    return Signature(reading, judge((costs[:, 0] - costs[:, 1]).tolist(), he - xavier))
