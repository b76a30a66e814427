"""What a sweep searches and how it trains. It must not change when the sweep is resumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.space.axes import Space
from sweeps.space.parsing import parse_space
from sweeps.study.plan import Plan
from twingrad.errors import UserError
from twingrad.recipe import Recipe


@dataclass(frozen=True)
class Setup:
    """A sweep as the user asked for it.

    Arguments:
        space: the fields to search, with their values.
        plan: how to search them.
        recipe: the values of all other fields.
        dataset: identity of the data, as `Dataset.identity`.
        backend: "manual" or "torch".
        devices: where to train, such as ("cpu",).
        curves: whether to evaluate the training data after every epoch too.
    """

    space: Space
    plan: Plan
    recipe: Recipe
    dataset: Mapping[str, Any]
    backend: str = "manual"
    devices: tuple[str, ...] = ("cpu",)
    curves: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """What all drivers of one study have in common, in JSON's types."""
        described = {
            "space": [axis.spec for axis in self.space],
            "plan": self.plan.as_json(),
            "recipe": self.recipe.as_json(),
            "data": self.dataset["digest"],
        }
        identity: dict[str, Any] = json.loads(json.dumps(described))
        return identity

    def require_same(self, other: "Setup", where: str) -> None:
        """Raise UserError unless another setup would train the same networks."""
        require_same(self._compared(), other._compared(), where)

    def _compared(self) -> dict[str, Any]:
        options = {"--backend": self.backend, "--device": ",".join(self.devices)}
        return {**self.identity, **options, "--curves": self.curves}

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return {
            **self.identity,
            "dataset": dict(self.dataset),
            "backend": self.backend,
            "devices": list(self.devices),
            "curves": self.curves,
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any], file: Path) -> "Setup":
        """The setup that `as_json` described.

        Raises:
            UserError: the fields are damaged, or their recipe or space is no longer supported; the
                message names the file.
        """
        try:
            recipe = Recipe.from_json(fields["recipe"], str(file))
            devices = tuple(fields["devices"])
            if not devices or not all(isinstance(device, str) for device in devices):
                raise TypeError("devices")
            plan = Plan.from_json(fields["plan"])
            dataset = {**fields["dataset"], "digest": fields["data"]}
            space = read_space(fields["space"], recipe, file)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UserError(f"{file}: is damaged ({error})") from error
        curves = bool(fields.get("curves", True))  # early versions always evaluated them
        return cls(space, plan, recipe, dataset, fields["backend"], devices, curves)


def read_space(specs: list[str], recipe: Recipe, file: Path) -> Space:
    """Parse the space of an existing sweep."""
    try:
        return parse_space(specs, recipe)
    except UserError as error:
        raise UserError(f"{file}: cannot be resumed; start a new sweep ({error})") from error


def require_same(before: dict[str, Any] | None, now: dict[str, Any], where: str) -> None:
    """Raise UserError unless two identities are equal; the message says what differs."""
    if before is None:
        raise UserError(f"{where}: holds trials that are not of a twingrad sweep; name another")
    recipe = before.get("recipe")
    if isinstance(recipe, dict):  # an earlier version described it by other fields
        current = Recipe.from_json(recipe, where).as_json()
        before = {**before, "recipe": json.loads(json.dumps(current))}
    for part, value in now.items():
        if before.get(part) != value:
            raise UserError(
                f"{where}: holds a sweep of another {part}, {difference(before.get(part), value)}; "
                "use the same, or name another folder (--out) or study (--study)"
            )


def difference(before: Any, now: Any) -> str:
    """Two values as text, without the keys that they agree on."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in now:
            if before.get(key) != now[key]:
                return f"{key} {before.get(key)} and not {now[key]}"
    if isinstance(before, list) and isinstance(now, list):
        return f"{' '.join(map(str, before))} and not {' '.join(map(str, now))}"
    return f"{before} and not {now}"
