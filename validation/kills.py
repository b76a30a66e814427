"""Kill commands at random moments, resume them, and compare what is left with an undisturbed run.

    python -m validation.kills [--kills N] [--seed N] [--only COMMAND] [--work DIR] [--json FILE]

Each trial kills a command once or twice, and then lets it finish. A kill is SIGKILL or SIGINT, to
the command alone or to all of its processes. Linux only. 60 kills take about an hour on two busy
cores.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.output import Output
from validation.kept import finished, leftovers, lost, snapshot

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs/examples"

TRAINING = ("--data", "synthetic", "--train-size", "1000", "--hidden", "20")
STACKS = ("--processes", "2", "--stack", "2")
SEARCH = ("--over", "penalty=log:1e-5:1e-1", "--trials", "6", *STACKS)
RESUMED_SEARCH = ("sweep", "--resume", *STACKS)
"""Stacks that had not begun are made anew, so bits are equal only with stacks of the same size."""

LIMIT = 1800.0
"""Seconds until a command counts as hanging."""

GRACE = 20.0
"""Seconds in which the other processes of a killed command must end."""


@dataclass(frozen=True)
class Command:
    """A command to kill.

    Arguments:
        first: its arguments without the folder.
        again: those that resume it; the same where empty.
        share: how many of 60 kills it gets.
        json: whether its only result is its JSON, and not a folder.
    """

    first: tuple[str, ...]
    again: tuple[str, ...] = ()
    share: int = 10
    json: bool = False


COMMANDS = {
    "train": Command(("train", *TRAINING, "--epochs", "6"), ("train", "--resume"), 12),
    "train torch": Command(
        ("train", "--backend", "torch", *TRAINING, "--epochs", "6"), ("train", "--resume"), 8
    ),
    "sweep": Command(("sweep", *SEARCH, *TRAINING, "--epochs", "4"), RESUMED_SEARCH, 10),
    "sweep coarse": Command(
        ("sweep", "--sampler", "coarse-to-fine", *SEARCH, *TRAINING, "--epochs", "4"),
        RESUMED_SEARCH,
        8,
    ),
    "compare": Command(
        ("compare", *TRAINING, "--epochs", "2", "--seeds", "1"),
        ("compare", *TRAINING, "--epochs", "2", "--seeds", "1", "--resume"),
        7,
    ),
    "reproduce": Command(
        ("reproduce", "--quick", "--only", "table3", "--data", "synthetic"),
        ("reproduce", "--quick", "--only", "table3", "--data", "synthetic", "--resume"),
        5,
    ),
    "watch": Command(("watch", str(EXAMPLES / "train.py")), share=5, json=True),
    "grade": Command(("grade", "submissions", "--seed", "1"), share=5),
}


@dataclass
class Counts:
    """What became of one command.

    Arguments:
        kills: by signal, those that met a running command.
        trials: commands that were brought to their end.
        equal: those that left the same as the undisturbed run.
        faults: everything else that must not happen.
    """

    kills: Counter[str] = field(default_factory=Counter)
    trials: int = 0
    equal: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ended:
    """How a command ended; `killed` if the signal met it running."""

    status: int
    errors: str
    killed: bool
    seconds: float
    left: bool = False


def kills(
    number: Annotated[int, typer.Option("--kills", help="Kills in all.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 1,
    only: Annotated[
        list[str] | None, typer.Option(help="Kill this command alone; may be repeated.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for the runs. [a temporary one]")
    ] = None,
    output_json: Annotated[str | None, typer.Option("--json", help="Write JSON.")] = None,
) -> int:
    """Kill commands at random moments, and compare what is left with an undisturbed run."""
    output = Output(output_json, quiet=False)
    chosen = {name: command for name, command in COMMANDS.items() if not only or name in only}
    with contextlib.ExitStack() as stack:
        place = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place.mkdir(parents=True, exist_ok=True)
        submissions(place / "submissions")
        total = sum(command.share for command in chosen.values())
        counted = {}
        for name, command in chosen.items():
            wanted = max(1, round(number * command.share / total))
            counts = kill(name, command, wanted, random.Random(f"{seed} {name}"), place)
            counted[name] = vars(counts)
            signals = ", ".join(f"{n} {what}" for what, n in sorted(counts.kills.items()))
            output.print(
                f"{name}: {signals}; {counts.equal} of {counts.trials} equal", markup=False
            )
            for fault in counts.faults:
                output.print(f"  {fault}", markup=False)
    output.write(counted)
    return 1 if any(counts["faults"] for counts in counted.values()) else 0


def submissions(folder: Path) -> None:
    """Write a right and a wrong submission."""
    folder.mkdir(exist_ok=True)
    wrong = (EXAMPLES / "mine.py").read_text()
    (folder / "wrong.py").write_text(wrong)
    (folder / "right.py").write_text(wrong.replace("G = G @ W2.T", "G = (G @ W2.T) * (h > 0)"))


def kill(name: str, command: Command, wanted: int, draw: random.Random, place: Path) -> Counts:
    """Kill a command until `wanted` kills have met it running."""
    counts = Counts()
    reference = place / f"{name.replace(' ', '-')}-undisturbed"
    shutil.rmtree(reference, ignore_errors=True)
    whole = run(command, command.first, reference)
    if whole.status not in (0, 1):
        counts.faults.append(f"undisturbed: status {whole.status}: {whole.errors}")
        return counts
    expected = snapshot(reference)
    while sum(counts.kills.values()) < wanted:
        folder = place / f"{name.replace(' ', '-')}-{counts.trials}"
        shutil.rmtree(folder, ignore_errors=True)
        before = len(counts.faults)
        more = min(draw.choice([1, 1, 2]), wanted - sum(counts.kills.values()))
        ended = disturbed(command, folder, more, draw, whole.seconds, counts)
        counts.trials += 1
        if ended.status != whole.status:
            counts.faults.append(f"{folder.name}: status {ended.status}: {ended.errors}")
            continue
        got = snapshot(folder)
        paths = sorted(expected.keys() | got.keys())
        differ = [path for path in paths if expected.get(path) != got.get(path)]
        counts.equal += not differ
        counts.faults += [f"{folder.name}: {path} differs" for path in differ]
        counts.faults += [f"{folder.name}: {path} is left over" for path in leftovers(folder)]
        if len(counts.faults) == before:
            shutil.rmtree(folder)
    return counts


def disturbed(
    command: Command, folder: Path, more: int, draw: random.Random, length: float, counts: Counts
) -> Ended:
    """Kill a command up to `more` times, resume it after each, and let it finish."""
    arguments = command.first
    while True:
        had = finished(folder)
        after = draw.uniform(0.02, 1.0) * length if more else None
        by = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT])
        ended = run(command, arguments, folder, after, by, everyone=draw.random() < 0.3)
        counts.faults += [f"{folder.name}: {what} is lost" for what in lost(had, folder)]
        if "Traceback" in ended.errors:
            counts.faults.append(f"{folder.name}: traceback: {ended.errors[-300:]}")
        if ended.left:
            counts.faults.append(f"{folder.name}: processes remain after {by.name}")
        if ended.killed:
            more -= 1
            counts.kills[by.name] += 1
            # -2 without a word: Python itself was still starting
            silent = ended.status == -signal.SIGINT and not ended.errors
            if by == signal.SIGINT and ended.status not in (130, 0, 1) and not silent:
                counts.faults.append(f"{folder.name}: {by.name} ends with {ended.status}")
            arguments = command.again or command.first
        elif ended.status == 2 and "--resume" in arguments and not finished(folder):
            # killed before there was anything to resume
            arguments = (*command.first, "--overwrite") if folder.exists() else command.first
        else:
            return ended


def run(
    command: Command,
    arguments: tuple[str, ...],
    folder: Path,
    after: float | None = None,
    by: signal.Signals = signal.SIGKILL,
    everyone: bool = False,
) -> Ended:
    """Run a command; kill it, or its whole session, after so many seconds."""
    if command.json:
        folder.mkdir(exist_ok=True)
        where = ["--json", str(folder / "result.json")]
    else:
        where = ["--out", str(folder)]
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "twingrad", *arguments, *where, "--quiet"],
            cwd=folder.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        killed = False
        try:
            process.wait(LIMIT if after is None else after)
        except subprocess.TimeoutExpired:
            killed = after is not None
            (os.killpg if everyone else os.kill)(process.pid, by if killed else signal.SIGKILL)
            process.wait(LIMIT)
        seconds = time.monotonic() - started
        left = killed and remain(process.pid)
        errors.seek(0)
        text = errors.read().decode(errors="replace").strip()
    return Ended(process.returncode, text, killed, seconds, left)


def remain(session: int) -> bool:
    """Whether a process of the session is left after some seconds; it is then killed."""
    deadline = time.monotonic() + GRACE
    while members(session):
        if time.monotonic() > deadline:
            for process in members(session):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return True
        time.sleep(0.2)
    return False


def members(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields: Any = (entry / "stat").read_text().rpartition(")")[2].split()
            if entry.name.isdigit() and int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(kills)
