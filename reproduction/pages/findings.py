"""What was found beside the tables: claims, end costs, backends, gradients, defects."""

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
    """The report's claims with a verdict for each reading."""
    if not summary.claims:
        return []
    blocks: list[Block] = [
        Heading("The report's claims"),
        Paragraph(
            "Each is put to comparisons that were chosen, knowing the report, before the trainings "
            "of these pages had been looked at; an interval at "
            "95 % that holds 'no effect' speaks neither way. A claim **holds** if some comparisons "
            "speak for it and none against, **does not hold** if some speak against it and none "
            "for it, and is **not decided** otherwise; where comparisons must come together, all "
            "have to speak for it."
        ),
    ]
    for claim in summary.claims:
        blocks += [
            Heading(claim.statement, 3),
            Paragraph(claim.statistic),
            Table(
                ["reading", "verdict", "in numbers"],
                [
                    [NAME_OF[reading], f"**{found.answer}**", found.sentence]
                    for reading in NAME_OF
                    if (found := claim.findings.get(reading)) is not None
                ],
            ),
        ]
    return blocks


def costs_section(summary: Summary) -> list[Block]:
    """Where the published curves end, and the signature of the missing penalty."""
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
        Heading("Where the curves end"),
        Paragraph(
            "Training cost at the end of each published curve, and ours at the same update. As "
            f"published, ours should be within {100 * END_COST_WITHIN:g} %; as specified they "
            "should not: without batch norm the missing penalty of W1 sets them apart, with it the "
            "missing shuffling, a little. The last columns have where on the way the published "
            "curve, training part, is furthest from the mean of ours."
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
                "cost furthest apart",
                "accuracy furthest apart, points",
            ],
            lines,
        ),
    ]
    signed = [
        [
            NAME_OF[reading],
            cost_and_sd(found.difference),
            f"{found.asked[0]:.3f} ± {found.asked[1]:.2f}",
            "yes" if found.shown else "**no**",
        ]
        for reading in NAME_OF
        for found in [summary.signatures[reading]]
        if found.difference.mean is not None
    ]
    if signed:
        blocks += [
            Paragraph(
                "The signature of the missing penalty: without batch norm, the end cost of He "
                "less that of Xavier, paired by seed."
            ),
            Table(["reading", "ours", "expected", "shown"], signed),
        ]
    return blocks


def backends_section(results: Results) -> list[Block]:
    """One seed with the other backend."""
    found = backend_differences(results)
    if not found.differences:
        return []
    names = {"manual": "NumPy", "torch": "torch"}
    main = str(results.about["backend"])
    other = "torch" if main == "manual" else "manual"
    said = [
        f"{len(found.differences)} trainings, the first seed of each setting, were done with "
        f"{names[other]} too, from the same parameters over the same minibatches. Rounding sets "
        "the two apart, at worst until they differ like two seeds. "
        f"{found.within} of {found.judged} differences lie within what two seeds would differ by "
        "(95 % are expected if backends differ like seeds)."
    ]
    if outside := [f"{d.experiment} {d.row}" for d in found.differences if d.within is False]:
        said.append(f"Outside: {'; '.join(outside)}.")
    if found.ratio is not None and found.ratio_limit is not None:
        said.append(
            f"The median difference is {found.ratio:.2f} times that of two seeds (above "
            f"{found.ratio_limit:.2f} something but chance would be at work)."
        )
    if found.bias is not None:
        said.append(
            f"The signed mean is {found.bias.value:+.2f} of that unit ({found.bias.low:+.2f} to "
            f"{found.bias.high:+.2f})."
        )
    return [
        Heading("Both backends"),
        Paragraph(" ".join(said)),
        Table(
            ["experiment", "", "reading", names[main], names[other], "difference", "limit", ""],
            [backend_line(one) for one in found.differences],
        ),
    ]


def backend_line(one: BackendDifference) -> list[str]:
    """One line of the table."""
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
            "as published" if check.as_published else "right",
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
            "The report's measure: the largest absolute difference between the derived gradient "
            "and two-point differences (h = 1e-5), below 1e-6; on 10 inputs and 20 samples. Ours: "
            "every gradient against autograd and complex step, up to rounding. Without penalty "
            "the published code passes both: a check with lambda = 0 alone cannot see that W1's "
            "penalty is missing."
        ),
        Table(
            ["layers", "BN", "lambda", "code", *KINDS, "report's", "relative", "ours"],
            lines,
        ),
    ]


def flaws_section(results: Results) -> list[Block]:
    """The defects of the published code and of its report."""
    return [
        Heading("What is wrong with the published code, and the evidence"),
        Table(["", "defect", "evidence"], list(rows_of(results))),
    ]


KINDS = ("W", "b", "gamma", "beta")


def apart(found: Apart | None) -> str:
    """By how much, and where."""
    return "" if found is None else f"{found.difference:+.2f} at {found.update}"


def three(value: float | None) -> str:
    """Three decimals."""
    return "" if value is None else f"{value:.3f}"


def cost_and_sd(verdict: Verdict) -> str:
    """Mean and standard deviation of costs, as text."""
    spread = "" if verdict.sd is None else f" ± {verdict.sd:.3f}"
    return f"{three(verdict.mean)}{spread}" if verdict.n else "diverged"
