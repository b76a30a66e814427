"""Simulation of a sweep of a million trials on a thousand GPUs.

python -m benchmarks.cluster [TRIALS] measures the driver's cost of a trial by running the real
search with trainings that return random curves at once. From these costs it simulates the whole
sweep, with random training times and failures; nothing is trained. The driver's seconds are CPU
time, without waiting for the disk.
"""

import heapq
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sweeps.engine.data import Loaded
from sweeps.engine.execution import Work
from sweeps.engine.executor import Event, Executor
from sweeps.engine.groups import Task
from sweeps.output.report import write_report
from sweeps.output.results import Results, write_numbers
from sweeps.search import Search
from sweeps.space.parsing import parse_space
from sweeps.study.plan import make_plan
from sweeps.study.setup import Setup
from sweeps.study.storage import JOURNAL, open_storage
from sweeps.study.study import SweepStudy
from twingrad.dataset import Dataset, Split
from twingrad.history import Epoch, Evaluation
from twingrad.recipe import Recipe
from twingrad.training import Run

STATUS = Path("/proc/self/status")
EPOCHS = 20


@dataclass(frozen=True)
class Costs:
    """The driver's cost of one trial.

    Arguments:
        ask, tell: seconds to ask the study for it, and to store and tell its outcome.
        memory: bytes while the sweep runs.
        writing: further bytes while the results are written.
        disk: bytes on disk.
        lines: of the study's journal.
    """

    ask: float
    tell: float
    memory: float
    writing: float
    disk: float
    lines: float


class Instant(Executor):
    """Ends every group at once, with random curves.

    Attributes:
        seconds: CPU time for drawing the curves.
        grown: number of trials that have ended and bytes of this process, after each group.
    """

    memory = 80 * 10**9

    def __init__(self, slots: int) -> None:
        super().__init__()
        self._slots, self.seconds = slots, 0.0
        self.grown: list[tuple[int, int]] = [(0, resident())]

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def where(self) -> str:
        return "nowhere"

    def open(self, name: str, data: Loaded, work: Work) -> None:
        """Do nothing."""

    def begin(self, task: Task) -> None:
        self.tasks[len(self.tasks)] = task

    def wait(self) -> list[Event]:
        started = time.process_time()
        events = [
            Event(task, EPOCHS, [self._run(recipe) for recipe in task.recipes])
            for task in self.tasks.values()
        ]
        self.grown.append(
            (self.grown[-1][0] + sum(len(event.runs) for event in events), resident())
        )
        self.tasks = {}
        self.seconds += time.process_time() - started
        return events

    def _run(self, recipe: Recipe) -> Run:
        drawn = np.random.default_rng(recipe.seed).random((EPOCHS, 3)).tolist()
        found = [Evaluation(*metrics) for metrics in drawn]
        history = [
            Epoch(i + 1, 450 * (i + 1), None, validation, (), 1.0 + validation.loss)
            for i, validation in enumerate(found)
        ]
        return Run(recipe, history, {"training": found[0], "validation": found[-1]}, {}, {})

    def close(self) -> None:
        """Do nothing."""


