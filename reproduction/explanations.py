"""Why a published number does not stand, where an experiment has shown it."""

NOT_EXPLAINED = "not explained."

EXPLANATIONS: dict[tuple[str, str, str], str] = {
    ("baselines", "3 layers, no BN", "test"): (
        "not explained. Its curve is that of a run from Xavier, of which all 20 seeds end lower, "
        "as do five from He (see 'More seeds of what lies outside' and 'The 3-layer baseline "
        "without batch norm from He')."
    ),
    ("table2", "1e-5 to 1e-2", "test"): (
        "not explained; it may be chance. With 20 seeds it is just outside too, the best of which "
        "come within .02 (see 'More seeds of what lies outside'), and of 41 numbers two are "
        "expected outside their intervals."
    ),
    ("table4", "sigma .01", "training"): (
        "a misprint for 67.36: the report's own Figure 12 ends at 67.37 (see the defects below)."
    ),
}
"""By experiment, row and part ("test" or "training"); each names the experiment that tested it."""


def explanation_of(experiment: str, row: str, part: str) -> str:
    """What is known of a number outside its interval."""
    return EXPLANATIONS.get((experiment, row, part), NOT_EXPLAINED)
