"""The data of a sweep: loaded once for each form in which its recipes want them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweeps.space.axes import Choices, Space, apply
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.training import PARTS

DatasetOf = Callable[[Recipe], Dataset]
"""The data as a recipe wants them, in its dtype and of its size."""

FORMS = ("dtype", "batches", "train_size", "per_file_standardization")
"""Fields of a recipe that the data depend on."""

Form = tuple[object, ...]


@dataclass(frozen=True)
class Loaded:
    """Data in memory, by the form of their recipes; one data set alone serves every recipe."""

    known: Mapping[Form, Dataset]

    def __call__(self, recipe: Recipe) -> Dataset:
        """The data of a recipe."""
        if len(self.known) == 1:
            return next(iter(self.known.values()))
        return self.known[form_of(recipe)]

    def samples(self, recipe: Recipe) -> int:
        """In a recipe's training set."""
        return len(self(recipe).training)

    @property
    def nbytes(self) -> int:
        """Bytes of all the images."""
        return sum(getattr(one, part).X.nbytes for one in self.known.values() for part in PARTS)

    def without_test(self) -> "Loaded":
        """The same with one validation image in the place of the test images.

        It is what trials train on: no choice can depend on data that no trial has.
        """
        return Loaded({form: without_test(one) for form, one in self.known.items()})

    def plain(self) -> "Loaded":
        """The same arrays, mapped from a file, without the overhead of `numpy.memmap`."""
        plain = {
            form: {part: split_of(getattr(one, part)) for part in PARTS}
            for form, one in self.known.items()
        }
        return Loaded({form: replace(one, **plain[form]) for form, one in self.known.items()})


def split_of(part: Split) -> Split:
    """A part of the data, as plain arrays."""
    return Split(np.asarray(part.X), np.asarray(part.y))


def require_one_form(recipes: Sequence[Recipe]) -> None:
    """Raise UserError unless one data set, in whatever dtype, serves all recipes."""
    for name in FORMS:
        if name != "dtype" and len({getattr(recipe, name) for recipe in recipes}) > 1:
            raise UserError(
                f"the recipes differ in {name}, but one data set was given; give a function that "
                "loads the data of a recipe"
            )


def load_all(dataset_of: DatasetOf, space: Space, recipe: Recipe) -> Loaded:
    """The data of every recipe in the space, each form once.

    Arguments:
        dataset_of: loads the data for a recipe.
        space, recipe: of the search.

    Raises:
        UserError: a range over the size of the data, for which each trial would need its own.
    """
    return Loaded({form_of(one): dataset_of(one) for one in one_of_each_form(forms(space, recipe))})


def one_of_each_form(recipes: Sequence[Recipe]) -> Sequence[Recipe]:
    """The first recipe that wants the data in each form."""
    return list({form_of(recipe): recipe for recipe in reversed(recipes)}.values())[::-1]


def form_of(recipe: Recipe) -> Form:
    """What the data of a recipe depend on."""
    return tuple(getattr(recipe, name) for name in FORMS)


def forms(space: Space, recipe: Recipe) -> Sequence[Recipe]:
    """A recipe for each form of the data that the space asks for; the one searched around, where
    it does not search over that form."""
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
    """The data with one validation image in the place of the test images."""
    few = Split(dataset.validation.X[:1], dataset.validation.y[:1])
    return replace(dataset, test=few)
