"""The evidence for what is wrong with the published code."""

from reproduction.verdicts.flaws import effect_alone, misprint_evidence, start_evidence
from tests.reproduction.made_up import Told, results_of

XAVIER, HE = ("baselines", "3 layers, no BN"), ("baseline-from-he", "3 layers, no BN, He")


def test_starts_are_compared_where_the_published_curve_ends():
    curves = {place: (9.0,) * 18 + (cost, 7.0) for place, cost in ((XAVIER, 2.0), (HE, 3.0))}
    results = results_of({place: [Told(cost=cost)] for place, cost in curves.items()}, "published")
    said = start_evidence(results)
    assert "after epoch 19, the published curve is at 2.054; ours, otherwise as published" in said
    assert "is at 2.000 from Xavier and at 3.000 from He." in said
    assert "The first published cost is 2.97" in said


def test_a_defect_alone_is_beside_none_and_the_published_end():
    results = results_of(
        {
            ("switches", "BN, as specified"): [Told(test=55.0, cost=(1.25,) * 20)] * 2,
            ("switches", "BN, unshuffled"): [Told(test=54.0, cost=(1.5,) * 20)] * 2,
        }
    )
    said = effect_alone(results, "BN, unshuffled")
    assert "the end cost from 1.250 to 1.500 (published 1.153)" in said
    assert "the test accuracy from 55.00 to 54.00 %" in said


def test_the_misprint_is_measured_by_the_spread_of_its_table():
    # of each row the sd is .1, and 66.36 is 8 of them below 67.16
    rows = {
        ("table4", label): [Told(train=67.16 + offset) for offset in (-0.1, 0.0, 0.1)]
        for label in ("sigma .01", "He", "Xavier")
    }
    said = misprint_evidence(results_of(rows, "published"))
    assert "Ours is 67.16 (n = 3). With the pooled standard deviation of all three rows" in said
    assert "0.10, the printed value is 8.0 standard deviations away and the plotted one 2.1" in said
