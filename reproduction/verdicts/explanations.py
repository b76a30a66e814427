"""Why a published number does not stand, where an experiment has shown it."""

from collections.abc import Set
from dataclasses import dataclass

NOT_EXPLAINED = "not explained."


@dataclass(frozen=True)
class Explanation:
    """What is known of a number outside its interval.

    Arguments:
        text: for the page.
        experiments: that it rests on; without them it is not given.
    """

    text: str
    experiments: frozenset[str] = frozenset()


EXPLANATIONS: dict[tuple[str, str, str], Explanation] = {
    ("baselines", "3 layers, no BN", "test"): Explanation(
        "not explained. Its curve is that of a run from Xavier, of which all 20 seeds end lower, "
        "as do five from He (see 'More seeds of what lies outside' and 'The 3-layer baseline "
        "without batch norm from He').",
        frozenset({"more-seeds", "baseline-from-he"}),
    ),
    ("table2", "1e-5 to 1e-2", "test"): Explanation(
        "not explained; it may be chance. It is at the edge with more seeds, outside with all 20 "
        "and inside with the 15 new ones alone (50.71 to 51.84), it stands from sigma .01 (see "
        "'More seeds of what lies outside' and 'Tables 1 and 2 from sigma .01'), and of 41 numbers "
        "two are expected outside.",
        frozenset({"more-seeds", "tables-from-01"}),
    ),
    ("table4", "sigma .01", "training"): Explanation(
        "a misprint for 67.36: the report's own Figure 12 ends at 67.37 (see the defects below)."
    ),
}
"""By experiment, row and part ("test" or "training"), as the committed reproduction found them."""


def explanation_of(experiment: str, row: str, part: str, run: Set[str]) -> str:
    """What is known of a number outside its interval.

    Arguments:
        run: keys of the experiments that were run.
    """
    known = EXPLANATIONS.get((experiment, row, part))
    return known.text if known is not None and known.experiments <= run else NOT_EXPLAINED
