"""A whole sweep: from the options to the final choice, in a folder from which it can resume."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps.engine.data import DatasetOf, Loaded, forms, load, without_test
from sweeps.engine.disk import disk_reported
from sweeps.engine.execution import Work, require_trainers
from sweeps.engine.executor import Executor
from sweeps.engine.local import Local
from sweeps.engine.memory import StackOf, stack_sizer
from sweeps.engine.reach import require_cluster
from sweeps.output.folder import SweepFolder, read_settings
from sweeps.output.progress import OnStatus
from sweeps.output.report import write_report
from sweeps.output.results import Results, write_numbers
from sweeps.search import Search
from sweeps.space.axes import Space, extremes
from sweeps.space.defaults import checked
from sweeps.space.parsing import parse_space, suited
from sweeps.study.chosen import train_chosen
from sweeps.study.plan import make_plan
from sweeps.study.pruning import require_prunable
from sweeps.study.setup import Setup
from sweeps.study.storage import close_storage, open_storage, reported
from sweeps.study.study import SweepStudy
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.training import OnEpoch

PLANNED = (
    *("train_size", "batch_size", "epochs", "half_cycle", "cycles"),
    *("flip", "shift", "jitter"),
)
"""Fields with values that may not fit the data."""


def run_sweep(
    over: Sequence[str],
    dataset: Dataset | DatasetOf,
    *,
    folder: Path,
    recipe: Recipe | None = None,
    sampler: str = "random",
    backend: str = "manual",
    devices: Sequence[str] = ("cpu",),
    processes: int | None = None,
    stack: int | None = None,
    cluster: str | None = None,
    storage: str | None = None,
    study: str = "sweep",
    resume: bool = False,
    overwrite: bool = False,
    curves: bool | None = None,
    on_status: OnStatus | None = None,
    on_epoch: OnEpoch | None = None,
    **search: Any,
) -> Results:
    """Search, choose by validation accuracy, and evaluate the choice on the test data.

    Arguments:
        over: what to search, such as ["penalty=log:1e-5:1e-1", "hidden=50-50,100-50"].
        dataset: or a function that loads a recipe's data, if their size or dtype is searched.
        folder: of the sweep; see `sweeps.output.folder`.
        recipe: values of the fields that are not searched; None for the default.
        sampler: one of `sweeps.study.plan.SAMPLERS`.
        backend, devices, processes, stack: as in `run_recipes`.
        cluster: address of a Ray cluster that trains instead of this machine, or "auto".
        storage, study: a database that several machines share, and the name of the study there;
            None for a journal in the folder.
        resume: whether to continue the sweep in the folder; it must have the same options and data.
        overwrite: whether to replace a sweep in the folder.
        curves: whether to evaluate the training data after every epoch, as the validation data
            are. None for no, or for what a resumed sweep did before.
        on_status: called with the progress of the search.
        on_epoch: called after every epoch of the final choice.
        search: trials, stages, seed, points, keep, prune, as in `make_plan`.

    Raises:
        UserError: bad input, a folder or study that holds another sweep, a full disk.
    """
    recipe = recipe or Recipe()
    space = parse_space(over, recipe)
    plan = make_plan(sampler, space, recipe, **search)
    if resume:
        before = read_settings(folder)
        curves = before.get("curves", True) if curves is None else curves
        # the last bits of results depend on the stacks
        stack = before.get("stack") if stack is None else stack
    processes, most = checked(processes, stack, devices)
    require_trainers(backend, devices)
    with executor_of(cluster, storage, backend, devices, processes) as executor:
        recipes = forms(space, recipe)
        data, around = load(dataset, recipes), recipes[0]
        identity = data(around).identity
        setup = Setup(space, plan, recipe, identity, backend, tuple(devices), bool(curves))
        require_data_allow(space, around, data)
        if plan.prune is not None:
            require_prunable(space, around, data.samples(around))
        stack_of = stack_sizer(stack, most, executor.memory, data)
        stack_of(around)
        with disk_reported(folder):
            if resume:
                opened = SweepFolder.reopen(folder)
            else:
                opened = SweepFolder.create(
                    folder,
                    setup,
                    storage=storage,
                    study=study,
                    stack=stack,
                    overwrite=overwrite,
                )
            with contextlib.closing(opened):
                opened.setup.require_same(setup, str(folder / "sweep.json"))
                with opened_study(opened, storage, new=not resume) as asked:
                    conduct(opened, asked, data, executor, stack_of, on_status)
                    return choose(opened, asked, data, on_epoch)


def executor_of(
    cluster: str | None, storage: str | None, backend: str, devices: Sequence[str], processes: int
) -> Executor:
    """The processes of this machine, or the cluster at an address."""
    if cluster is None:
        return Local(processes, devices)
    if storage is not None:
        raise UserError(
            "--cluster cannot go with --storage: the single driver of a cluster keeps its study in "
            "--out"
        )
    started = time.monotonic()
    require_cluster(cluster)
    from sweeps.engine.cluster import Cluster

    return Cluster(cluster, backend, devices, started)


def require_data_allow(space: Space, recipe: Recipe, data: Loaded) -> None:
    """Raise UserError unless the data allow every value searched, such as the batch sizes."""
    recipe.plan_for(data(recipe))
    searched = [axis.field for axis in space]
    for axis in space:
        for label in extremes(axis) if axis.field in PLANNED else ():
            one = replace(recipe, **suited(axis.field, axis.decode(label), searched, recipe))
            one.plan_for(data(one))


@contextlib.contextmanager
def opened_study(folder: SweepFolder, storage: str | None, *, new: bool) -> Iterator[SweepStudy]:
    """Open the study of a folder's sweep.

    Arguments:
        storage: as given by the user.
        new: whether to remove the folder if the study cannot be opened.
    """
    settings, address = folder.settings, folder.address(storage)
    with reported(address):
        try:
            kept = open_storage(address, folder.path)
            name, owner, private = settings["study"], settings["owner"], address is None
            study = SweepStudy(kept, name, owner, folder.setup, private=private)
        except Exception:
            if new:
                folder.discard()
            raise
        try:
            yield study
        finally:
            close_storage(kept)


def conduct(
    folder: SweepFolder,
    study: SweepStudy,
    data: Loaded,
    executor: Executor,
    stack_of: StackOf,
    on_status: OnStatus | None,
) -> None:
    """Train all trials. If this is interrupted, the results so far are written."""
    trials, search_data = folder.path / "trials", data.each(without_test)
    work = Work(folder.setup.backend, keep_states=False, curves=folder.setup.curves)
    try:
        with executor:
            executor.open(f"sweep {folder.settings['owner']}", search_data, work)
            Search(study, executor, trials, search_data, stack_of, on_status).run()
    except (KeyboardInterrupt, OSError):
        with contextlib.suppress(OSError):
            results = results_of(folder, study)
            write_numbers(folder.path, results)
            write_report(folder.path, results)
        raise


def choose(
    folder: SweepFolder, study: SweepStudy, data: Loaded, on_epoch: OnEpoch | None
) -> Results:
    """Train the final choice, unless another process of the study does, and write the results.

    Raises:
        UserError: no trial could be trained, because its values cannot be combined.
    """
    results = results_of(folder, study)
    write_numbers(folder.path, results)
    if all(row.status == "invalid" for row in results.rows):
        said = next((row.outcome.said for row in results.rows if row.outcome), "")
        raise UserError(f"--over: no trial could be run, as its values do not go together ({said})")
    if results.best is not None and study.claim_choice():
        recipe = study.recipe(results.best.parameters)
        chosen = train_chosen(folder, results.best.number, recipe, data(recipe), on_epoch)
        results = replace(results, chosen=chosen)
        write_numbers(folder.path, results)
    write_report(folder.path, results)
    return results


def results_of(folder: SweepFolder, study: SweepStudy) -> Results:
    """The results so far."""
    return Results(
        settings=folder.settings,
        space=folder.setup.space,
        stages=study.stages(),
        rows=study.rows(),
        importance=study.importance(),
    )
