"""The flaws of the published code and its report, with the evidence for each."""

from collections.abc import Iterator
from math import log, sqrt
from statistics import fmean

from reproduction.pages.bands import SAMPLES, published_curve, published_figures
from reproduction.published.beyond import BASELINE_FROM_HE, SWITCHES
from reproduction.published.defects import DEFECTS, Defects, with_defects
from reproduction.published.report import BASELINES, LAMBDAS, SEARCH, TABLE_4
from reproduction.results import Results
from reproduction.verdicts.end_costs import cost_after, signature
from reproduction.verdicts.judgement import judge, verdicts
from twingrad.initialization import initialize
from twingrad.recipe import Recipe

Flaw = tuple[str, str, str]
"""Its name, a sentence, and the evidence."""


def flaws_of(results: Results) -> list[Flaw]:
    """All flaws, with the evidence in these results."""
    return [
        ("W1 unpenalised", DEFECTS["unpenalised_first_layer"], penalty_evidence(results)),
        ("unshuffled", DEFECTS["unshuffled"], effect_alone(results, "BN, unshuffled")),
        (
            "every file by itself",
            DEFECTS["per_file_standardization"],
            effect_alone(results, "BN, every file by itself"),
        ),
        ("cost for loss", "The panels of the loss show the cost.", loss_evidence()),
        (
            "stale eta",
            DEFECTS["stale_eta"],
            f"{stale_evidence()} {effect_alone(results, 'BN, stale eta')}",
        ),
        (
            "different initialisation",
            "The 3-layer run without batch norm started from Xavier, not from He, and its curve is "
            "drawn one point too early.",
            start_evidence(results),
        ),
        (
            "chosen by test accuracy",
            "Lambda and the learning rates were chosen by the test accuracy, which was then "
            "reported.",
            choice_evidence(results),
        ),
        (
            "misprint",
            "Table 4 prints 66.36 as the training accuracy from sigma .01.",
            misprint_evidence(results),
        ),
    ]


def penalty_evidence(results: Results) -> str:
    """The signature of the missing penalty in both readings."""
    published, specified = (signature(results, r) for r in ("published", "specified"))
    ours, right = published.difference, specified.difference
    if ours.mean is None or right.mean is None or ours.published is None:
        return "Table 3 was not run."
    return (
        f"The published end cost of He is {ours.published:.3f} above that of Xavier; ours is "
        f"{ours.mean:.3f} ± {ours.sd or 0:.3f} above with the defect, {right.mean:.3f} ± "
        f"{right.sd or 0:.3f} without it (n = {ours.n}). A W1 without decay would add lambda "
        "(200 - 100) = .510."
    )


def effect_alone(results: Results, label: str) -> str:
    """End cost and test accuracy of a run with one defect, compared with a run without defects."""
    measured = []
    for row in ("BN, as specified", label):
        trained = results.of(SWITCHES.key, row, "specified")
        cost = judge([one.end("training", "cost") for one in trained], None)
        test = judge([one.test_accuracy for one in trained], None)
        if cost.mean is None or test.mean is None:
            return "Not run alone."
        measured.append((cost, test))
    (cost, test), (other_cost, other_test) = measured
    published = published_curve("fig13_He_BN", "training", "cost").values[-1]
    return (
        f"Alone, with batch norm and He, it changes the end cost from {cost.mean:.3f} to "
        f"{other_cost.mean:.3f} (published {published:.3f}) and the test accuracy from "
        f"{test.mean:.2f} to "
        f"{other_test.mean:.2f} % (sd {test.sd or 0:.2f} and {other_test.sd or 0:.2f}, "
        f"n = {test.n})."
    )


def loss_evidence() -> str:
    """The number of published loss curves that are cost curves."""
    figures = published_figures().values()
    same = sum(figure["loss"] == figure["cost"] for figure in figures)
    return (
        f"In {same} of {len(figures)} pairs of panels, loss and cost are the same curve point by "
        "point: the report shows no loss. Ours is in the figures above."
    )


def stale_evidence() -> str:
    """The only learning rate of a 2-cycle run that differs, except at its end."""
    right, stale = (
        with_defects(Recipe(), Defects(stale_eta=stale)).plan(SAMPLES).learning_rates[4499]
        for stale in (False, True)
    )
    return f"At t = 4500 the rate is {stale:.4g} instead of {right:.4g}."


