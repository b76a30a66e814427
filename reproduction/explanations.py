"""Why a published number does not stand, where an experiment has shown it."""

NOT_EXPLAINED = "not explained."

EXPLANATIONS: dict[tuple[str, str, str], str] = {
    ("table4", "sigma .01", "training"): "a misprint for 67.36: the report's own Figure 12 ends at "
    "67.37 (see the defects below).",
}
"""By experiment, row and part ("test" or "training"); each names the experiment that tested it."""


def explanation_of(experiment: str, row: str, part: str) -> str:
    """What is known of a number outside its interval."""
    return EXPLANATIONS.get((experiment, row, part), NOT_EXPLAINED)
