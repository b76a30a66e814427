"""How a space is searched: the sampler, the number of trials in each stage, and pruning."""

from dataclasses import asdict, dataclass
from typing import Any

from sweeps.space.axes import Space, combinations
from twingrad.errors import UserError
from twingrad.recipe import Recipe

LEARNING = ("tpe", "cma-es", "gp")
"""Samplers that learn from finished trials."""

SAMPLERS = ("coarse-to-fine", "grid", "random", *LEARNING)


@dataclass(frozen=True)
class Plan:
    """A search.

    Arguments:
        sampler: one of `SAMPLERS`.
        stages: number of trials in each stage; only coarse-to-fine has several.
        seed: of the draws.
        points: number of values that a grid takes from a range.
        keep: number of best trials that span the next stage of coarse-to-fine; None for a quarter
            of the stage before.
        prune: at the end of every cycle one in this many trials continues; None to train all to
            the end.

    Raises:
        UserError: a value outside its range.
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
        require_least("trials", min(self.stages, default=0), 1)
        require_least("search-seed", self.seed, 0)
        require_least("points", self.points, 1)
        require_least("keep", self.keep, 1)
        require_least("prune", self.prune, 2)

    @property
    def trials(self) -> int:
        """Number of trials in all stages."""
        return sum(self.stages)

    def stage_of(self, number: int) -> int:
        """The stage, from 0, of a trial."""
        return next(s for s in range(len(self.stages)) if number < self.first_of(s + 1))

    def first_of(self, stage: int) -> int:
        """The number of a stage's first trial."""
        return sum(self.stages[:stage])

    def best_kept(self, stage: int) -> int:
        """Number of best trials that span the stage after this one."""
        return self.keep or max(2, self.stages[stage] // 4)

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return {**asdict(self), "stages": list(self.stages)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Plan":
        """The plan that `as_json` described."""
        return cls(**{**fields, "stages": tuple(fields["stages"])})


def require_least(option: str, value: int | None, least: int) -> None:
    """Raise UserError if an option was given a value below its least."""
    if value is not None and value < least:
        raise UserError(f"--{option} is {value}, but expected at least {least}")


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
    """Make a plan from the user's options.

    Arguments:
        trials: in all stages; None for 40. A grid has as many as it has points.
        stages: of coarse-to-fine: the first has half of the trials, the others share the rest.
        points, others: as in `Plan`.

    Raises:
        UserError: a value outside its range.
    """
    sizes: tuple[int, ...] = (40 if trials is None else trials,)
    if sampler == "grid":
        if trials is not None:
            raise UserError(
                "--trials is not for a grid, which tries every combination; give --points"
            )
        require_least("points", points, 1)
        sizes = (len(combinations(space, recipe, points)),)
    elif sampler == "coarse-to-fine":
        sizes = stage_sizes(sizes[0], stages)
    return Plan(sampler, sizes, points=points, **others)


def stage_sizes(trials: int, stages: int) -> tuple[int, ...]:
    """Half of the trials, rounded up, for the first stage; the others share the rest evenly."""
    if stages < 1 or trials < stages:
        raise UserError(
            f"--stages is {stages} for {trials} trials, but expected 1 up to the number of trials"
        )
    if stages == 1:
        return (trials,)
    first = min(-(-trials // 2), trials - (stages - 1))
    share, left = divmod(trials - first, stages - 1)
    return (first, *(share + (i < left) for i in range(stages - 1)))
