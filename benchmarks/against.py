"""Compare the speed of updates with an earlier commit, in alternation on one core.

    python -m benchmarks.against COMMIT [--rounds 9] [--only TEXT] [--json FILE]

The network is [50, 50], with minibatches of 100, float32, on noise of CIFAR-10's size. The commit
is unpacked into a temporary folder, and each tree runs in a separate process, so that they share
no modules and no memory; they alternate on the same core. Times are CPU seconds, and a ratio
compares times of the same round. With `OPENBLAS_CORETYPE=Haswell` NumPy's BLAS uses only AVX2.
"""

import json as json_module
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.against_worker import BATCH, SAMPLES
from benchmarks.ratios import ratio, spell, spread
from scripts.output import Output
from scripts.program import run_command
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.minibatches import minibatch_order

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("against_worker.py")
ORDER = minibatch_order(0, 0, SAMPLES, BATCH)

Case = dict[str, Any]


def case(package: str, networks: int = 1, batch_norm: bool = True, **options: Any) -> Case:
    """The request that starts a case in a worker."""
    return {
        "package": package,
        "networks": networks,
        "batch_norm": batch_norm,
        "options": options,
    }


CASES: dict[str, Case] = {
    "NumPy, one net": case("manual_impl"),
    "NumPy, one net without batch norm": case("manual_impl", batch_norm=False),
    "NumPy, stack of 16": case("manual_impl", 16),
    "NumPy, stack of 16 without batch norm": case("manual_impl", 16, batch_norm=False),
    "NumPy, stack of 64": case("manual_impl", 64),
    "NumPy, stack of 64 without batch norm": case("manual_impl", 64, batch_norm=False),
    "torch, plain": case("torch_impl"),
    "torch, compiled": case("torch_impl", compiled=True),
    "torch, stack of 32": case("torch_impl", 32),
}


class Checkout:
    """Runs the updates of one tree in a separate process.

    Arguments:
        folder: the tree.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else -1
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), str(folder), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.blas: list[str] = []

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the reply.

        Raises:
            UserError: the process ended; standard error says why.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # readline below then returns nothing
            self.process.stdin.write(json_module.dumps(request) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise UserError(f"the process of {self.folder} ended; standard error says why")
        reply: dict[str, Any] = json_module.loads(line)
        self.blas = reply["blas"]
        return reply

    def updates(self, name: str, turn: int, networks: int) -> dict[str, Any]:
        """Run the updates of one turn; the turn alone determines their rows."""
        number = 90 if networks == 1 else 20
        return self.ask(name=name, order=np.roll(ORDER, -turn * number, axis=0)[:number].tolist())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def pair(new: Path, old: Path) -> Iterator[tuple[Checkout, Checkout]]:
    """Workers for two trees, closed at the end of the context."""
    both = Checkout(new), Checkout(old)
    try:
        yield both
    finally:
        for one in both:
            one.close()


@contextmanager
def checkouts(commit: str) -> Iterator[tuple[Checkout, Checkout]]:
    """Workers for this tree and the commit's, without changing the repository.

    Raises:
        UserError: git cannot unpack the commit.
    """
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        reason = packed.stderr.decode(errors="replace").strip()
        raise UserError(f"COMMIT is {commit!r}, which git cannot unpack ({reason})")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        with pair(ROOT, Path(folder)) as both:
            yield both


def compared(name: str, new: Checkout, old: Checkout, rounds: int) -> dict[str, Any]:
    """Measure one case. The first turn, which warms up and compiles, is used to compare costs."""
    networks = CASES[name]["networks"]
    milliseconds: dict[str, list[float]] = {"new": [], "old": []}
    costs = []
    for one in (new, old):
        one.ask(name=name, **CASES[name])
        costs.append(np.array(one.updates(name, 0, networks)["costs"]))
    for turn in range(1, rounds + 1):
        for which, one in (("new", new), ("old", old)):
            done = one.updates(name, turn, networks)
            per_update = done["seconds"] / len(done["costs"]) / len(done["costs"][0])
            milliseconds[which].append(1000 * per_update)
    return {
        "new / old": ratio(milliseconds["new"], milliseconds["old"]),
        **{f"{which}, ms per net-update": spread(each) for which, each in milliseconds.items()},
        "largest relative difference of costs": float(abs(costs[0] / costs[1] - 1).max()),
        "blas": {"new": new.blas, "old": old.blas},
    }


def against(
    commit: Annotated[str, typer.Argument(help="The commit to compare with, such as f5de9fd.")],
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of every case.")] = 9,
    only: Annotated[str, typer.Option(help="Only cases whose name contains this text.")] = "",
    json: Annotated[str | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Compare the speed of updates with an earlier commit, in alternation on one core."""
    output = Output(json, quiet=False)
    names = [name for name in CASES if only.lower() in name.lower()]
    if not names:
        raise UserError(f"--only is {only!r}, but expected a part of: {'; '.join(CASES)}")
    figures: dict[str, Any] = {}
    with checkouts(commit) as (new, old):
        for name in names:
            with output.busy(f"Measuring {name}"):
                figures[name] = figure = compared(name, new, old, rounds)
            output.print(
                f"{name:38s} new / {commit} {spell(figure['new / old'])}, "
                f"new {spell(figure['new, ms per net-update'], '.3f')} ms, "
                f"BLAS {', '.join(figure['blas']['new'])}"
            )
    what = "[50, 50], batch 100, float32, one core, CPU seconds"
    about = {"what": what, "commit": commit, "rounds": rounds}
    output.write({**about, "figures": figures, "environment": environment()})


if __name__ == "__main__":
    run_command(against)