def start_evidence(results: Results) -> str:
    """First costs by initialisation, and the costs at the end of the published curve."""
    figure = "noBN_3layer_50_50"
    published = published_curve(figure, "training", "cost")
    first = (
        f"The first published cost is {published.values[0]:.2f}; ln 10 + lambda sum ||W||^2 is "
        f"{first_cost('he'):.2f} from He and {first_cost('xavier'):.2f} from Xavier, and the loss "
        "of random outputs is above ln 10."
    )
    epoch = int(published.updates[-1]) // Recipe().plan(SAMPLES).updates_per_epoch
    xavier, he = (
        judge([cost_after(one, epoch) for one in results.of(key, label, "published")], None)
        for key, label in (
            (BASELINES.key, BASELINES.rows[0].label),
            (BASELINE_FROM_HE.key, BASELINE_FROM_HE.rows[0].label),
        )
    )
    if xavier.mean is None or he.mean is None:
        return first
    return (
        f"{first} At its end, after epoch {epoch}, the published curve is at "
        f"{published.values[-1]:.3f}; ours, otherwise as published, is at {xavier.mean:.3f} from "
        f"Xavier and at {he.mean:.3f} from He."
    )


def first_cost(initialization: str) -> float:
    """ln 10 + lambda sum ||W||^2 for the initial weights of the 3-layer baseline."""
    recipe = Recipe(normalization="none", initialization=initialization)
    start = initialize(recipe.network(3072, 10), initialization, seed=0)
    squares = sum(float((W**2).sum()) for name, W in start.items() if name.startswith("W"))
    return log(10) + recipe.penalty * squares


def choice_evidence(results: Results) -> str:
    """The best lambda of each range in the repeated search, by validation accuracy."""
    parts = []
    for searched in dict.fromkeys(name for name, _, _ in LAMBDAS):
        best = best_of(results, searched)
        if best is None:
            return "The search was not run."
        parts.append(f"{searched}: {best}")
    return (
        "The best lambda of each range in the repeated search, by validation accuracy: "
        f"{'; '.join(parts)}."
    )


def best_of(results: Results, searched: str) -> str | None:
    """The best lambda of a range by validation accuracy, its test accuracy, and the best one."""
    trainings = [
        trained
        for row in SEARCH.rows
        if row.label.endswith(f"(from {searched})")
        for trained in results.of(SEARCH.key, row.label, "published")
        if trained.test is not None
    ]
    if not trainings:
        return None
    best = max(trainings, key=lambda one: one.end("validation", "accuracy") or 0)
    top = max(one.test_accuracy or 0 for one in trainings)
    return (
        f"{best.recipe.penalty:.3g} with test accuracy {best.test_accuracy:.2f} % (highest in the "
        f"range: {top:.2f} %)"
    )


def misprint_evidence(results: Results) -> str:
    """Our value compared with the printed and the plotted number."""
    row = TABLE_4.rows[0]
    assert row.figure is not None
    assert row.train is not None
    plotted = published_curve(row.figure, "training", "accuracy").values[-1]
    figure = f"Figure 12 ends at {plotted:.2f}, so 67.36 was probably meant."
    judged = [verdicts(results, TABLE_4, row, "published")["training"] for row in TABLE_4.rows]
    mean, spreads = judged[0].mean, [verdict.sd for verdict in judged if verdict.sd]
    if mean is None or not spreads:
        return figure
    sd = sqrt(fmean(spread**2 for spread in spreads))
    return (
        f"{figure} Ours is {mean:.2f} (n = {judged[0].n}). With the pooled standard deviation of "
        f"all three rows, {sd:.2f}, the printed value is {abs(row.train - mean) / sd:.1f} standard "
        f"deviations away and the plotted one {abs(plotted - mean) / sd:.1f}."
    )


def rows_of(results: Results) -> Iterator[list[str]]:
    """The flaws as rows of a table."""
    for number, (name, what, evidence) in enumerate(flaws_of(results), start=1):
        yield [str(number), f"**{name}.** {what}", evidence]
