"""Sections of the page other than the tables: claims, end costs, backends, gradients, flaws."""

from collections.abc import Sequence

from reproduction.pages.document import Block, Heading, Paragraph, Table
from reproduction.pages.tables import percent
from reproduction.published.readings import NAME_OF
from reproduction.results import Results
from reproduction.verdicts.backends import BackendDifference, backend_differences
from reproduction.verdicts.end_costs import END_COST_WITHIN, Apart
from reproduction.verdicts.flaws import rows_of
from reproduction.verdicts.gradients import GradientCheck
from reproduction.verdicts.judgement import Verdict
from reproduction.verdicts.summary import Summary


def claims_section(summary: Summary) -> list[Block]:
    """The report's claims, with a verdict for each reading."""
    if not summary.claims:
        return []
    blocks: list[Block] = [
        Heading("The report's claims"),
        Paragraph(
            "Each claim is tested by comparisons that we chose knowing the report, but before "
            "looking at the trainings of this page. A comparison is inconclusive if "
            "its 95 % interval contains 'no effect'. A claim **holds** if at least one comparison "
            "supports it and none contradicts it, **does not hold** if at least one contradicts it "
            "and none supports it, and is **not decided** otherwise. Two claims (regularisation "
            "and depth) hold only if all comparisons support them."
        ),
    ]
    for claim in summary.claims:
        blocks += [
            Heading(claim.statement, 3),
            Paragraph(claim.statistic),
            Table(
                ["reading", "verdict", "comparisons"],
                [
                    [NAME_OF[reading], f"**{finding.answer}**", finding.sentence]
                    for reading in NAME_OF
                    if (finding := claim.findings.get(reading)) is not None
                ],
            ),
        ]
    return blocks


def costs_section(summary: Summary) -> list[Block]:
    """The end costs of the published curves, and the signature of the missing penalty."""
    if not any(summary.costs.values()):
        return []
    lines = [
        [
            cost.figure,
            str(cost.epoch),
            NAME_OF[reading],
            three(cost.cost.published),
            cost_and_sd(cost.cost),
            "" if cost.relative_difference is None else f"{100 * cost.relative_difference:+.1f} %",
            "yes" if cost.within else "**no**",
            *(apart(cost.furthest[quantity]) for quantity in ("cost", "accuracy")),
        ]
        for reading in NAME_OF
        for cost in summary.costs[reading]
    ]
    blocks: list[Block] = [
        Heading("End costs"),
        Paragraph(
            "The training cost at the end of each published curve, and ours at the same update. As "
            f"published, ours should be within {100 * END_COST_WITHIN:g} %. As specified they "
            "should differ: without batch norm because of the missing penalty of W1, with it, a "
            "little, because of the missing shuffling. The last columns give the largest "
            "difference between the published training curve and the mean of ours, and its update."
        ),
        Table(
            [
                "figure",
                "epoch",
                "reading",
                "published",
                "ours",
                "difference",
                "within",
                "largest difference of cost",
                "of accuracy, points",
            ],
            lines,
        ),
    ]
    signed = [
        [
            NAME_OF[reading],
            cost_and_sd(one.difference),
            f"{one.expected[0]:.3f} ± {one.expected[1]:.2f}",
            "yes" if one.shown else "**no**",
        ]
        for reading in NAME_OF
        for one in [summary.signatures[reading]]
        if one.difference.mean is not None
    ]
    if signed:
        blocks += [
            Paragraph(
                "The signature of the missing penalty: without batch norm, the end cost of He "
                "minus that of Xavier, paired by seed."
            ),
            Table(["reading", "ours", "expected", "shown"], signed),
        ]
    return blocks


def backends_section(results: Results) -> list[Block]:
    """The comparison of both backends."""
    comparison = backend_differences(results)
    if not comparison.differences:
        return []
    names = {"manual": "NumPy", "torch": "torch"}
    main = str(results.about["backend"])
    other = "torch" if main == "manual" else "manual"
    differences = comparison.differences
    sentences = [
        f"{len(differences)} trainings, the first seed of each setting, were also run with "
        f"{names[other]}, from the same parameters and with the same minibatches. Rounding makes "
        "the results differ, at most like two seeds. "
        f"{comparison.within} of {comparison.judged} differences are within the 95 % limit for two "
        "seeds (95 % are expected if backends differ like seeds)."
    ]
    if outside := [f"{d.experiment} {d.row}" for d in differences if d.within is False]:
        sentences.append(f"Outside: {'; '.join(outside)}.")
    if comparison.ratio is not None and comparison.ratio_limit is not None:
        sentences.append(
            f"The median difference is {comparison.ratio:.2f} times that of two seeds (more than "
            f"{comparison.ratio_limit:.2f} could not be explained by chance)."
        )
    if (bias := comparison.bias) is not None:
        sentences.append(
            f"The mean of the signed differences is {bias.value:+.2f} in the same unit "
            f"({bias.low:+.2f} to {bias.high:+.2f})."
        )
    return [
        Heading("Both backends"),
        Paragraph(" ".join(sentences)),
        Table(
            ["experiment", "", "reading", names[main], names[other], "difference", "limit", ""],
            [backend_line(one) for one in differences],
        ),
    ]


def backend_line(one: BackendDifference) -> list[str]:
    """One row of the table of backends."""
    return [
        one.experiment,
        one.row,
        NAME_OF[one.reading],
        percent(one.main) or "diverged",
        percent(one.other) or "diverged",
        "" if one.difference is None else f"{one.difference:+.2f}",
        percent(one.limit),
        {True: "within", False: "**outside**", None: ""}[one.within],
    ]


def gradients_section(checks: Sequence[GradientCheck]) -> list[Block]:
    """The report's gradient checks."""
    lines = [
        [
            str(check.layers),
            "with" if check.batch_norm else "without",
            f"{check.penalty:g}",
            "as published" if check.as_published else "correct",
            *(f"{check.kinds[k]:.1e}" if k in check.kinds else "" for k in KINDS),
            "passes" if check.passed_report else "**fails**",
            f"{check.relative:.1e}",
            "agrees" if check.passed_ours else f"**disagrees**: {check.diagnosis}",
        ]
        for check in checks
    ]
    return [
        Heading("Gradient checks"),
        Paragraph(
            "The report's measure: the maximum absolute difference between the derived gradient "
            "and two-point differences (h = 1e-5) is below 1e-6, with 10 inputs and 20 samples. "
            "Ours: every gradient agrees with autograd and complex step up to rounding. Without a "
            "penalty the published code passes both: a check with lambda = 0 alone cannot detect "
            "that W1's penalty is missing."
        ),
        Table(
            ["layers", "BN", "lambda", "code", *KINDS, "report's", "relative", "ours"],
            lines,
        ),
    ]


def flaws_section(results: Results) -> list[Block]:
    """The flaws of the published code and its report."""
    return [
        Heading("Flaws of the published code and report, with the evidence"),
        Table(["", "flaw", "evidence"], list(rows_of(results))),
    ]


KINDS = ("W", "b", "gamma", "beta")


def apart(largest: Apart | None) -> str:
    """The largest difference and its update."""
    return "" if largest is None else f"{largest.difference:+.2f} at {largest.update}"


def three(value: float | None) -> str:
    """A number with three decimals."""
    return "" if value is None else f"{value:.3f}"


def cost_and_sd(verdict: Verdict) -> str:
    """Mean and standard deviation of costs, as text."""
    spread = "" if verdict.sd is None else f" ± {verdict.sd:.3f}"
    return f"{three(verdict.mean)}{spread}" if verdict.n else "diverged"
