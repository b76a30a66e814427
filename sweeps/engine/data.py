"""The data of a sweep, loaded once for each form that its recipes need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweeps.space.axes import Choices, Space, apply
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.training import PARTS

DatasetOf = Callable[[Recipe], Dataset]
"""Loads the data of a recipe, in its dtype and size."""

FORMS = ("dtype", "batches", "train_size", "per_file_standardization")
"""Fields of a recipe that its data depend on."""

Form = tuple[object, ...]
"""Values of these fields."""


@dataclass(frozen=True)
class Loaded:
    """Data in memory, by the form of their recipes; a single data set serves every recipe."""

    known: Mapping[Form, Dataset]

    def __call__(self, recipe: Recipe) -> Dataset:
        """The data of a recipe."""
        if len(self.known) == 1:
            return next(iter(self.known.values()))
        return self.known[form_of(recipe)]

    def samples(self, recipe: Recipe) -> int:
        """The size of a recipe's training set."""
        return len(self(recipe).training)

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return sum(getattr(one, part).X.nbytes for one in self.known.values() for part in PARTS)

    def each(self, change: Callable[[Dataset], Dataset]) -> "Loaded":
        """Apply a function to every data set."""
        return Loaded({form: change(dataset) for form, dataset in self.known.items()})


def load(dataset: Dataset | DatasetOf, recipes: Sequence[Recipe]) -> Loaded:
    """Load the data of all recipes.

    Arguments:
        dataset: for all recipes, whatever their dtype; or a function that loads a recipe's data.

    Raises:
        UserError: a single data set cannot serve all recipes.
    """
    first = {form_of(recipe): recipe for recipe in reversed(recipes)}
    if not isinstance(dataset, Dataset):
        return Loaded({form: dataset(first[form]) for form in reversed(first)})
    for name in FORMS:
        if name != "dtype" and len({getattr(recipe, name) for recipe in recipes}) > 1:
            raise UserError(
                f"the recipes differ in {name}, but one data set was given; give a function that "
                "loads the data of a recipe"
            )
    return Loaded({(): dataset})


def form_of(recipe: Recipe) -> Form:
    """The fields of a recipe that its data depend on."""
    return tuple(getattr(recipe, name) for name in FORMS)


def forms(space: Space, recipe: Recipe) -> Sequence[Recipe]:
    """A recipe for each form of the data in a space.

    Raises:
        UserError: a range over such a field, which would need a data set for each trial.
    """
    recipes = [recipe]
    for axis in space:
        if axis.field not in FORMS:
            continue
        if not isinstance(axis, Choices):
            raise UserError(f"--over {axis.spec}: give a list, since every value has its own data")
        recipes = [
            apply(one, (axis,), {axis.field: label}) for one in recipes for label in axis.labels
        ]
    return recipes


def without_test(dataset: Dataset) -> Dataset:
    """The data with one validation image instead of the test images, which no trial may see."""
    few = Split(dataset.validation.X[:1], dataset.validation.y[:1])
    return replace(dataset, test=few)


def plain(dataset: Dataset) -> Dataset:
    """The same arrays as plain arrays, without the overhead of `numpy.memmap`."""
    parts = (dataset.training, dataset.validation, dataset.test)
    training, validation, test = (Split(np.asarray(part.X), np.asarray(part.y)) for part in parts)
    return replace(dataset, training=training, validation=validation, test=test)
