"""The command that repeats one training of the page by hand."""

import shlex
from collections.abc import Sequence

from reproduction.published.cells import Cell
from reproduction.published.defects import PublishedRecipe
from twingrad.recipe import Recipe


def command_of(cell: Cell) -> str:
    """What trains a cell alone.

    A recipe without defects is one that `twingrad train` has options for. The defects are no
    options there, so `twingrad reproduce` trains those that have some.
    """
    if isinstance(cell.recipe, PublishedRecipe):
        words = ["twingrad", "reproduce", "--only", cell.experiment, "--row", cell.row]
        words += ["--reading", cell.reading, "--seed", str(cell.seed)]
    else:
        words = ["twingrad", "train", *train_options(cell.recipe)]
    if cell.backend != "manual":
        words += ["--backend", cell.backend]
    return shlex.join(words)


def train_options(recipe: Recipe) -> Sequence[str]:
    """The options in which a recipe is not the plain one, and the seed."""
    plain, words = Recipe().as_json(), []
    for name, value in recipe.as_json().items():
        option = f"--{name.replace('_', '-')}"
        if value == plain[name] and name != "seed":
            continue
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            words += [option, ",".join(map(str, value))]
        else:
            words += [option, str(value)]
    return words
