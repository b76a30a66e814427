"""Run the ladder's jobs in several processes until none is left."""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from reproduction.beyond.choice import jobs
from reproduction.beyond.job import Job, check_of
from reproduction.beyond.rung import Rung
from reproduction.beyond.stack_training import run_job
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.files import write_json
from twingrad.recipe import Recipe
from twingrad.run_folder import make_folder
from twingrad.threads import limit_threads

LoadDataset = Callable[[Recipe], Dataset]
OnEvent = Callable[[str], None]
"""Called with a line when a job begins or ends."""

_dataset: Dataset | None = None
"""The data set, loaded once per worker process."""


def run_ladder(
    rungs: Sequence[Rung],
    load: LoadDataset,
    root: Path,
    *,
    backend: str,
    processes: int,
    seed: int | None = None,
    stack: int = 1,
    device: str = "cpu",
    on_event: OnEvent | None = None,
) -> None:
    """Train what the folder lacks; if interrupted, each training continues after its last epoch.

    Arguments:
        rungs: what to train.
        load: loads the data; can be pickled, and is called once in each process.
        root: holds the folders of all trainings.
        backend, seed, stack, device: as in `jobs`.
        processes: how many trainings at a time, each with one BLAS thread.
        on_event: for progress.

    Raises:
        UserError: a recipe on which the implementations disagree.
    """
    report = on_event or (lambda line: None)
    make_folder(root)
    todo = partial(
        jobs,
        root,
        rungs,
        backend,
        seed=seed,
        stack=stack,
        device=device,
    )
    if processes == 1:
        dataset: Dataset | None = None
        while (job := next(todo(), None)) is not None:
            dataset = dataset or load(job.setting.recipe(0))
            report(f"begins: {job.name}")
            report(checked_job(job, dataset, root))
        return
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(processes, context, end_when_closed, (reader,))
    with pool, writer:
        running: dict[Future[str], Job] = {}
        while True:
            busy = {place for job in running.values() for place in places(job)}
            for job in todo():
                if len(running) == processes:
                    break
                if busy.isdisjoint(places(job)):
                    report(f"begins: {job.name}")
                    running[pool.submit(job_in_worker, job, load, root)] = job
                    busy |= places(job)
            if not running:
                return
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                job = running.pop(future)
                try:
                    report(future.result())
                except BrokenProcessPool:
                    raise UserError(
                        f"a process that trained {job.name} was ended from outside; continue with "
                        "--resume, with fewer --processes if memory ran out"
                    ) from None


def places(job: Job) -> set[tuple[str, str, int]]:
    """The trainings of a job."""
    return {(job.setting.training, job.backend, seed) for seed in job.seeds}


def end_when_closed(reader: Connection) -> None:
    """End this process when the other end of a pipe is closed, for example because its owner has
    ended. Only the owner reacts to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        reader.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def job_in_worker(job: Job, load: LoadDataset, root: Path) -> str:
    """`checked_job` in a worker process, which loads the data for its first job and keeps it."""
    global _dataset
    if _dataset is None:
        _dataset = load(job.setting.recipe(0))
    return checked_job(job, _dataset, root)


def checked_job(job: Job, dataset: Dataset, root: Path) -> str:
    """Check the recipe unless that was done before, train, and return how it ended.

    Raises:
        UserError: the implementations disagree.
    """
    path = check_of(root, job.setting)
    if not path.exists():
        from reproduction.beyond.cross_check import check_recipe

        limit_threads()  # torch is loaded by now
        check = check_recipe(job.setting.recipe(0), dataset)
        make_folder(path.parent)
        write_json(path, check)
    if json.loads(path.read_text())["verdict"] != "agree":
        raise UserError(f"{path}: the implementations disagree on {job.setting.training}")
    if job.backend == "torch":
        import torch_impl  # noqa: F401

    limit_threads()
    run_job(job, dataset, root)
    return f"finished: {job.name}"
