"""Test the report's claims about batch norm.

Each claim is tested by a few comparisons of trainings with and without batch norm. A comparison
supports the claim, contradicts it, or is inconclusive if its 95 % interval contains "no effect". If
the comparisons measure the same thing in several ways, a claim

- holds if at least one supports it and none contradicts it;
- does not hold if at least one contradicts it and none supports it;
- is not decided otherwise.

If all comparisons are necessary for the claim, it holds if all support it, does not hold if any
contradicts it, and is not decided otherwise.

There are about two dozen intervals in the two readings, so one of them is expected to be wrong: a
verdict that depends on the end of an interval means little.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import READINGS, Reading
from reproduction.results import Results
from reproduction.verdicts.comparisons import Comparison, Outcome
from reproduction.verdicts.evidence import (
    depth,
    high_rates,
    initialization,
    regularization,
    steadiness,
)

Answer = Literal["holds", "does not hold", "not decided"]


@dataclass(frozen=True)
class Question:
    """A claim and its test.

    Arguments:
        key: its name.
        statement: the claim of the report.
        statistic: what is computed, and from which experiments.
        experiments: keys of these experiments; those that are run in a reading are required for it.
        all_needed: whether all comparisons must support the claim.
        compare: computes the comparisons of one reading.
    """

    key: str
    statement: str
    statistic: str
    experiments: tuple[str, ...]
    all_needed: bool
    compare: Callable[[Results, Reading], list[Comparison]]


QUESTIONS = (
    Question(
        "steadier",
        "Batch norm makes training steadier.",
        "The six settings of [100, 50] in Tables 3, 4 and 5 with and without batch norm (sigma "
        ".01, He, Xavier; He with three more learning-rate ranges). Largest rise from one epoch to "
        "the next of the training loss, and of the validation cost, which the report plots, "
        "averaged over the settings, paired by seed (t interval); and the standard deviation of "
        "the test accuracy between seeds, pooled over the settings (ratio, F interval). As "
        "published, the cost without batch norm includes the penalty of a W1 that never decays.",
        ("table3", "table4", "table5"),
        False,
        steadiness,
    ),
    Question(
        "initialization",
        "Batch norm makes training less sensitive to initialisation.",
        "Variance of the test accuracy between initialisations, corrected for the noise between "
        "seeds: sigma .01, He and Xavier (Tables 3 and 4), and sigma 1e-1, 1e-3 and 1e-4 (the "
        "assignment's test). A diverged training counts as 10 %, chance. Paired by seed; jackknife "
        "interval over seeds, which needs at least 3.",
        ("table3", "table4", "sigma"),
        False,
        initialization,
    ),
    Question(
        "regularizes",
        "Batch norm regularises.",
        "The six settings as for steadiness. Final training accuracy minus test accuracy, and test "
        "accuracy, averaged over the settings, paired by seed (t interval): a regulariser makes "
        "the first smaller and the second larger. As published, the runs without batch norm also "
        "lack the penalty on W1, which alone makes them less regularised.",
        ("table3", "table4", "table5"),
        True,
        regularization,
    ),
    Question(
        "high-rates",
        "Batch norm tolerates higher learning rates.",
        "Table 5: slope of the test accuracy over eta_min from 1e-5 to 1e-2, in points per decade. "
        "As specified also: test accuracy lost if eta_max is .3, 1 or 3 (average) instead of .1. A "
        "diverged training counts as 10 %, chance. Paired by seed (t interval).",
        ("table5", "high-rates"),
        False,
        high_rates,
    ),
    Question(
        "depth",
        "Deeper networks suffer without batch norm.",
        "Baselines: test accuracy lost from 3 to 9 layers, and test accuracy with 9 layers. A "
        "diverged training counts as 10 %, chance. Paired by seed (t interval). As published, the "
        "3 layers without batch norm start from Xavier and the others from He.",
        ("baselines",),
        True,
        depth,
    ),
)


@dataclass(frozen=True)
class Finding:
    """The result for a claim in one reading.

    Arguments:
        comparisons: with their intervals.
        answer: by the rule at the top of this file.
        sentence: the comparisons in numbers.
    """

    comparisons: Sequence[Comparison]
    answer: Answer
    sentence: str


@dataclass(frozen=True)
class Claim:
    """A claim that was tested.

    Arguments:
        key, statement, statistic: as in `Question`.
        findings: by reading, for the readings that were run.
    """

    key: str
    statement: str
    statistic: str
    findings: Mapping[Reading, Finding]


def claims(results: Results) -> list[Claim]:
    """Every claim in every reading in which all its experiments were run."""
    tested = []
    for question in QUESTIONS:
        findings = {
            reading: finding_of(question.compare(results, reading), question.all_needed)
            for reading in READINGS
            if was_run(results, question, reading)
        }
        if findings:
            tested.append(Claim(question.key, question.statement, question.statistic, findings))
    return tested


def was_run(results: Results, question: Question, reading: Reading) -> bool:
    """Whether the results have every row that a claim needs in a reading."""
    run = {(cell.experiment, cell.row) for cell in results.cells if cell.reading == reading}
    needed = {
        (experiment.key, row.label)
        for experiment in EXPERIMENTS
        for row in experiment.rows
        if experiment.key in question.experiments and reading in experiment.readings
    }
    return needed <= run


def finding_of(comparisons: Sequence[Comparison], all_needed: bool) -> Finding:
    """The finding from all comparisons of a claim."""
    outcomes = {comparison.outcome for comparison in comparisons}
    parts = [comparison.sentence for comparison in comparisons]
    if {"supports", "contradicts"} <= outcomes:
        parts.append("The comparisons disagree")
    return Finding(comparisons, answer_of(outcomes, all_needed), ". ".join(parts) + ".")


def answer_of(outcomes: Set[Outcome], all_needed: bool) -> Answer:
    """The answer by the rule at the top of this file."""
    if all_needed:
        supported, contradicted = outcomes == {"supports"}, "contradicts" in outcomes
    else:
        supported, contradicted = "supports" in outcomes, "contradicts" in outcomes
        if supported and contradicted:
            return "not decided"
    return "holds" if supported else "does not hold" if contradicted else "not decided"
