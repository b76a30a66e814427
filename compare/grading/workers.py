"""Judge submissions in several processes; if one fails, the others continue."""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from compare.grading.entries import Entry
from compare.grading.judged import Judged
from compare.grading.judging import Conditions, judge_entry

JUDGING = 240.0
"""Maximum time for a submission in seconds, in addition to the submission's own limit."""

POLL = 0.5


@dataclass
class Worker:
    """A judging process.

    Arguments:
        entry: the submission that it is judging, or None.
        until: the time at which it must have finished.
    """

    process: BaseProcess
    pipe: Pipe
    entry: Entry | None = None
    until: float = 0.0


def judge_all(
    entries: Sequence[Entry], conditions: Conditions, jobs: int, scratch: Path
) -> Iterator[Judged]:
    """Judge submissions in parallel, and yield each verdict as soon as it is known.

    Arguments:
        jobs: number of submissions judged at the same time.
        scratch: a folder for temporary files.
    """
    waiting = list(entries)[::-1]
    workers: list[Worker] = []
    try:
        while waiting or any(worker.entry for worker in workers):
            busy = sum(worker.entry is not None for worker in workers)
            while waiting and busy < jobs:
                worker = next((w for w in workers if w.entry is None), None)
                if worker is None:
                    worker = start(conditions, scratch)
                    workers.append(worker)
                give(worker, waiting.pop(), conditions)
                busy += 1
            for worker in list(workers):
                found = taken(worker)
                if found is None:
                    continue
                yield found
                if not worker.process.is_alive():
                    workers.remove(worker)
            wait([w.pipe for w in workers if w.entry is not None], POLL)
    finally:
        for worker in workers:
            stop(worker)


def start(conditions: Conditions, scratch: Path) -> Worker:
    """Start a process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there, conditions, scratch), daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: we decide on an interrupt
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    there.close()
    return Worker(process, here)


def give(worker: Worker, entry: Entry, conditions: Conditions) -> None:
    """Send a submission to a process."""
    worker.entry = entry
    worker.until = time.monotonic() + conditions.limits.seconds + JUDGING
    with contextlib.suppress(OSError):  # it has ended; that is seen when its answer is taken
        worker.pipe.send(entry)


def taken(worker: Worker) -> Judged | None:
    """The verdict of a process, or a verdict on its failure; None while it is running."""
    entry = worker.entry
    if entry is None:
        return None
    reason = ""
    try:
        if worker.pipe.poll():
            found: Judged = worker.pipe.recv()
            worker.entry = None
            return found
    except (EOFError, OSError):
        reason = "the process that judges it was ended"
    if not reason and time.monotonic() > worker.until:
        reason = "it could not be judged in time"
    if not reason:
        return None
    stop(worker)
    worker.entry = None
    return Judged(entry.name, entry.path.name, "could not run", reason)


def stop(worker: Worker) -> None:
    """End a process. The guard then ends the submission."""
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def work(pipe: Pipe, conditions: Conditions, scratch: Path) -> None:
    """Judge submissions from the pipe; runs in the worker process."""
    from twingrad.threads import limit_threads

    limit_threads(1)
    while True:
        try:
            entry = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(safely(entry, conditions, scratch))


def safely(entry: Entry, conditions: Conditions, scratch: Path) -> Judged:
    """Judge a submission; an error of the judge becomes a verdict."""
    try:
        return judge_entry(entry, conditions, scratch)
    except Exception as error:
        said = f"the judge failed: {type(error).__name__}: {error}"[:300]
        reason = " ".join(said.split())
        return Judged(entry.name, entry.path.name, "could not run", reason)
