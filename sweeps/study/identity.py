"""True if a folder or a study holds this sweep or another."""

import json
from typing import Any, cast

from sweeps.space.axes import Space
from sweeps.study.plan import Plan
from twingrad.errors import UserError
from twingrad.recipe import Recipe


def describe(plan: Plan, space: Space, recipe: Recipe, digest: str) -> dict[str, Any]:
    """What makes two sweeps the same one, ready for JSON and as JSON gives it back."""
    described = {
        "space": [axis.spec for axis in space],
        "plan": plan.as_json(),
        "recipe": recipe.as_json(),
        "data": digest,
    }
    return cast(dict[str, Any], json.loads(json.dumps(described)))


def require_same(before: dict[str, Any] | None, now: dict[str, Any], where: str) -> None:
    """Raise UserError unless two descriptions of a sweep are equal, naming what differs."""
    if before is None:
        raise UserError(f"{where}: holds trials that are not of a twingrad sweep; name another")
    before = {**before, "recipe": modern(before.get("recipe"), where)}
    for part, value in now.items():
        if before.get(part) != value:
            raise UserError(
                f"{where}: holds a sweep of another {part}, {brief(before.get(part), value)}; "
                "use the same, or name another folder (--out) or study (--study)"
            )


def modern(recipe: Any, where: str) -> Any:
    """A description of a recipe as today's recipes describe themselves, so that a sweep that was
    begun when recipes had other fields is known again."""
    if not isinstance(recipe, dict):
        return recipe
    return json.loads(json.dumps(Recipe.from_json(recipe, where).as_json()))


def brief(before: Any, now: Any) -> str:
    """What differs, without what does not."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in now:
            if before.get(key) != now[key]:
                return f"{key} {before.get(key)} and not {now[key]}"
    if isinstance(before, list) and isinstance(now, list):
        return f"{' '.join(map(str, before))} and not {' '.join(map(str, now))}"
    return f"{before} and not {now}"
