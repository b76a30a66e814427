"""A file for every training that has ended, so that a resumed sweep does not run it again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.history import Epoch, Evaluation, History, Part
from twingrad.recipe import Recipe
from twingrad.run_folder import DAMAGE, make_folder
from twingrad.training import EVERY_EPOCH, Diverged, Run


class Records:
    """A folder with KEY.json for every training that ended, and KEY.safetensors with its state.

    Arguments:
        path: of the folder, created if it is missing.
        samples: gives the size of a recipe's training set. Learning rates are not stored; they
            follow from the recipe and this size.
        states: whether to store parameters and the costs of minibatches too.
    """

    def __init__(self, path: Path, samples: Callable[[Recipe], int], *, states: bool) -> None:
        make_folder(path)
        self.path, self.samples, self.states = path, samples, states

    def save(self, key: str, result: Run | Diverged) -> None:
        """Store a result; KEY.json is written last.

        Raises:
            OSError: the disk is full, for example; a record that existed before is kept.
        """
        fields: dict[str, Any] = {
            "recipe": result.recipe.as_json(),
            "status": "diverged" if isinstance(result, Diverged) else "finished",
            "history": [self._compact(epoch) for epoch in result.history],
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
        """Read a result; None if there is none.

        Arguments:
            key: of the training.
            kind: class of the recipe.

        Raises:
            UserError: the record is damaged.
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
            final: dict[Part, Evaluation] = {
                part: Evaluation.from_json(found, finite=False)
                for part, found in fields["final"].items()
            }
            if not final.keys() >= set(EVERY_EPOCH):
                raise ValueError("an evaluation is missing")
            return Run(
                recipe=recipe,
                history=history,
                final=final,
                parameters={k: v for k, v in state.items() if not k.startswith(("mu", "v"))},
                statistics={k: v for k, v in state.items() if k.startswith(("mu", "v"))},
            )
        except DAMAGE as error:
            raise UserError(
                f"{path}: cannot be read ({error}); remove it to run it again"
            ) from error

    def _compact(self, epoch: Epoch) -> dict[str, Any]:
        left_out = ("learning_rates",) if self.states else ("learning_rates", "costs")
        return {name: value for name, value in asdict(epoch).items() if name not in left_out}


def expand(epochs: list[dict[str, Any]], recipe: Recipe, samples: int) -> History:
    """Read stored epochs and add their learning rates."""
    rates, history, done = recipe.plan(samples).learning_rates.tolist(), [], 0
    for fields in epochs:
        own_rates = rates[done : fields["update"]]
        history.append(Epoch.from_json({**fields, "learning_rates": own_rates}))
        done = fields["update"]
    return history


def fingerprint(dataset: Dataset) -> str:
    """Identity of the data as a training sees them: the digest of the images, and their sizes and
    mean values, rounded so that they are equal on every machine."""
    parts = (dataset.training, dataset.validation, dataset.test)
    form = [f"{len(part)} {np.abs(part.X[::50]).mean():.3g}" for part in parts]
    return " ".join([dataset.identity["digest"], *form])


def key_of(recipe: Recipe, data: str, backend: str) -> str:
    """The key of a training: equal for equal recipes on equal data, given by their fingerprint."""
    what = {"recipe": recipe.as_json(), "data": data, "backend": backend}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:20]
