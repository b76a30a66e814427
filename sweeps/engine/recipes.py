"""A given list of recipes, trained in stacks over processes, and resumable."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeps.engine.data import DatasetOf, Loaded, form_of, one_of_each_form, require_one_form
from sweeps.engine.disk import disk_reported
from sweeps.engine.execution import require_trainers
from sweeps.engine.executor import Work
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
    """Train every recipe once and yield what became of it, in the order in which they end.

    Arguments:
        recipes: any; those of equal architecture train as one stack. Equal ones train once.
        dataset: for all, in their dtype; or what loads the data of a recipe, which is called
            once for each form that they want.
        backend: "manual" or "torch".
        devices: of torch; the processes take them in turn.
        processes: how many train at once; None for one a core, or one a GPU.
        stack: recipes in a stack, at most; None for 16, or 256 on a GPU, as far as memory allows.
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
    processes, most = checked(processes, stack, devices)
    require_trainers(backend, devices)
    data = loaded(dataset, recipes)
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


def loaded(dataset: Dataset | DatasetOf, recipes: Sequence[Recipe]) -> Loaded:
    """The data of all recipes, each form once."""
    if isinstance(dataset, Dataset):
        require_one_form(recipes)
        return Loaded({(): dataset})
    return Loaded({form_of(recipe): dataset(recipe) for recipe in one_of_each_form(recipes)})
