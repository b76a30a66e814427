"""Which trials train as one stack, now and when a sweep resumes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from twingrad.recipe import Recipe
from twingrad.stacks import stack_key
from twingrad.training import Checkpoint


@dataclass(frozen=True)
class Task:
    """A group for one worker.

    Arguments:
        keys: names of the recipes.
        recipes: that can be stacked.
        start: the state to continue from; None for the beginning.
        stop: the epoch to stop after; None for the end.
    """

    keys: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    start: Checkpoint | None = None
    stop: int | None = None

    @property
    def done(self) -> int:
        """Number of epochs trained before this task."""
        return 0 if self.start is None else self.start.epochs

    def epochs(self, samples: int) -> int:
        """The last epoch of this task."""
        return self.stop or self.recipes[0].plan(samples).epochs


def make_groups(
    recipes: Mapping[str, Recipe], stack: Callable[[Recipe], int], workers: int
) -> list[Task]:
    """Group recipes of equal architecture into as few stacks as occupy all workers.

    Recipes with the same `draws` are kept together, because they share their minibatches.

    Arguments:
        recipes: by their keys.
        stack: gives the maximum size of a stack for a recipe.
        workers: number of groups that train at once.

    Returns:
        The groups, the longest training first.
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
        count = -(-len(pile) // stack(recipes[pile[0]]))
        if len(piles) < workers:
            count = min(-(-count // workers) * workers, len(pile))
        ends = [len(pile) * i // count for i in range(count + 1)]
        parts = [pile[a:b] for a, b in pairwise(ends)]
        tasks += [Task(tuple(keys), tuple(recipes[key] for key in keys)) for keys in parts]
    return sorted(tasks, key=lambda task: -weight(task))


def weight(task: Task) -> float:
    """The approximate duration of a task, up to a factor."""
    recipe = task.recipes[0]
    products = sum(a * b for a, b in pairwise((3072, *recipe.hidden, 10)))
    return len(task.keys) * products * (recipe.epochs or 10 * recipe.cycles)


class GroupLog:
    """A file with a line for every group, so that a resumed sweep trains the same stacks again: in
    float32 the last bits of a result depend on its stack.

    Arguments:
        path: of the file, created with the first group; None to write nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.groups: dict[str, tuple[str, ...]] = {}
        self.continued: dict[tuple[tuple[str, ...], int], tuple[str, ...]] = {}
        content = path.read_bytes() if path is not None and path.exists() else b""
        torn = content and not content.endswith(b"\n")  # the process was killed while writing
        self.before = b"\n" if torn else b""
        for line in content.splitlines():
            try:
                keys, epoch, of = json.loads(line)
                self._take(tuple(keys), epoch, tuple(of))
            except (ValueError, TypeError):  # damaged or incomplete
                continue

    def _take(self, keys: tuple[str, ...], epoch: int, of: tuple[str, ...]) -> None:
        if of:
            self.continued[of, epoch] = keys
        else:
            self.groups |= dict.fromkeys(keys, keys)

    def write(self, task: Task, of: Sequence[str] = ()) -> None:
        """Write down a group before it begins.

        Arguments:
            of: the keys of the stack that it is the rest of, if it continues after a cycle.

        Raises:
            OSError: the disk is full.
        """
        self._take(task.keys, task.done, tuple(of))
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(self.before + json.dumps([task.keys, task.done, of]).encode() + b"\n")
            self.before = b""

    def tasks(
        self,
        missing: Mapping[str, Recipe],
        recipe_of: Callable[[str], Recipe | None],
        stack: Callable[[Recipe], int],
        workers: int,
    ) -> list[Task]:
        """Group recipes: earlier groups as they were, then new ones, which are written down.

        Arguments:
            missing: recipes to train, by their keys.
            recipe_of: gives the recipe of any other key of an earlier group, None if unknown.
            stack, workers: as in `make_groups`.
        """
        tasks, fresh = [], dict(missing)
        for key in missing:
            keys = self.groups.get(key, ()) if key in fresh else ()
            recipes = [missing.get(other) or recipe_of(other) for other in keys]
            known = [recipe for recipe in recipes if recipe is not None]
            if keys and len(known) == len(keys):
                tasks.append(Task(keys, tuple(known)))
                fresh = {other: fresh[other] for other in fresh if other not in keys}
        for task in make_groups(fresh, stack, workers):
            self.write(task)
            tasks.append(task)
        return tasks
