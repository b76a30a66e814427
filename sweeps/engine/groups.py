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


def make_groups(
    recipes: Mapping[str, Recipe], stack: Callable[[Recipe], int], workers: int
) -> list[Task]:
    """Groups of equal architecture, as few as fill the workers.

    Recipes with the same `draws` are kept together, since they share their minibatches; the
    longest trainings come first.

    Arguments:
        recipes: by their keys.
        stack: how many of a recipe's kind a group has, at most.
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
        count = -(-len(pile) // stack(recipes[pile[0]]))
        if len(piles) < workers:
            count = min(-(-count // workers) * workers, len(pile))
        tasks += [
            Task(tuple(keys), tuple(recipes[key] for key in keys)) for keys in split(pile, count)
        ]
    return sorted(tasks, key=lambda task: -weight(task))


def split(keys: Sequence[str], count: int) -> list[Sequence[str]]:
    """Split into this many parts, as evenly as possible."""
    ends = [len(keys) * i // count for i in range(count + 1)]
    return [keys[a:b] for a, b in pairwise(ends)]


def weight(task: Task) -> float:
    """Roughly how long a task takes, up to a factor."""
    recipe = task.recipes[0]
    widths = (3072, *recipe.hidden, 10)
    products = sum(a * b for a, b in pairwise(widths))
    return len(task.keys) * products * (recipe.epochs or 10 * recipe.cycles)


class GroupLog:
    """A file with a line for every group, so that a sweep that was killed in the middle of a stack
    trains the same stack again: in float32 a result depends on the stack in its last bits.

    Arguments:
        path: of the file, made with the first group; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.groups: dict[str, tuple[str, ...]] = {}
        self.continued: dict[tuple[tuple[str, ...], int], tuple[str, ...]] = {}
        content = path.read_bytes() if path is not None and path.exists() else b""
        torn = content and not content.endswith(b"\n")  # half written when the process was killed
        self.before = b"\n" if torn else b""
        for line in content.splitlines():
            try:
                keys, epoch, of = json.loads(line)
                self._take(tuple(keys), epoch, tuple(of))
            except (ValueError, TypeError):  # half written, or damaged
                continue

    def _take(self, keys: tuple[str, ...], epoch: int, of: tuple[str, ...]) -> None:
        if of:
            self.continued[of, epoch] = keys
        else:
            self.groups |= dict.fromkeys(keys, keys)

    def write(self, task: Task, of: Sequence[str] = ()) -> None:
        """Keep a group that is about to begin.

        Arguments:
            of: the group it was a part of until now, where a cycle has ended.

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
        """Groups that hold all that are missing: whole groups as they were, then new ones.

        Arguments:
            missing: recipes to train, by their keys.
            recipe_of: of any other key of an earlier group; None where nobody knows it any more.
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
