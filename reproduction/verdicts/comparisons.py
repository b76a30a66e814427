"""A quantity with batch norm against the same without, paired by seed.

The replicates are the seeds: what is measured at several settings is first combined within a
seed, and the interval is of those numbers, one for each seed, so that runs of one seed need not
be independent of each other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import stats

from reproduction.published.readings import Reading
from reproduction.results import Results, Trained
from reproduction.verdicts.judgement import Interval, Place, mean_interval, paired

Measured = Float[np.ndarray, "seeds places"]
PerSeed = Float[np.ndarray, " seeds"]
Wanted = Literal["less", "more"]
Speaks = Literal["for it", "against it", "neither way"]
Setting = tuple[Place, Place]
"""A place with batch norm and its like without."""


@dataclass(frozen=True)
class Comparison:
    """One quantity with batch norm and without.

    Arguments:
        what: the quantity and its unit.
        with_bn, without: its values; None for fewer than 2 seeds.
        effect: with less without, or with over without; None where there is no interval.
        kind: which of the two.
        n: seeds that have all values.
        wanted: what the claim expects with batch norm.
    """

    what: str
    with_bn: float | None
    without: float | None
    effect: Interval | None
    kind: Literal["difference", "ratio"]
    n: int
    wanted: Wanted

    @property
    def speaks(self) -> Speaks:
        """For the claim or against it, if the interval leaves out "no effect"."""
        if self.effect is None:
            return "neither way"
        none = 1 if self.kind == "ratio" else 0
        if self.effect.low <= none <= self.effect.high:
            return "neither way"
        return "for it" if (self.effect.low > none) == (self.wanted == "more") else "against it"

    @property
    def sentence(self) -> str:
        """It in numbers, without a full stop."""
        what = self.what[0].upper() + self.what[1:]
        if self.effect is None:
            return f"{what}: no interval, for too few seeds ({self.n}) or no spread between them"
        return (
            f"{what}: {self.with_bn:.3g} with, {self.without:.3g} without, {self.kind} "
            f"{self.effect.value:.3g} ({self.effect.low:.3g} to {self.effect.high:.3g}, {self.n} "
            f"seeds): speaks {self.speaks}"
        )


def sides_of(
    results: Results,
    reading: Reading,
    settings: Sequence[Setting],
    measure: Callable[[Trained], float | None],
) -> tuple[Measured, Measured]:
    """A measure with batch norm and without, of the seeds that have a value everywhere."""
    places = [place for side in zip(*settings, strict=True) for place in side]
    table = paired(results, reading, places, measure)
    return table[:, : len(settings)], table[:, len(settings) :]


def compare_means(what: str, with_bn: PerSeed, without: PerSeed, wanted: Wanted) -> Comparison:
    """The mean difference of pairs, a pair for each seed, with Student's interval."""
    n, effect = len(with_bn), mean_interval(with_bn - without)
    if effect is None:
        return Comparison(what, None, None, None, "difference", n, wanted)
    means = float(with_bn.mean()), float(without.mean())
    return Comparison(what, means[0], means[1], effect, "difference", n, wanted)


def compare_spreads(what: str, with_bn: Measured, without: Measured) -> Comparison:
    """The ratio of the standard deviations between seeds, less of which is wanted.

    Each is pooled over the places, which are taken to spread alike and independently, as the two
    sides are: places * (n - 1) degrees of freedom of the F distribution on either side. Where runs
    of one seed go up and down together, as those without batch norm do, it is too narrow.
    """
    n, places = with_bn.shape
    if n < 2:
        return Comparison(what, None, None, None, "ratio", n, "less")
    sd, sd_without = (
        math.sqrt(float(side.var(axis=0, ddof=1).mean())) for side in (with_bn, without)
    )
    effect = None
    if sd_without > 0:
        ratio, freedom = sd / sd_without, places * (n - 1)
        factor = math.sqrt(float(stats.f.ppf(0.975, freedom, freedom)))
        effect = Interval(ratio, ratio / factor, ratio * factor)
    return Comparison(what, sd, sd_without, effect, "ratio", n, "less")


def compare_variances(what: str, with_bn: Measured, without: Measured) -> Comparison:
    """The difference of `variance_between`, less of which is wanted; from 3 seeds on.

    The interval is the jackknife's: Student's, of what each seed contributes.
    """
    n = len(with_bn)
    if n < 3:
        return Comparison(what, None, None, None, "difference", n, "less")
    return compare_means(what, pseudo_values(with_bn), pseudo_values(without), "less")


def variance_between(values: Measured) -> float:
    """Variance of the places' true means: that of their means over the seeds, less what the noise
    adds to it. Without bias, and so below 0 at times. It takes 2 seeds."""
    n, places = values.shape
    noise = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    noise_variance = (noise**2).sum() / ((n - 1) * (places - 1))
    return float(values.mean(axis=0).var(ddof=1) - noise_variance / n)


def pseudo_values(values: Measured) -> PerSeed:
    """Jackknife pseudo-values, one for each seed; their mean is `variance_between`."""
    n = len(values)
    left_out = np.array([variance_between(np.delete(values, seed, axis=0)) for seed in range(n)])
    return n * variance_between(values) - (n - 1) * left_out