def measure(trials: int, stack: int, slots: int) -> Costs:
    """Run the driver of a sweep.

    Arguments:
        trials: number of trials.
        stack: number of trials in a group.
        slots: number of groups that train at once.
    """
    recipe, space = Recipe(), parse_space(["penalty=log:1e-5:1e-1", "seed=int:0:1000000"], Recipe())
    few = Split(np.zeros((1, 3072), np.float32), np.zeros(1, np.int64))
    many = Split(np.zeros((45_000, 1), np.float32), np.zeros(45_000, np.int64))
    data = Loaded({(): Dataset(many, few, few, 10, {"digest": "none"})})
    plan = make_plan("random", space, recipe, trials=trials)
    setup = Setup(space, plan, recipe, {"digest": "none", "synthetic": True})
    with TemporaryDirectory(prefix="twingrad-") as name:
        folder = Path(name)
        study = SweepStudy(open_storage(None, folder), "sweep", "me", setup, private=True)
        asked = 0.0
        ask = study.ask

        def timed(*arguments):  # type: ignore[no-untyped-def]
            nonlocal asked
            started = time.process_time()
            found = ask(*arguments)
            asked += time.process_time() - started
            return found

        study.ask = timed  # type: ignore[method-assign]
        executor = Instant(slots)
        search = Search(study, executor, folder / "trials", data, lambda recipe: stack)
        started = time.process_time()
        search.run()
        spent = time.process_time() - started - executor.seconds
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        with (folder / JOURNAL).open("rb") as journal:
            lines = sum(1 for _ in journal)
        # from the first quarter on, only what grows with the number of trials is allocated
        (early, small), (late, large) = executor.grown[len(executor.grown) // 4], executor.grown[-1]
        memory, before = (large - small) / (late - early), resident()
        settings = {**setup.as_json(), "environment": {}, "curves": False}
        rows, importance = study.rows(), study.importance()
        results = Results(settings, space, study.stages(), rows, importance=importance)
        write_numbers(folder, results)
        write_report(folder, results)
        writing = (resident("VmHWM") - before) / trials
    return Costs(
        ask=asked / trials,
        tell=(spent - asked) / trials,
        memory=memory,
        writing=writing,
        disk=disk / trials,
        lines=lines / trials,
    )


def resident(field: str = "VmRSS") -> int:
    """Bytes of this process now, or at most so far ("VmHWM"); 0 if the system does not say."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(field)), 0)


@dataclass(frozen=True)
class Outlook:
    """A simulated sweep.

    Arguments:
        hours: from start to end.
        busy: fraction of the GPUs' time that was used to train.
        tail: hours from the start of the last group to the end.
        again: number of groups that restarted.
    """

    hours: float
    busy: float
    tail: float
    again: int


def simulate(
    trials: int,
    gpus: int,
    stack: int,
    costs: Costs,
    *,
    minutes: float,
    waves: int,
    mtbf_days: float,
) -> Outlook:
    """Simulate a sweep whose driver does one thing at a time.

    Arguments:
        trials, gpus: number of trials and of GPUs.
        stack: number of trials in a group.
        costs: of the driver.
        minutes: mean training time of a group. A tenth of the groups (another architecture) takes
            twice as long as the others; all vary by 10 %. Of the groups requested at once, the
            long ones begin first.
        waves: number of groups for each GPU that are requested from the study at once.
        mtbf_days: mean time between two failures of a GPU's node, which restart its group.
    """
    rng = np.random.default_rng(0)
    groups = -(-trials // stack)
    length = minutes * 60 * np.where(rng.random(groups) < 0.1, 2.0, 1.0) / 1.1
    length *= rng.normal(1.0, 0.1, groups).clip(0.5)
    failed = rng.random(groups) < length / (mtbf_days * 86_400)
    spent = length * (1 + failed * rng.random(groups))
    waiting: list[float] = []
    ends: list[float] = []
    clock, asked, last_begun, trained = 0.0, 0, 0.0, 0.0
    while asked < groups or waiting or ends:
        if not waiting and asked < groups and len(ends) < gpus:
            batch = min(waves * gpus, groups - asked)
            clock += batch * stack * costs.ask
            waiting = sorted(spent[asked : asked + batch])
            asked += batch
        while waiting and len(ends) < gpus:
            work = waiting.pop()
            heapq.heappush(ends, clock + work)
            trained, last_begun = trained + work, clock
        if ends:
            clock = max(clock, heapq.heappop(ends)) + stack * costs.tell
    useful = trained - float((spent - length).sum())
    return Outlook(
        clock / 3600, useful / (gpus * clock), (clock - last_begun) / 3600, int(failed.sum())
    )


def main() -> None:
    """Print the measured costs and the simulated sweeps."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 4_096
    costs = measure(trials, 256, 1)
    print(
        f"measured with {trials} trials, for each: ask {1e3 * costs.ask:.2f} ms, store and tell "
        f"{1e3 * costs.tell:.2f} ms, {costs.memory / 1e3:.2f} kB of memory and "
        f"{costs.writing / 1e3:.2f} kB more while results are written, {costs.disk / 1e3:.1f} kB "
        f"on disk, {costs.lines:.1f} lines of the journal"
    )
    million = 1_000_000
    for minutes in (10, 60):
        for stack in (256, 64):
            for waves in (1, 8, 10**6):
                seen = simulate(
                    million,
                    1000,
                    stack,
                    costs,
                    minutes=minutes,
                    waves=waves,
                    mtbf_days=30,
                )
                print(
                    f"groups of {stack}, {minutes} min, {waves} waves requested at once: "
                    f"{seen.hours:.2f} h, {100 * seen.busy:.1f} % busy, last group begun "
                    f"{seen.tail:.2f} h before the end, {seen.again} groups restarted"
                )


if __name__ == "__main__":
    main()
