"""The report's claims on made-up trainings; expected values are worked out by hand."""

import numpy as np
import pytest

from reproduction.published.cells import chosen
from reproduction.verdicts.claims import answer_of, claims, finding_of
from reproduction.verdicts.comparisons import (
    Comparison,
    compare_means,
    compare_spreads,
    compare_variances,
    pseudo_values,
    variance_between,
)
from reproduction.verdicts.judgement import Interval
from tests.reproduction.made_up import Told, results_of

NOISE = (0.0, 0.1, 0.3)
"""Noise for three seeds; its mean is .4 / 3."""


def experiment_told(key, tell):
    """{place: what is told of each seed} of every row of an experiment."""
    (experiment,) = chosen([key])
    return {(key, row.label): tell(row.label) for row in experiment.rows}


def accuracies(of_label):
    """Tells test accuracies that the label decides, with a little noise."""
    return lambda label: [of_label(label) + noise for noise in NOISE]


def norm(label):
    return not label.endswith("no BN")


def wide(with_bn, without):
    """Tables 3 to 5, with one list of trainings for either side."""
    return {
        **experiment_told("table3", lambda _: without),
        **experiment_told("table4", lambda _: with_bn),
        **experiment_told("table5", lambda label: with_bn if norm(label) else without),
    }


def finding(told, key, reading="specified"):
    found = {claim.key: claim for claim in claims(results_of(told, reading))}
    return found[key].findings[reading]


def comparison(low, high, wanted="more", kind="difference"):
    return Comparison("x", 1.0, 2.0, Interval(0.0, low, high), kind, 3, wanted)


@pytest.mark.parametrize(
    ("low", "high", "wanted", "outcome"),
    [
        (0.1, 0.2, "more", "supports"),
        (0.1, 0.2, "less", "contradicts"),
        (-0.2, -0.1, "less", "supports"),
        (-0.2, -0.1, "more", "contradicts"),
        (-0.1, 0.1, "more", "inconclusive"),
    ],
)
def test_a_difference_is_conclusive_if_its_interval_excludes_zero(low, high, wanted, outcome):
    assert comparison(low, high, wanted).outcome == outcome


def test_a_ratio_is_conclusive_if_its_interval_excludes_one():
    assert comparison(0.5, 0.9, "less", "ratio").outcome == "supports"


def test_means_are_compared_in_pairs():
    # differences 1, 2, 3: mean 2, half the interval 4.302653 * 1 / sqrt(3) = 2.484138
    found = compare_means("x", np.array([11.0, 22.0, 33.0]), np.array([10.0, 20.0, 30.0]), "more")
    assert found.effect == Interval(2.0, pytest.approx(-0.484138), pytest.approx(4.484138))


def test_one_pair_says_nothing():
    found = compare_means("x", np.array([9.0]), np.array([1.0]), "more")
    assert (found.effect, found.outcome) == (None, "inconclusive")


def test_spreads_are_pooled_over_places():
    # variances 2 and 8, pooled 5, against 20
    with_bn = np.array([[0.0, 0.0], [2.0, 4.0]])
    without = np.array([[0.0, 0.0], [40**0.5, 40**0.5]])
    assert compare_spreads("x", with_bn, without).effect.value == pytest.approx(0.5)


def test_interval_of_spreads_is_f_s():
    # 2 degrees of freedom on either side, where F at 97.5 % is 39
    effect = compare_spreads("x", np.eye(2), np.eye(2)).effect
    assert (effect.low, effect.high) == pytest.approx((39**-0.5, 39**0.5))


def test_no_spread_without_batch_norm_gives_no_ratio():
    assert compare_spreads("x", np.eye(2), np.ones((2, 2))).effect is None


def test_variance_between_places_has_the_noise_taken_off():
    # means 1 and 3: variance 2; residuals +-1/2: 1 with 1 degree of freedom, halved by 2 seeds
    assert variance_between(np.array([[0.5, 3.5], [1.5, 2.5]])) == pytest.approx(1.5)


def test_seeds_that_shift_all_places_alike_are_no_noise():
    assert variance_between(np.array([[0.0, 2.0], [10.0, 12.0]])) == pytest.approx(2)


def test_pseudo_values_have_the_estimate_as_their_mean():
    values = np.random.default_rng(1).normal(size=(5, 3))
    assert pseudo_values(values).mean() == pytest.approx(variance_between(values))


def test_variances_take_three_seeds():
    assert compare_variances("x", np.eye(2), np.eye(2)).effect is None


@pytest.mark.parametrize(
    ("outcomes", "all_needed", "answer"),
    [
        ({"supports"}, False, "holds"),
        ({"supports", "inconclusive"}, False, "holds"),
        ({"supports", "contradicts"}, False, "not decided"),
        ({"contradicts", "inconclusive"}, False, "does not hold"),
        ({"inconclusive"}, False, "not decided"),
        ({"supports"}, True, "holds"),
        ({"supports", "inconclusive"}, True, "not decided"),
        ({"supports", "contradicts"}, True, "does not hold"),
        ({"inconclusive"}, True, "not decided"),
    ],
)
def test_answer_follows_the_rule(outcomes, all_needed, answer):
    assert answer_of(outcomes, all_needed) == answer


def test_sentence_tells_of_statistics_that_point_different_ways():
    found = finding_of([comparison(0.1, 0.2), comparison(-0.2, -0.1)], all_needed=False)
    assert found.sentence.endswith("The comparisons disagree.")


def test_sentence_has_the_numbers():
    expected = "X: 1 with, 2 without, difference 0 (0.1 to 0.2, 3 seeds): supports"
    assert comparison(0.1, 0.2).sentence == expected


