"""A reproduction in a few numbers and sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reproduction.published.beyond import FROM_SIGMA_01
from reproduction.published.experiment import Experiment, Row
from reproduction.published.readings import NAME_OF, READINGS, Reading
from reproduction.published.report import TABLE_1, TABLE_2
from reproduction.results import Results
from reproduction.verdicts.claims import Claim, claims
from reproduction.verdicts.end_costs import (
    END_COST_WITHIN,
    EndCost,
    Signature,
    end_costs,
    signature,
)
from reproduction.verdicts.judgement import Verdict, published_test_accuracies, verdicts

MAX_NAMED = 5
"""Maximum number of rows named in a sentence."""

Judged = Sequence[tuple[Experiment, Row, Verdict]]


@dataclass(frozen=True)
class Summary:
    """All verdicts.

    Arguments:
        accuracies: verdicts on the published test accuracies that were run, by reading.
        costs: end costs of the published curves.
        signatures: of the missing penalty.
        claims: of the report.
        from_sigma_01: number of published test accuracies that would stand, as published, if Tables
            1 and 2 started from sigma .01; None if that was not run.
        about: as in `Results`.
    """

    accuracies: dict[Reading, Judged]
    costs: dict[Reading, Sequence[EndCost]]
    signatures: dict[Reading, Signature]
    claims: Sequence[Claim]
    from_sigma_01: int | None
    about: dict[str, Any]

    @property
    def sentences(self) -> list[str]:
        """One sentence for each finding of the experiments that were run."""
        if self.about["quick"]:
            return ["two epochs of each training, from which nothing can be concluded"]
        sentences = []
        for reading, name in NAME_OF.items():
            sentences += [f"{name}: {finding}" for finding in self.findings_in(reading)]
        for claim in self.claims:
            answers = [
                f"{claim.findings[reading].answer} {name}"
                for reading, name in NAME_OF.items()
                if reading in claim.findings
            ]
            sentences.append(f"'{claim.statement.rstrip('.')}': {', '.join(answers)}")
        return sentences

    def findings_in(self, reading: Reading) -> Iterator[str]:
        """The findings in one reading, except claims."""
        outside, judged = self.outside(reading), self.judged(reading)
        if judged:
            names = [f"{experiment.key} {row.label}" for experiment, row, _ in outside]
            if len(names) > MAX_NAMED:
                names = ["see the tables"]
            yield (
                f"{len(judged) - len(outside)} of {len(judged)} published test accuracies are "
                "within our 95 % interval"
                f"{'; outside: ' if names else ''}{', '.join(names)}"
            )
        if reading == "published" and self.from_sigma_01 is not None:
            yield (
                "Tables 1 and 2 start from sigma .001, chosen because of the low learning rates of "
                f"Table 2; from .01 {self.from_sigma_01} of {len(judged)} would be within"
            )
        if reading == "specified" and outside:
            stands = {id(row): verdict.stands for _, row, verdict in self.judged("published")}
            reached = sum(stands.get(id(row)) is True for _, row, _ in outside)
            yield (
                f"of the {len(outside)} outside, {reached} are within as published, that is, with "
                "the defects of the published code"
            )
        if costs := self.costs[reading]:
            near = sum(cost.within is True for cost in costs)
            yield (
                f"{near} of {len(costs)} published curves end within {100 * END_COST_WITHIN:g} % "
                "of our training cost"
            )
        difference = self.signatures[reading].difference
        if difference.mean is not None:
            yield (
                f"without batch norm the end cost of He is {difference.mean:.3f} above that of "
                f"Xavier (published {difference.published:.3f})"
            )

    def judged(self, reading: Reading) -> Judged:
        """The published test accuracies that could be judged."""
        return [one for one in self.accuracies[reading] if one[2].stands is not None]

    def outside(self, reading: Reading) -> Judged:
        """The judged test accuracies outside their interval."""
        return [one for one in self.judged(reading) if not one[2].stands]

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for JSON; accuracies in %. A quick run judges nothing."""
        if self.about["quick"]:
            return {"about": self.about, "judged": False}
        return {
            "about": self.about,
            "test_accuracies": {
                reading: [
                    {"experiment": e.key, "row": row.label, **vars(v), "stands": v.stands}
                    for e, row, v in judged
                ]
                for reading, judged in self.accuracies.items()
            },
            "end_costs": {
                reading: [
                    {"figure": cost.figure, **vars(cost.cost), "within": cost.within}
                    for cost in costs
                ]
                for reading, costs in self.costs.items()
            },
            "signatures": {
                reading: {**vars(one.difference), "shown": one.shown}
                for reading, one in self.signatures.items()
            },
            "claims": [
                {
                    "claim": claim.statement,
                    "statistic": claim.statistic,
                    "findings": {
                        reading: {"answer": one.answer, "sentence": one.sentence}
                        for reading, one in claim.findings.items()
                    },
                }
                for claim in self.claims
            ],
        }


def summary_of(results: Results) -> Summary:
    """All verdicts on the experiments that were run."""
    quick = results.about["quick"]
    return Summary(
        accuracies={
            reading: [
                judged
                for judged in published_test_accuracies(results, reading)
                if judged[2].n + judged[2].diverged
            ]
            for reading in READINGS
        },
        costs={reading: end_costs(results, reading) for reading in READINGS},
        signatures={reading: signature(results, reading) for reading in READINGS},
        claims=[] if quick else claims(results),
        from_sigma_01=standing_from_sigma_01(results),
        about=dict(results.about),
    )


def standing_from_sigma_01(results: Results) -> int | None:
    """`Summary.from_sigma_01`."""
    stands = {
        row.label: verdicts(results, FROM_SIGMA_01, row, "published")["test"].stands
        for row in FROM_SIGMA_01.rows
    }
    all_stand = [
        stands[row.label] if experiment in (TABLE_1, TABLE_2) else verdict.stands
        for experiment, row, verdict in published_test_accuracies(results, "published")
    ]
    return None if None in all_stand else sum(map(bool, all_stand))
