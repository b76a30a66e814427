"""A reproduction in a few numbers: what stands, what does not."""

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

NAMED = 5
"""Numbers outside their interval that are named in a sentence; more are in the tables."""

Judged = Sequence[tuple[Experiment, Row, Verdict]]


@dataclass(frozen=True)
class Summary:
    """All verdicts.

    Arguments:
        accuracies: of the published test accuracies that were run, by reading.
        costs: of the published curves' ends.
        signatures: of the missing penalty.
        claims: of the report.
        from_sigma_01: how many published test accuracies would stand as published with Tables 1
            and 2 started from sigma .01; None where that was not run.
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
        """For people, a line each; nothing of what was not run."""
        if self.about["quick"]:
            return ["two epochs of each training: nothing can be judged by them"]
        said = []
        for reading, name in NAME_OF.items():
            said += [f"{name}: {found}" for found in self.found_in(reading)]
        for claim in self.claims:
            answers = [
                f"{claim.findings[reading].answer} {name}"
                for reading, name in NAME_OF.items()
                if reading in claim.findings
            ]
            said.append(f"'{claim.statement.rstrip('.')}': {', '.join(answers)}")
        return said

    def found_in(self, reading: Reading) -> Iterator[str]:
        """What stands in one reading."""
        outside, judged = self.outside(reading), self.judged(reading)
        if judged:
            names = [f"{experiment.key} {row.label}" for experiment, row, _ in outside]
            if len(names) > NAMED:
                names = ["see the tables"]
            yield (
                f"{len(judged) - len(outside)} of {len(judged)} published test accuracies stand"
                f"{'; outside: ' if names else ''}{', '.join(names)}"
            )
        if reading == "published" and self.from_sigma_01 is not None:
            yield (
                "Tables 1 and 2 start from sigma .001, which the low learning rates of Table 2 "
                f"decided for; from .01 {self.from_sigma_01} of {len(judged)} would stand"
            )
        if reading == "specified" and outside:
            known = {id(row): verdict.stands for _, row, verdict in self.judged("published")}
            stand = sum(known.get(id(row)) is True for _, row, _ in outside)
            yield (
                f"of the {len(outside)} outside, {stand} stand as published: with the defects of "
                "the published code they are reached"
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
                f"without batch norm the cost of He ends {difference.mean:.3f} above that of "
                f"Xavier (published {difference.published:.3f})"
            )

    def judged(self, reading: Reading) -> Judged:
        """Those of the published test accuracies that could be."""
        return [one for one in self.accuracies[reading] if one[2].stands is not None]

    def outside(self, reading: Reading) -> Judged:
        """Those of them that do not stand."""
        return [one for one in self.judged(reading) if not one[2].stands]

    def as_json(self) -> dict[str, Any]:
        """For machines; accuracies in %. After two epochs nothing is judged."""
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
                reading: {**vars(found.difference), "shown": found.shown}
                for reading, found in self.signatures.items()
            },
            "claims": [
                {
                    "claim": claim.statement,
                    "statistic": claim.statistic,
                    "findings": {
                        reading: {"answer": found.answer, "sentence": found.sentence}
                        for reading, found in claim.findings.items()
                    },
                }
                for claim in self.claims
            ],
        }


def summary_of(results: Results) -> Summary:
    """All verdicts on what was run."""
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
    """See `Summary.from_sigma_01`."""
    started = {
        row.label: verdicts(results, FROM_SIGMA_01, row, "published")["test"].stands
        for row in FROM_SIGMA_01.rows
    }
    stand = [
        started[row.label] if experiment in (TABLE_1, TABLE_2) else verdict.stands
        for experiment, row, verdict in published_test_accuracies(results, "published")
    ]
    return None if None in stand else sum(map(bool, stand))
