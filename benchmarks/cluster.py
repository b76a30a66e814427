"""A sweep of a million trials on a thousand GPUs, on paper.

python -m benchmarks.cluster [TRIALS] measures what the driver spends on a trial, by running the
real search for simulated trainings, and then simulates the whole sweep: nodes, times and failures
are drawn, nothing is trained. The driver's seconds are CPU time: waits for the disk are left out.
"""

import heapq
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sweeps.engine.data import Loaded
from sweeps.engine.executor import Event, Executor, Work
from sweeps.engine.groups import GroupLog, Task
from sweeps.engine.records import Records
from sweeps.output.results import Results
from sweeps.output.writing import write_numbers
from sweeps.search import Search
from sweeps.space.parsing import parse_space
from sweeps.study.plan import make_plan
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
    """What one trial costs the driver: seconds to ask for it, seconds to store and tell it, bytes
    of memory while the sweep runs and at most while its results are written, bytes on disk, lines
    of the study's journal."""

    ask: float
    tell: float
    memory: float
    peak: float
    disk: float
    rows: float


class Instant(Executor):
    """Ends every group at once, with made-up curves.

    Attributes:
        seconds: spent on making them up.
        grown: trials that have ended, and the bytes of this process then, after each group.
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
        """Nothing to get ready."""

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
        """Nothing is left."""


def measure(trials: int, stack: int, slots: int) -> Costs:
    """The driver's own work for so many trials."""
    recipe, space = Recipe(), parse_space(["penalty=log:1e-5:1e-1", "seed=int:0:1000000"], Recipe())
    few = Split(np.zeros((1, 3072), np.float32), np.zeros(1, np.int64))
    many = Split(np.zeros((45_000, 1), np.float32), np.zeros(45_000, np.int64))
    data = Loaded({(): Dataset(many, few, few, 10, {"digest": "none"})})
    plan = make_plan("random", space, recipe, trials=trials)
    with TemporaryDirectory(prefix="twingrad-") as name:
        folder = Path(name)
        study = SweepStudy(
            *(open_storage(None, folder), "sweep", "me"),
            plan=plan,
            space=space,
            recipe=recipe,
            digest="none",
            private=True,
        )
        asked = 0.0
        ask = study.ask

        def timed(*arguments):  # type: ignore[no-untyped-def]
            nonlocal asked
            started = time.process_time()
            found = ask(*arguments)
            asked += time.process_time() - started
            return found

        study.ask = timed  # type: ignore[method-assign]
        records = Records(folder / "trials", data.samples, states=False)
        executor, log = Instant(slots), GroupLog(folder / "trials" / "groups.jsonl")
        search = Search(study, executor, records, log, data, lambda recipe: stack)
        started = time.process_time()
        search.run()
        spent = time.process_time() - started - executor.seconds
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        rows = (folder / JOURNAL).read_bytes().count(b"\n")
        # the first quarter also fills what does not grow with the sweep
        (early, small), (late, large) = executor.grown[len(executor.grown) // 4], executor.grown[-1]
        memory, before = (large - small) / (late - early), resident()
        write_numbers(folder, Results({}, space, study.stages(), study.rows()))
        peak = memory + (resident("VmHWM") - before) / trials
    return Costs(
        asked / trials, (spent - asked) / trials, memory, peak, disk / trials, rows / trials
    )


def resident(field: str = "VmRSS") -> int:
    """Bytes of this process, now or at most ("VmHWM"); 0 where the system does not report them."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(field)), 0)


@dataclass(frozen=True)
class Outlook:
    """A simulated sweep: hours from start to end, the part of the GPUs' time that trained, hours of
    it in which some GPU had nothing left to do, groups that were begun again."""

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
    """Groups on GPUs, led by one driver that does one thing at a time.

    Arguments:
        minutes: that a group trains, on average; a tenth of them twice as long (another
            architecture), all with a spread of 10 %; long ones begin first within what was asked.
        waves: groups per GPU that one look at the study asks for.
        mtbf_days: between two failures of a GPU's node; its group begins again.
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
    """Prints both parts."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 4_096
    costs = measure(trials, 256, 1)
    print(
        f"{trials} trials: ask {1e3 * costs.ask:.2f} ms, store and tell {1e3 * costs.tell:.2f} ms, "
        f"{costs.memory / 1e3:.1f} kB of memory and {costs.peak / 1e3:.1f} kB while results are "
        f"written, {costs.disk / 1e3:.1f} kB on disk, {costs.rows:.1f} lines of the journal, each"
    )
    million = 1_000_000
    print(
        f"{million} trials: {million * costs.memory / 1e9:.2f} GB of memory, "
        f"{million * costs.peak / 1e9:.2f} GB while results are written, "
        f"{million * costs.disk / 1e9:.1f} GB on disk, {million * costs.rows / 1e6:.0f} M lines"
    )
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
                    f"groups of {stack}, {minutes} min, {waves} waves asked at once: "
                    f"{seen.hours:.2f} h, {100 * seen.busy:.1f} % busy, last group begun "
                    f"{seen.tail:.2f} h before the end, {seen.again} groups begun again"
                )


if __name__ == "__main__":
    main()
