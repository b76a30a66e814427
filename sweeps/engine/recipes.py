"""Train a given list of recipes in stacks, on several processes; resumable."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeps.engine.data import DatasetOf, load
from sweeps.engine.disk import disk_reported
from sweeps.engine.execution import Work, require_trainers
from sweeps.engine.groups import GroupLog
from sweeps.engine.local import Local
from sweeps.engine.memory import stack_sizer
from sweeps.engine.records import Records, fingerprint, key_of
from sweeps.output.progress import Clock, OnStatus, Status
from sweeps.space.defaults import checked
from twingrad.dataset import Dataset
from twingrad.recipe import Recipe
from twingrad.training import Diverged, Run


def run_recipes(
    recipes: Sequence[Recipe],
    dataset: Dataset | DatasetOf,
    *,
    backend: str = "manual",
    devices: Sequence[str] = ("cpu",),
    processes: int | None = None,
    stack: int | None = None,
    on_status: OnStatus | None = None,
    folder: Path | None = None,
    states: bool = True,
    curves: bool = False,
) -> Iterator[Run | Diverged]:
    """Train every recipe once and yield the results in the order in which they end.

    Arguments:
        recipes: any; those of equal architecture train as one stack, equal ones train once.
        dataset: for all recipes, in their dtype; or a function that loads the data of a recipe,
            called once for each form of the data.
        backend: "manual" or "torch".
        devices: of torch; the processes use them in turn.
        processes: how many groups train at once; None for one on each core or GPU.
        stack: maximum number of recipes in a stack; None for 16, or 256 on a GPU, if they fit into
            memory.
        on_status: called after every epoch of a stack.
        folder: stores the results; those that it already has are yielded first and not run again.
            None to store nothing.
        states: whether the folder also stores parameters and the costs of minibatches. Results
            read from a folder without them lack both.
        curves: whether to evaluate the training data after every epoch, as the validation data
            are, or only at the end.

    Raises:
        UserError: a recipe does not fit the data, the disk is full, or all workers of a group are
            killed. Results that were stored are kept.
    """
    processes, most = checked(processes, stack, devices)
    require_trainers(backend, devices)
    data = load(dataset, recipes)
    for recipe in recipes:
        recipe.plan_for(data(recipe))
    prints = {id(one): fingerprint(one) for one in data.known.values()}
    wanted = {key_of(recipe, prints[id(data(recipe))], backend): recipe for recipe in recipes}
    records = None if folder is None else Records(folder, data.samples, states=states)
    missing = {}
    for key, recipe in wanted.items():
        known = None if records is None else records.load(key, type(recipe))
        if known is not None and (has_curves(known) or not curves):
            yield known
        else:
            missing[key] = recipe
    if not missing:
        return

    with Local(processes, devices) as executor:
        stack_of = stack_sizer(stack, most, executor.memory, data)
        log = GroupLog(None if folder is None else folder / "groups.jsonl")
        with disk_reported(folder or Path()):
            waiting = log.tasks(missing, wanted.get, stack_of, processes)
        clock = Clock(
            sum(len(task.keys) * task.epochs(data.samples(task.recipes[0])) for task in waiting)
        )
        executor.open("", data, Work(backend, keep_states=True, curves=curves))
        while waiting or executor.tasks:
            while waiting and executor.idle:
                executor.begin(waiting.pop(0))
            for event in executor.wait():
                clock.advance(event.task, event.epoch)
                ended = {key: run for key, run in event.runs.items() if key in missing}
                if records is not None:
                    with disk_reported(records.path):
                        for key, run in ended.items():
                            records.save(key, run)
                yield from ended.values()
                missing = {key: recipe for key, recipe in missing.items() if key not in ended}
                if on_status is not None:
                    done = len(wanted) - len(missing)
                    said = f"{done} of {len(wanted)} trained" if ended else ""
                    training, where, left = executor.training, executor.where, clock.seconds_left
                    on_status(Status(done, len(wanted), training, where, said, "", left))


def has_curves(result: Run | Diverged) -> bool:
    """True if the training data were evaluated after every epoch."""
    return all(epoch.training is not None for epoch in result.history)
