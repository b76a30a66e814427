"""A whole sweep: from what is searched to the final choice, in a folder that lets it resume."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps.engine.data import DatasetOf, Loaded, forms, load_all, require_one_form
from sweeps.engine.disk import disk_reported
from sweeps.engine.execution import require_trainers
from sweeps.engine.executor import Executor, Work
from sweeps.engine.groups import GroupLog
from sweeps.engine.local import Local
from sweeps.engine.memory import StackOf, stack_sizer
from sweeps.engine.reach import require_cluster
from sweeps.engine.records import Records
from sweeps.output.folder import SweepFolder, read_settings
from sweeps.output.progress import OnStatus
from sweeps.output.results import Results
from sweeps.output.writing import write_numbers, write_results
from sweeps.search import Search
from sweeps.space.axes import Space, apply, extremes
from sweeps.space.defaults import checked
from sweeps.space.parsing import parse_space, suited
from sweeps.study.chosen import train_chosen
from sweeps.study.importance import importance_of
from sweeps.study.plan import make_plan
from sweeps.study.pruning import require_prunable
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
"""Fields whose values the data may not allow."""


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
        dataset: or what gives it for a recipe, where size or dtype of the data are searched.
        folder: of the sweep; see `sweeps.output.folder`.
        recipe: what is searched around; None for the default.
        sampler: one of `sweeps.study.plan.SAMPLERS`.
        backend, devices, processes, stack: as in `run_recipes`.
        cluster: address of a Ray cluster that trains instead of this machine, or "auto".
        storage, study: a database that several machines share, and the study's name there;
            None for a journal in the folder.
        resume: continues what is in the folder; it must be this sweep on these data.
        overwrite: replaces what is in the folder.
        curves: whether the training data are evaluated after every epoch, as the validation data
            are, or at the end alone. None for no, or where a sweep resumes for as it was begun.
        on_status: called as the search goes on.
        on_epoch: called as the final choice trains.
        search: trials, stages, seed, points, keep, prune, as in `make_plan`.

    Raises:
        UserError: bad input, a folder or study that holds another sweep, a disk that is full.
    """
    recipe = recipe or Recipe()
    space = parse_space(over, recipe)
    plan = make_plan(sampler, space, recipe, **search)
    if resume and stack is None:  # stacks of another size would have other last bits
        stack = read_settings(folder).get("stack")
    processes, most = checked(processes, stack, devices)
    require_trainers(backend, devices)
    with executor_of(cluster, storage, backend, devices, processes) as executor:
        given = dataset
        if isinstance(given, Dataset):
            require_one_form(forms(space, recipe))
        data = load_all((lambda _: given) if isinstance(given, Dataset) else given, space, recipe)
        around = forms(space, recipe)[0]  # like the recipe, but of a form that is loaded
        identity = data(around).identity
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
                    plan=plan,
                    space=space,
                    recipe=recipe,
                    identity=identity,
                    backend=backend,
                    devices=tuple(devices),
                    storage=storage,
                    study=study,
                    overwrite=overwrite,
                    curves=bool(curves),
                    stack=stack,
                )
            try:
                opened.require_same(
                    *(plan, space, recipe, identity["digest"]),
                    backend=backend,
                    devices=devices,
                    curves=curves,
                )
                with opened_study(opened, storage, new=not resume) as asked:
                    return conduct(opened, asked, data, executor, stack_of, on_status, on_epoch)
            finally:
                opened.close()


def executor_of(
    cluster: str | None, storage: str | None, backend: str, devices: Sequence[str], processes: int
) -> Executor:
    """This machine's processes, or the cluster at an address."""
    if cluster is None:
        return Local(processes, devices)
    if storage is not None:
        raise UserError(
            "--cluster cannot go with --storage: one driver leads the whole cluster, and keeps its "
            "study in --out"
        )
    started = time.monotonic()
    require_cluster(cluster)
    from sweeps.engine.cluster import Cluster

    return Cluster(cluster, backend, devices, started)


@contextlib.contextmanager
def opened_study(folder: SweepFolder, storage: str | None, *, new: bool) -> Iterator[SweepStudy]:
    """The study of a folder's sweep.

    Arguments:
        folder: removed if it is new and there is no such study to be had.
        storage: as given by the user, None where it was not.
    """
    settings, address = folder.settings, folder.address(storage)
    with reported(address):
        try:
            kept = open_storage(address, folder.path)
            study = SweepStudy(
                kept,
                settings["study"],
                settings["owner"],
                plan=folder.plan,
                space=folder.space,
                recipe=folder.recipe,
                digest=settings["data"],
                private=address is None,
            )
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
    on_epoch: OnEpoch | None,
) -> Results:
    """Run what the folder holds to its end.

    Results are written at the end, and also as far as they go where it is interrupted.
    """
    settings, space = folder.settings, folder.space
    search_data = data.without_test()
    records = Records(folder.path / "trials", data.samples, states=False)
    log = GroupLog(folder.path / "trials" / "groups.jsonl")
    work = Work(settings["backend"], keep_states=False, curves=folder.curves)
    try:
        with executor:
            executor.open(f"sweep {settings['owner']}", search_data, work)
            Search(study, executor, records, log, search_data, stack_of, on_status).run()
    except (KeyboardInterrupt, OSError):
        with contextlib.suppress(OSError):
            write_results(folder.path, results_of(folder, study))
        raise
    found = results_of(folder, study)
    write_numbers(folder.path, found)
    require_possible(found)
    if found.best is not None and study.claim_choice():
        recipe = apply(folder.recipe, space, found.best.parameters)
        chosen = train_chosen(folder, found.best, recipe, data(recipe), on_epoch)
        found = replace(found, chosen=chosen)
    write_results(folder.path, found)
    return found


def results_of(folder: SweepFolder, study: SweepStudy) -> Results:
    """What is known so far."""
    return Results(
        folder.settings,
        folder.space,
        study.stages(),
        study.rows(),
        importance=importance_of(study.study),
    )


def require_possible(results: Results) -> None:
    """Raise UserError where no trial had values that go together."""
    if all(row.status == "invalid" for row in results.rows):
        said = next((row.outcome.said for row in results.rows if row.outcome), "")
        raise UserError(f"--over: no trial could be run, as its values do not go together ({said})")


def require_data_allow(space: Space, recipe: Recipe, data: Loaded) -> None:
    """Raise UserError unless every value searched can train on the data, such as a minibatch of
    every size."""
    recipe.plan_for(data(recipe))
    searched = [axis.field for axis in space]
    for axis in space:
        if axis.field not in PLANNED:
            continue
        for label in extremes(axis):
            values = suited(axis.field, axis.decode(label), searched, recipe)
            one = replace(recipe, **values)
            one.plan_for(data(one))
