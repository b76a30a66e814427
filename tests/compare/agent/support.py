"""Runs programs with and without the recorder."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compare.watching.reading import read
from compare.watching.recording import Event, Recording
from compare.watching.running import RECORDER

PROGRAMS = Path(__file__).parent / "programs"


@dataclass
class Ran:
    """A run of a program."""

    status: int
    out: str
    err: str
    recording: Recording

    def seen(self, name: str, kind: str | None = None) -> list[np.ndarray]:
        """The arrays recorded under a name, in order."""
        return [
            self.recording.array(event.array)
            for event in self.named(name, kind)
            if event.array is not None
        ]

    def numbers(self, name: str) -> list[float]:
        """The numbers recorded under a name, in order."""
        return [event.value for event in self.named(name, None) if event.value is not None]

    def named(self, name: str, kind: str | None) -> list[Event]:
        return [
            event
            for event in self.recording.events
            if event.name == name and (kind is None or event.site.kind == kind)
        ]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    values = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    values |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, env=values, capture_output=True, text=True, timeout=120
    )


def plain(program: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a program as it is."""
    return run([sys.executable, str(program), *arguments], folder)


def recorded(program: Path, *arguments: str, folder: Path, **settings: object) -> Ran:
    """Runs a program under the recorder."""
    out = folder / "recording"
    out.mkdir(exist_ok=True)
    chosen = {"folder": str(out), "seconds": 60, "bytes": 1 << 28, "idle": 30} | settings
    path = folder / "settings.json"
    path.write_text(json.dumps(chosen))
    command = [sys.executable, str(RECORDER), str(path), str(program), *arguments]
    done = run(command, folder)
    recording = read(out)
    assert recording.end.get("fault") is None, recording.end["fault"]
    return Ran(done.returncode, done.stdout, done.stderr, recording)


def written(folder: Path, text: str, name: str = "program.py") -> Path:
    """A program in a file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
