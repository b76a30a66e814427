"""Run a program under the recorder in a separate process."""

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compare.processes import Printed, environment, run_bounded
from compare.watching.ending import Lack, Reason, ending, lacking
from compare.watching.reading import read, read_end
from compare.watching.recording import Recording
from compare.watching.serving import Served, prepare
from twingrad.errors import UserError

RECORDER = Path(__file__).resolve().parents[1] / "agent/recorder.py"

ROOT = Path(__file__).resolve().parents[2]

HIDDEN: tuple[str, ...]
HIDDEN = ("twingrad", "manual_impl", "torch_impl", "compare", "sweeps", "reproduction", "scripts")
HIDDEN += ("benchmarks", "validation", "tests")
"""Our packages, which the program must not import."""

GRACE = 2.0
"""Seconds that the recorder has to end the program after the time limit."""


@dataclass
class Recorded:
    """A run of a program, and its recording.

    Arguments:
        program: the file.
        interpreter: the Python that ran it.
        folder: of the recording; it is removed with this object, or by `remove()`.
        reason: why the recording ended.
        detail: the same in words, with the file and line of an exception.
        lack: what the program lacks, if that ended it.
        printed: the beginning of what it printed.
        lines: how many lines it printed.
        warnings: what the user must know about the run, such as that the data are a stand-in.
    """

    program: Path
    interpreter: Path
    folder: Path
    reason: Reason
    detail: str
    end: dict[str, Any]
    lack: Lack | None = None
    printed: str = ""
    lines: int = 0
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.remove = weakref.finalize(self, shutil.rmtree, self.folder.parent, True)

    def read(self) -> Recording:
        """The recording.

        Raises:
            UserError: it is damaged, or there is none.
        """
        return read(self.folder)

    def failure(self) -> UserError:
        """One line for exit status 2: why the program could not be watched, and what to do."""
        python = f"Python {self.end['version']}" if self.end.get("version") else "Python"
        used = f"{python} at {self.interpreter}"
        if self.lack is not None and self.lack.kind == "package" and self.lack.name in HIDDEN:
            return UserError(
                f"{self.program} needs the package {self.lack.name}: a watched program cannot "
                "import twingrad's own packages; watch a program that does without them"
            )
        if self.lack is None:
            detail = self.detail.removeprefix(f"{self.program.name}, ")
            return UserError(f"{self.program}: {detail} ({used})")
        what = {
            "package": f"needs the package {self.lack.name}",
            "numpy": "needs NumPy",
            "syntax": f"needs {self.lack.name}",
            "file": f"needs the file {self.lack.name}",
        }[self.lack.kind]
        todo = {
            "package": "install it there, or name another interpreter with --python PATH",
            "numpy": "install it there, or name another interpreter with --python PATH",
            "syntax": "name a newer interpreter with --python PATH",
            "file": "run it where the file is; for CIFAR-10 give --data PATH; another interpreter "
            "is named with --python PATH",
        }[self.lack.kind]
        return UserError(f"{self.program} {what} and was run with {used}: {todo}")


def record(
    program: Path,
    arguments: Sequence[str] = (),
    *,
    interpreter: Path,
    data: str | None = None,
    seconds: float = 60.0,
    size: int = 400_000_000,
    idle: float = 3.0,
) -> Recorded:
    """Runs `PYTHON PROGRAM ARGUMENTS` in the current folder and records what it computes.

    Arguments:
        program: a Python file or a notebook.
        interpreter: the Python that runs it, 3.8 or newer.
        data: where CIFAR-10 is, as the option --data.
        seconds: the time limit.
        size: the limit of the recording in bytes.
        idle: seconds without anything new after which enough was seen.

    Raises:
        UserError: no such program, or the interpreter cannot be started.
    """
    if not program.is_file():
        what = "is a folder" if program.is_dir() else "no such file"
        raise UserError(f"{program}: {what}; expected a Python file or a notebook")
    if program.suffix not in (".py", ".ipynb"):
        raise UserError(f"{program}: expected a Python file (.py) or a notebook (.ipynb)")
    temporary = Path(tempfile.mkdtemp(prefix="twingrad-"))
    try:
        (temporary / "recording").mkdir()
        served = prepare(program, data, temporary / "cifar")
        settings = {
            "folder": str(temporary / "recording"),
            "seconds": seconds,
            "bytes": size,
            "idle": idle,
            "data": None if served.folder is None else str(served.folder),
            "hidden": HIDDEN,
            "hidden_root": str(ROOT),
        }
        (temporary / "settings.json").write_text(json.dumps(settings))
        recorder = ["-u", str(RECORDER), str(temporary / "settings.json")]
        status, printed = run_bounded(
            [str(interpreter), *recorder, str(program), *arguments],
            folder=Path.cwd(),
            environment=without_ours(environment()),
            seconds=seconds + GRACE,
        )
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise UserError(
            f"{interpreter}: cannot be started ({error.strerror}); name a Python with --python PATH"
        ) from error
    return recorded(program, interpreter, temporary / "recording", status, printed, seconds, served)


def recorded(
    program: Path,
    interpreter: Path,
    folder: Path,
    status: int | None,
    printed: Printed,
    seconds: float,
    served: Served,
) -> Recorded:
    """What became of a run, from its exit status and what the recorder wrote."""
    end = read_end(folder / "end.json")
    reason, detail = ending(end, status, seconds, printed.last_line)
    return Recorded(
        program=program,
        interpreter=interpreter,
        folder=folder,
        reason=reason,
        detail=detail,
        end=end,
        lack=lacking(end),
        printed=printed.text,
        lines=printed.lines,
        warnings=warnings(served, folder),
    )


def without_ours(values: dict[str, str]) -> dict[str, str]:
    """An environment in which Python does not find our packages."""
    paths = values.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [path for path in paths if path and Path(path).resolve() != ROOT]
    return values | ({"PYTHONPATH": os.pathsep.join(kept)} if kept else {})


def warnings(served: Served, folder: Path) -> list[str]:
    """What the user must know about the run."""
    if not served.stand_in:
        return []
    try:
        used = b'\n["served",' in (folder / "events.jsonl").read_bytes()
    except OSError:
        used = False
    said = "the program did not find CIFAR-10 and was given the synthetic stand-in; --data PATH "
    return [said + "names the real data"] if used else []
