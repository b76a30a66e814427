"""Commands that repeat single trainings of the page."""

import shlex
from collections.abc import Sequence

from reproduction.published.cells import Cell
from reproduction.published.defects import PublishedRecipe
from twingrad.recipe import Recipe


def command_of(cell: Cell) -> str:
    """The command that trains one cell: `twingrad train`, or `twingrad reproduce` if the recipe has
    defects, for which `train` has no options."""
    if isinstance(cell.recipe, PublishedRecipe):
        words = ["twingrad", "reproduce", "--only", cell.experiment, "--row", cell.row]
        words += ["--reading", cell.reading, "--seed", str(cell.seed)]
    else:
        words = ["twingrad", "train", *train_options(cell.recipe)]
    if cell.backend != "manual":
        words += ["--backend", cell.backend]
    return shlex.join(words)


def train_options(recipe: Recipe) -> Sequence[str]:
    """The options for all fields that differ from the defaults, and for the seed."""
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
