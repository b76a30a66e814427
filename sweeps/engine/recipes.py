"""A given list of recipes, trained in stacks over processes, and resumable."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sweeps.engine.data import (
    DatasetOf,
    Loaded,
    form_of,
    one_of_each_form,
    require_one_form,
)
from sweeps.engine.disk import disk_reported
from sweeps.engine.execution import require_trainers
from sweeps.engine.groups import Task, make_groups
from sweeps.engine.records import Records, fingerprint, key_of
from sweeps.engine.workers import Pool
from sweeps.output.progress import Clock, OnStatus, Status
from sweeps.space.defaults import checked
from twingrad.dataset import Dataset
from twingrad.recipe import Recipe
from twingrad.training import Diverged, Run

OnDone = Callable[[int, int, Run | Diverged], None]
"""Called with how many have ended, how many there are, and the one that just has."""


def run_recipes(
    recipes: Sequence[Recipe],
    dataset: Dataset | DatasetOf,
    *,
    backend: str = "manual",
    devices: Sequence[str] = ("cpu",),
    processes: int | None = None,
    stack: int | None = None,
    on_done: OnDone | None = None,
    on_status: OnStatus | None = None,
    folder: Path | None = None,
    states: bool = True,
    curves: bool = False,
) -> Iterator[Run | Diverged]:
    """Trains every recipe once and yields what became of it, in the order in which they end.

    Arguments:
        recipes: any; those of equal architecture train as one stack. Equal ones train once.
        dataset: for all, in their dtype; or what loads the data of a recipe, which is called
            once for each form that they want.
        backend: "manual" or "torch".
        devices: of torch; the processes take them in turn.
        processes: how many train at once; None for one a core, or one a GPU.
        stack: recipes in a stack, at most; None for 16, or 256 on a GPU.
        on_done: called as each ends.
        on_status: called after every epoch of a stack.
        folder: keeps every training that ended; those it has already are not run again but
            yielded first. None keeps nothing.
        states: whether the folder keeps parameters and the costs of minibatches too; runs read
            from it lack them without.
        curves: whether the training data are evaluated after every epoch, as the validation data
            are, or at the end alone.

    Raises:
        UserError: a recipe does not fit the data, the disk is full, workers are killed time and
            again. What had ended is kept.
    """
    processes, stack = checked(processes, stack, devices)
    require_trainers(backend, devices)
    data = loaded(dataset, recipes)
    for recipe in recipes:
        recipe.plan_for(data(recipe))
    prints = {id(one): fingerprint(one) for one in data.known.values()}
    wanted = {key_of(recipe, prints[id(data(recipe))], backend): recipe for recipe in recipes}
    records = None if folder is None else Records(folder, data.samples, states=states)
    done = 0

    def ended(result: Run | Diverged) -> Run | Diverged:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, len(wanted), result)
        return result

    missing = {}
    for key, recipe in wanted.items():
        known = None if records is None else records.load(key, type(recipe))
        if known is not None and (has_curves(known) or not curves):
            yield ended(known)
        else:
            missing[key] = recipe
    if not missing:
        return

    tasks = make_groups(missing, stack, processes)
    clock = Clock(
        sum(len(task.keys) * task.epochs(data.samples(task.recipes[0])) for task in tasks)
    )
    pool = Pool(data, processes, backend=backend, devices=devices, keep_states=True, curves=curves)
    with pool:
        for task, results in finished(pool, tasks, clock, len(wanted), lambda: done, on_status):
            if records is not None:
                with disk_reported(records.path):
                    for key, result in zip(task.keys, results, strict=True):
                        records.save(key, result)
            yield from map(ended, results)


def has_curves(result: Run | Diverged) -> bool:
    """Whether the training data were evaluated after every epoch."""
    return all(epoch.training is not None for epoch in result.history)


def loaded(dataset: Dataset | DatasetOf, recipes: Sequence[Recipe]) -> Loaded:
    """The data of all recipes, each form once."""
    if isinstance(dataset, Dataset):
        require_one_form(recipes)
        return Loaded({(): dataset})
    return Loaded({form_of(recipe): dataset(recipe) for recipe in one_of_each_form(recipes)})


def finished(
    pool: Pool,
    tasks: Sequence[Task],
    clock: Clock,
    total: int,
    done: Callable[[], int],
    on_status: OnStatus | None,
) -> Iterator[tuple[Task, list[Run | Diverged]]]:
    """Every task with its results, as they end."""
    waiting = list(tasks)
    while waiting or pool.busy:
        while waiting and pool.idle:
            pool.begin(waiting.pop(0))
        for event in pool.wait():
            clock.advance(event.task, event.epoch)
            if isinstance(event.result, list):
                yield event.task, event.result
            if on_status is not None:
                said = f"{done()} of {total} trained" if event.result is not None else ""
                training = pool.training
                on_status(Status(done(), total, training, said, "", clock.seconds_left))