def rising(by, test, at=9):
    """A training whose curves rise once."""
    curve = (1.0,) * at + (1.0 + by,) + (1.0,) * (19 - at)
    return Told(test=test, cost=curve, loss=curve)


def test_steadiness_takes_the_largest_rise():
    told = wide(
        [rising(0.01 + seed / 1000, 50 + seed) for seed in range(3)],
        [rising(0.03, 50 + 2 * seed) for seed in range(3)],
    )
    loss, cost, spread = finding(told, "steadier").comparisons
    assert (loss.effect.value, cost.effect.value) == pytest.approx((-0.019, -0.019))
    assert spread.effect.value == pytest.approx(0.5)


def test_curve_that_only_falls_rises_by_zero():
    falling = [rising(-0.5, 50 + seed, at=19) for seed in range(2)]
    loss, *_ = finding(wide(falling, falling), "steadier").comparisons
    assert loss.with_bn == 0


def sensitivity(spread_with, spread_without):
    """Tables 3, 4 and the three sigmas; accuracies 50 - spread, 50 and 50 + spread."""
    steps = {"sigma .01": -1, "He": 0, "Xavier": 1, "1e-1": -1, "1e-3": 0, "1e-4": 1}

    def tell(label, spread):
        step = next(step for name, step in steps.items() if name in label)
        return [50 + step * spread + step * step * noise for noise in NOISE]

    def tell_sigma(label):
        return tell(label, spread_with if norm(label) else spread_without)

    return {
        **experiment_told("table3", lambda label: tell(label, spread_without)),
        **experiment_told("table4", lambda label: tell(label, spread_with)),
        **experiment_told("sigma", tell_sigma),
    }


def test_initialization_compares_variances_of_the_means():
    found = finding(sensitivity(1, 5), "initialization")
    # 1 and 25 but for the noise, which is the same on both sides
    assert [c.effect.value for c in found.comparisons] == pytest.approx([-24, -24])
    assert found.answer == "holds"


def test_training_that_diverged_is_at_chance():
    told = sensitivity(0, 0)
    told["sigma", "sigma 1e-1, no BN"] = [None, None, None]
    sigmas = finding(told, "initialization").comparisons[1]
    # 10, 50, 50: variance 1600 / 3
    assert sigmas.without == pytest.approx(1600 / 3, abs=5)


def test_smaller_gap_and_higher_accuracy_regularise():
    with_bn = [Told(54 + noise, 66) for noise in NOISE]
    found = finding(wide(with_bn, [Told(53, 67.5)] * 3), "regularizes")
    effects = [comparison.effect.value for comparison in found.comparisons]
    assert effects == pytest.approx([-2.5 - 0.4 / 3, 1 + 0.4 / 3])
    assert found.answer == "holds"


def test_higher_accuracy_with_a_larger_gap_is_no_regulariser():
    with_bn = [Told(54 + noise, 70) for noise in NOISE]
    found = finding(wide(with_bn, [Told(53, 67.5)] * 3), "regularizes")
    assert found.answer == "does not hold"


def rates(slope_with, slope_without):
    """Table 5: test accuracy 50 at 1e-4 to 1e-1, and slopes in points per decade of eta_min."""

    def tell(label):
        decades = int(label[2:4]) + 4
        if norm(label):
            return [50 + (slope_with + noise) * decades for noise in NOISE]
        return [50 + slope_without * decades for _ in NOISE]

    return experiment_told("table5", tell)


def test_slope_is_over_decades_of_eta_min():
    (slope,) = finding(rates(0.5, -1), "high-rates", "published").comparisons
    assert (slope.with_bn, slope.without) == pytest.approx((0.5 + 0.4 / 3, -1))


def test_loss_above_the_report_s_rates_is_from_its_own():
    told = rates(0, 0) | experiment_told(
        "high-rates", accuracies(lambda label: 45 if norm(label) else 30)
    )
    lost = finding(told, "high-rates").comparisons[1]
    assert (lost.with_bn, lost.without) == pytest.approx((5 - 0.4 / 3, 20 - 0.4 / 3))


def test_divergence_above_the_report_s_rates_is_chance():
    told = rates(0, 0) | experiment_told(
        "high-rates", lambda label: [45 if norm(label) else None] * 3
    )
    assert finding(told, "high-rates").comparisons[1].without == pytest.approx(40)


def test_depth_compares_what_nine_layers_lose():
    told = experiment_told(
        "baselines",
        lambda label: [
            {"3 layers, BN": 53, "9 layers, BN": 51 + noise}.get(label, 53 if "3" in label else 47)
            for noise in NOISE
        ],
    )
    lost, nine = (comparison.effect.value for comparison in finding(told, "depth").comparisons)
    assert (lost, nine) == pytest.approx((-4 - 0.4 / 3, 4 + 0.4 / 3))


def test_claims_whose_experiments_were_not_run_are_left_out():
    told = experiment_told("baselines", accuracies(lambda _: 50))
    assert [claim.key for claim in claims(results_of(told))] == ["depth"]


def test_high_rates_are_not_needed_as_published():
    (claim,) = claims(results_of(rates(0, 0), "published"))
    assert claim.key == "high-rates"


def test_claim_of_which_a_row_is_missing_is_left_out():
    told = experiment_told("baselines", accuracies(lambda _: 50))
    del told["baselines", "9 layers, BN"]
    assert claims(results_of(told)) == []


def test_one_seed_decides_nothing_and_says_why():
    found = finding(experiment_told("baselines", lambda _: [50]), "depth")
    assert found.answer == "not decided"
    assert "too few seeds (1)" in found.sentence
