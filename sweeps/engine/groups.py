"""Which trials train as one stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from twingrad.recipe import Recipe
from twingrad.stacks import stack_key
from twingrad.training import Checkpoint


@dataclass(frozen=True)
class Task:
    """A group for one worker.

    Arguments:
        keys: of the recipes, whatever the caller knows them by.
        recipes: that can be stacked.
        start: where to go on; None for the beginning.
        stop: the epoch to stop after; None for the end.
    """

    keys: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    start: Checkpoint | None = None
    stop: int | None = None

    @property
    def done(self) -> int:
        """Epochs done before it."""
        return 0 if self.start is None else self.start.epochs

    def epochs(self, samples: int) -> int:
        """The epoch it ends with."""
        return self.stop or self.recipes[0].plan(samples).epochs


def make_groups(recipes: Mapping[str, Recipe], stack: int, workers: int) -> list[Task]:
    """Groups of equal architecture, as few as fill the workers.

    Recipes with the same `draws` are kept together, since they share their minibatches; the
    longest trainings come first.

    Arguments:
        recipes: by their keys.
        stack: recipes in a group, at most.
        workers: how many groups run at once.
    """
    alike: dict[str, dict[tuple[object, ...], list[str]]] = {}
    for key, recipe in recipes.items():
        by_draws = alike.setdefault(str(stack_key(recipe)), {})
        by_draws.setdefault(recipe.draws, []).append(key)
    piles: list[list[str]] = []
    for by_draws in alike.values():
        piles += [keys for keys in by_draws.values() if len(keys) > 1]
        if single := [keys[0] for keys in by_draws.values() if len(keys) == 1]:
            piles.append(single)
    tasks: list[Task] = []
    for pile in piles:
        count = -(-len(pile) // stack)
        if len(piles) < workers:
            count = min(-(-count // workers) * workers, len(pile))
        tasks += [
            Task(tuple(keys), tuple(recipes[key] for key in keys)) for keys in split(pile, count)
        ]
    return sorted(tasks, key=lambda task: -weight(task))


def split(keys: Sequence[str], count: int) -> list[Sequence[str]]:
    """So many parts, as even as can be."""
    ends = [len(keys) * i // count for i in range(count + 1)]
    return [keys[a:b] for a, b in pairwise(ends)]


def weight(task: Task) -> float:
    """Roughly how long a task takes, up to a factor."""
    recipe = task.recipes[0]
    widths = (3072, *recipe.hidden, 10)
    products = sum(a * b for a, b in pairwise(widths))
    return len(task.keys) * products * (recipe.epochs or 10 * recipe.cycles)
