"""How a space is searched: the sampler, how many trials in which stages, and what ends early."""

from dataclasses import asdict, dataclass
from typing import Any

from sweeps.space.axes import Space, combinations
from twingrad.errors import UserError
from twingrad.recipe import Recipe

LEARNING = ("tpe", "cma-es", "gp")
"""Samplers that learn from the trials that have ended."""

SAMPLERS = ("coarse-to-fine", "grid", "random", *LEARNING)


@dataclass(frozen=True)
class Plan:
    """A search.

    Arguments:
        sampler: one of `SAMPLERS`.
        stages: trials in each; only coarse-to-fine has several.
        seed: of what is drawn.
        points: of a range, in a grid.
        keep: coarse-to-fine: so many of the best so far span the next stage; None for a quarter
            of the stage before.
        prune: at the end of every cycle one in so many trials goes on; None lets all finish.
    """

    sampler: str
    stages: tuple[int, ...]
    seed: int = 0
    points: int = 5
    keep: int | None = None
    prune: int | None = None

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise UserError(
                f"--sampler is {self.sampler!r}, but expected one of {', '.join(SAMPLERS)}"
            )
        for option, value, least in [
            ("trials", min(self.stages, default=0), 1),
            ("search-seed", self.seed, 0),
            ("points", self.points, 1),
            ("keep", self.keep, 1),
            ("prune", self.prune, 2),
        ]:
            if value is not None and value < least:
                raise UserError(f"--{option} is {value}, but expected at least {least}")

    @property
    def trials(self) -> int:
        """In all stages."""
        return sum(self.stages)

    def stage_of(self, number: int) -> int:
        """The stage, from 0, of the trial of that number."""
        return next(s for s in range(len(self.stages)) if number < self.first_of(s + 1))

    def first_of(self, stage: int) -> int:
        """The number of a stage's first trial."""
        return sum(self.stages[:stage])

    def best_kept(self, stage: int) -> int:
        """How many of the best span the stage after this one."""
        return self.keep or max(2, self.stages[stage] // 4)

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return {**asdict(self), "stages": list(self.stages)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Plan":
        """The plan that `as_json` described."""
        return cls(**{**fields, "stages": tuple(fields["stages"])})


def make_plan(
    sampler: str,
    space: Space,
    recipe: Recipe,
    *,
    trials: int | None = None,
    stages: int = 3,
    points: int = 5,
    **others: Any,
) -> Plan:
    """A plan from what a user asks for.

    Arguments:
        trials: in all; a grid has as many as it has points. None for 40.
        stages: of coarse-to-fine: the first takes half of the trials, the others share the rest.
        points, others: as in `Plan`.

    Raises:
        UserError: a value outside its range.
    """
    sizes: tuple[int, ...] = (trials if trials is not None else 40,)
    if sampler == "grid":
        if trials is not None:
            raise UserError(
                "--trials is not for a grid, which has as many as its values make; give --points"
            )
        if points < 1:
            raise UserError(f"--points is {points}, but expected at least 1")
        sizes = (len(combinations(space, recipe, points)),)
    elif sampler == "coarse-to-fine":
        sizes = stage_sizes(sizes[0], stages)
    return Plan(sampler, sizes, points=points, **others)


def stage_sizes(trials: int, stages: int) -> tuple[int, ...]:
    """Half of the trials, rounded up, to the first stage; the others share the rest evenly."""
    if stages < 1 or trials < stages:
        raise UserError(
            f"--stages is {stages} for {trials} trials, but expected 1 up to the number of trials"
        )
    if stages == 1:
        return (trials,)
    first = min(-(-trials // 2), trials - (stages - 1))
    rest = trials - first
    others = [rest // (stages - 1) + (i < rest % (stages - 1)) for i in range(stages - 1)]
    return (first, *others)
