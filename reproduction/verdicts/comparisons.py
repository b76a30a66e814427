"""Compare quantities with and without batch norm, paired by seed.

The replicates are the seeds: values from several settings are first combined for each seed, and
the interval is computed from one number per seed, so runs with the same seed need not be
independent.
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
Outcome = Literal["supports", "contradicts", "inconclusive"]
Setting = tuple[Place, Place]
"""A row with batch norm, and the same row without."""


@dataclass(frozen=True)
class Comparison:
    """One quantity with and without batch norm.

    Arguments:
        what: the quantity and its unit.
        with_bn, without: its values; None for fewer than 2 seeds.
        effect: with minus without, or with divided by without; None if there is no interval.
        kind: whether the effect is a difference or a ratio.
        n: number of seeds with all values.
        wanted: the claim's prediction for batch norm.
    """

    what: str
    with_bn: float | None
    without: float | None
    effect: Interval | None
    kind: Literal["difference", "ratio"]
    n: int
    wanted: Wanted

    @property
    def outcome(self) -> Outcome:
        """Whether it supports or contradicts the claim; inconclusive if the interval contains "no
        effect"."""
        if self.effect is None:
            return "inconclusive"
        none = 1 if self.kind == "ratio" else 0
        if self.effect.low <= none <= self.effect.high:
            return "inconclusive"
        as_wanted = (self.effect.low > none) == (self.wanted == "more")
        return "supports" if as_wanted else "contradicts"

    @property
    def sentence(self) -> str:
        """The comparison in numbers, without a full stop."""
        what = self.what[0].upper() + self.what[1:]
        if self.effect is None:
            return f"{what}: no interval, since there are too few seeds ({self.n}) or no spread"
        return (
            f"{what}: {self.with_bn:.3g} with, {self.without:.3g} without, {self.kind} "
            f"{self.effect.value:.3g} ({self.effect.low:.3g} to {self.effect.high:.3g}, {self.n} "
            f"seeds): {self.outcome}"
        )


def sides_of(
    results: Results,
    reading: Reading,
    settings: Sequence[Setting],
    measure: Callable[[Trained], float | None],
) -> tuple[Measured, Measured]:
    """A measure with and without batch norm, for the seeds that have all values."""
    places = [place for side in zip(*settings, strict=True) for place in side]
    table = paired(results, reading, places, measure)
    return table[:, : len(settings)], table[:, len(settings) :]


def compare_means(what: str, with_bn: PerSeed, without: PerSeed, wanted: Wanted) -> Comparison:
    """The mean difference of pairs, one per seed, with Student's interval."""
    n, effect = len(with_bn), mean_interval(with_bn - without)
    if effect is None:
        return Comparison(what, None, None, None, "difference", n, wanted)
    means = float(with_bn.mean()), float(without.mean())
    return Comparison(what, means[0], means[1], effect, "difference", n, wanted)


def compare_spreads(what: str, with_bn: Measured, without: Measured) -> Comparison:
    """The ratio of the standard deviations between seeds; the claim predicts a ratio below 1.

    Each is pooled over the rows, which are assumed to be independent and to have equal variance:
    F distribution with rows * (n - 1) degrees of freedom on either side. If results with the same
    seed are correlated, as they are without batch norm, the interval is too narrow.
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
    """The difference of `variance_between`; the claim predicts less. It needs at least 3 seeds.

    The interval is the jackknife's: Student's, computed from pseudo-values.
    """
    n = len(with_bn)
    if n < 3:
        return Comparison(what, None, None, None, "difference", n, "less")
    return compare_means(what, pseudo_values(with_bn), pseudo_values(without), "less")


def variance_between(values: Measured) -> float:
    """Unbiased estimate of the variance between the rows' true means: the variance of their means
    over the seeds, minus the contribution of the noise. It may be negative, and needs 2 seeds."""
    n, places = values.shape
    noise = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    noise_variance = (noise**2).sum() / ((n - 1) * (places - 1))
    return float(values.mean(axis=0).var(ddof=1) - noise_variance / n)


def pseudo_values(values: Measured) -> PerSeed:
    """Jackknife pseudo-values of `variance_between`, one for each seed."""
    n = len(values)
    left_out = np.array([variance_between(np.delete(values, seed, axis=0)) for seed in range(n)])
    return n * variance_between(values) - (n - 1) * left_out
