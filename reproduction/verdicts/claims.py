"""The report's claims on batch norm, each put to a test.

A claim is put to a few comparisons of trainings with batch norm and without, each of which speaks
for it, against it, or, where its 95 % interval holds "no effect", neither way. Where they are
several signs of one thing, a claim

- holds if one or more speak for it and none against it;
- does not hold if one or more speak against it and none for it;
- is not decided otherwise.

Where they must come together for the claim to be true, it holds if all speak for it, does not
hold if any speaks against it, and is not decided otherwise.

There are about two dozen intervals over both readings, so that one that misses is to be expected:
a verdict that rests on the end of an interval is worth little.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import READINGS, Reading
from reproduction.results import Results
from reproduction.verdicts.comparisons import Comparison, Speaks
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
    """A claim before it is tested.

    Arguments:
        key: a word.
        statement: what the report says.
        statistic: what is computed, and of which experiments.
        experiments: keys of those; the ones that are run in a reading are needed for it.
        together: whether all comparisons must bear the claim out.
        compare: makes the comparisons of one reading.
    """

    key: str
    statement: str
    statistic: str
    experiments: tuple[str, ...]
    together: bool
    compare: Callable[[Results, Reading], list[Comparison]]


QUESTIONS = (
    Question(
        "steadier",
        "Batch norm makes training steadier.",
        "Six settings of [100, 50] that Tables 3, 4 and 5 run with and without batch norm "
        "(sigma .01, He, Xavier; He with three more ranges of the learning rate). Largest rise "
        "from an epoch to the next, of the training loss, and of the validation cost that the "
        "report plotted, averaged over the settings, paired by seed (t interval); and the "
        "standard deviation of the test accuracy between seeds, pooled over the settings (ratio, "
        "F interval). As published, the cost without batch norm holds the penalty of a W1 that "
        "never decays.",
        ("table3", "table4", "table5"),
        False,
        steadiness,
    ),
    Question(
        "initialization",
        "Batch norm makes training less sensitive to initialisation.",
        "Variance of the test accuracy between initialisations, less what the noise between seeds "
        "adds to it: of sigma .01, He, Xavier (Tables 3 and 4), and of sigma 1e-1, 1e-3, 1e-4 "
        "(the assignment's test); a training that diverged counts as 10 %, chance. Paired by "
        "seed; interval by leaving out one seed at a time (jackknife), from 3 seeds on.",
        ("table3", "table4", "sigma"),
        False,
        initialization,
    ),
    Question(
        "regularizes",
        "Batch norm regularises.",
        "The six settings as for steadiness. Training less test accuracy at the end, and test "
        "accuracy, averaged over the settings, paired by seed (t interval): a regulariser makes "
        "the first smaller and the second larger. As published, the runs without batch norm also "
        "lack the penalty on W1, so that they are less regularised by that alone.",
        ("table3", "table4", "table5"),
        True,
        regularization,
    ),
    Question(
        "high-rates",
        "Batch norm bears higher learning rates.",
        "Table 5: slope of the test accuracy over eta_min 1e-5 to 1e-2, in points per decade. As "
        "specified also: test accuracy lost where eta_max is .3, 1 and 3 (on average) in place of "
        ".1; a training that diverged counts as 10 %, chance. Paired by seed (t interval).",
        ("table5", "high-rates"),
        False,
        high_rates,
    ),
    Question(
        "depth",
        "Deeper networks suffer without batch norm.",
        "Baselines: test accuracy lost from 3 layers to 9, and test accuracy of the 9 layers; a "
        "training that diverged counts as 10 %, chance. Paired by seed (t interval). As "
        "published, the 3 layers without batch norm start from Xavier and the others from He.",
        ("baselines",),
        True,
        depth,
    ),
)


@dataclass(frozen=True)
class Finding:
    """What became of a claim in one reading.

    Arguments:
        comparisons: with their intervals.
        answer: by the rule at the top of this file.
        sentence: says it in numbers.
    """

    comparisons: Sequence[Comparison]
    answer: Answer
    sentence: str


@dataclass(frozen=True)
class Claim:
    """A claim that was tested.

    Arguments:
        key, statement, statistic: as in `Question`.
        findings: by reading; only of those that were run.
    """

    key: str
    statement: str
    statistic: str
    findings: Mapping[Reading, Finding]


def claims(results: Results) -> list[Claim]:
    """Every claim whose experiments were run, in the readings in which all of them were."""
    found = []
    for question in QUESTIONS:
        findings = {
            reading: finding_of(question.compare(results, reading), question.together)
            for reading in READINGS
            if was_run(results, question, reading)
        }
        if findings:
            found.append(Claim(question.key, question.statement, question.statistic, findings))
    return found


def was_run(results: Results, question: Question, reading: Reading) -> bool:
    """Whether the results have every row that a question needs in a reading."""
    run = {(cell.experiment, cell.row) for cell in results.cells if cell.reading == reading}
    needed = {
        (experiment.key, row.label)
        for experiment in EXPERIMENTS
        for row in experiment.rows
        if experiment.key in question.experiments and reading in experiment.readings
    }
    return needed <= run


def finding_of(comparisons: Sequence[Comparison], together: bool) -> Finding:
    """The answer that all comparisons give together."""
    speaks = {comparison.speaks for comparison in comparisons}
    parts = [comparison.sentence for comparison in comparisons]
    if {"for it", "against it"} <= speaks:
        parts.append("The statistics point different ways")
    return Finding(comparisons, answer_of(speaks, together), ". ".join(parts) + ".")


def answer_of(speaks: Set[Speaks], together: bool) -> Answer:
    """The rule at the top of this file."""
    if together:
        borne_out, refuted = speaks == {"for it"}, "against it" in speaks
    else:
        borne_out, refuted = "for it" in speaks, "against it" in speaks
        if borne_out and refuted:
            return "not decided"
    return "holds" if borne_out else "does not hold" if refuted else "not decided"
