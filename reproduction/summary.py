"""A reproduction in a few numbers: what stands, what does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reproduction.claims import Claim, claims
from reproduction.end_costs import END_COST_WITHIN, EndCost, Signature, end_costs, signature
from reproduction.experiment import Experiment, Row
from reproduction.judgement import Verdict, published_test_accuracies
from reproduction.panels import NAME_OF
from reproduction.readings import READINGS, Reading
from reproduction.results import Results

Judged = Sequence[tuple[Experiment, Row, Verdict]]


@dataclass(frozen=True)
class Summary:
    """All verdicts.

    Arguments:
        accuracies: of the published test accuracies that were run, by reading.
        costs: of the published curves' ends.
        signatures: of the missing penalty.
        claims: of the report.
        about: as in `Results`.
    """

    accuracies: dict[Reading, Judged]
    costs: dict[Reading, Sequence[EndCost]]
    signatures: dict[Reading, Signature]
    claims: Sequence[Claim]
    about: dict[str, Any]

    @property
    def sentences(self) -> list[str]:
        """For people, a line each; nothing of what was not run."""
        if self.about["quick"]:
            return ["two epochs of each training: nothing can be judged by them"]
        said = []
        for reading, judged in self.accuracies.items():
            known = [verdict for _, _, verdict in judged if verdict.stands is not None]
            if known:
                stand = sum(verdict.stands is True for verdict in known)
                said.append(
                    f"{NAME_OF[reading]}: {stand} of {len(known)} published test accuracies stand"
                    f"{named(judged)}"
                )
            if costs := self.costs[reading]:
                near = sum(cost.within is True for cost in costs)
                said.append(
                    f"{NAME_OF[reading]}: {near} of {len(costs)} published curves end within "
                    f"{100 * END_COST_WITHIN:g} % of our training cost"
                )
            difference = self.signatures[reading].difference
            if difference.mean is not None:
                said.append(
                    f"{NAME_OF[reading]}: without batch norm the cost of He ends "
                    f"{difference.mean:.3f} above that of Xavier (published "
                    f"{difference.published:.3f})"
                )
        for claim in self.claims:
            answers = [f"{found.answer} {NAME_OF[r]}" for r, found in claim.findings.items()]
            said.append(f"{claim.statement} {', '.join(answers)}")
        return said

    def as_json(self) -> dict[str, Any]:
        """For machines; accuracies in %."""
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
        about=dict(results.about),
    )


def named(judged: Judged) -> str:
    """Those that do not stand."""
    outside = [f"{e.key} {row.label}" for e, row, verdict in judged if verdict.stands is False]
    return f"; outside: {', '.join(outside)}" if outside else ""
