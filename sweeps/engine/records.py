"""Trainings that ended, a file each: what a resumed list of recipes need not run again."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.history import Epoch, Evaluation, History
from twingrad.recipe import Recipe
from twingrad.run_folder import DAMAGE, make_folder
from twingrad.training import EVERY_EPOCH, PARTS, Diverged, Run


class Records:
    """A folder with KEY.json for every training that ended, and KEY.safetensors with its state.

    Arguments:
        path: made if it is not there.
        samples: in a recipe's training set; they make the learning rates, which are not stored.
        states: whether parameters and the costs of every minibatch are kept, or the evaluations
            alone.
    """

    def __init__(self, path: Path, samples: Callable[[Recipe], int], *, states: bool) -> None:
        make_folder(path)
        self.path, self.samples, self.states = path, samples, states

    def save(self, key: str, result: Run | Diverged) -> None:
        """Write one; it is there once KEY.json is.

        Raises:
            OSError: as where the disk is full; what was there before stays.
        """
        fields: dict[str, Any] = {
            "recipe": result.recipe.as_json(),
            "status": "diverged" if isinstance(result, Diverged) else "finished",
            "history": [compact(epoch, costs=self.states) for epoch in result.history],
        }
        if isinstance(result, Diverged):
            fields |= {
                "update": result.update,
                "learning_rate": result.learning_rate,
                "cost": repr(result.cost),
            }
        else:
            fields["final"] = {part: vars(found) for part, found in result.final.items()}
            if self.states:
                state = result.parameters | result.statistics
                write_whole(self.path / f"{key}.safetensors", save(state))
        write_whole(self.path / f"{key}.json", json.dumps(fields).encode())

    def load(self, key: str, kind: type[Recipe] = Recipe) -> Run | Diverged | None:
        """One that ended; None where there is none.

        Arguments:
            key: of the training.
            kind: reads its recipe.

        Raises:
            UserError: it is damaged.
        """
        path = self.path / f"{key}.json"
        if not path.exists():
            return None
        try:
            fields = json.loads(path.read_text())
            recipe = kind.from_json(fields["recipe"], str(path))
            history = expand(fields["history"], recipe, self.samples(recipe))
            if fields["status"] == "diverged":
                cost = float(fields["cost"])
                return Diverged(recipe, fields["update"], fields["learning_rate"], cost, history)
            state = load_file(self.path / f"{key}.safetensors") if self.states else {}
            return Run(
                recipe=recipe,
                history=history,
                final={
                    part: Evaluation.from_json(fields["final"][part], finite=False)
                    for part in (PARTS if self.states else EVERY_EPOCH)
                },
                parameters={k: v for k, v in state.items() if not k.startswith(("mu", "v"))},
                statistics={k: v for k, v in state.items() if k.startswith(("mu", "v"))},
            )
        except DAMAGE as error:
            said = f"{path}: cannot be read ({error}); remove it to run it again"
            raise UserError(said) from error


def compact(epoch: Epoch, *, costs: bool) -> dict[str, Any]:
    """An epoch without its learning rates, which its recipe gives, and with or without `costs`."""
    fields = {
        name: vars(value) if isinstance(value, Evaluation) else value
        for name, value in vars(epoch).items()
    }
    del fields["learning_rates"]
    if not costs:
        del fields["costs"]
    return fields


def expand(epochs: list[dict[str, Any]], recipe: Recipe, samples: int) -> History:
    """The epochs that `compact` made small."""
    rates, history, done = recipe.plan(samples).learning_rates.tolist(), [], 0
    for fields in epochs:
        own_rates = rates[done : fields["update"]]
        history.append(Epoch.from_json({**fields, "learning_rates": own_rates}))
        done = fields["update"]
    return history


def fingerprint(dataset: Dataset) -> str:
    """Identity of data as trained on: the digest of the images, and how they were standardised,
    coarsely enough for machines to agree."""
    parts = (dataset.training, dataset.validation, dataset.test)
    form = [f"{len(part)} {np.abs(part.X[::50]).mean():.3g}" for part in parts]
    return " ".join([dataset.identity["digest"], *form])


def key_of(recipe: Recipe, data: str, backend: str) -> str:
    """A recipe's place among the records: equal for what would train alike.

    Arguments:
        data: fingerprint of the data.
    """
    what = {"recipe": recipe.as_json(), "data": data, "backend": backend}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:20]
