"""Choose the Python that runs the user's program: the one its author would use."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twingrad.errors import UserError

OLDEST = (3, 8)
"""The oldest Python that supports the agent, which runs in the user's process."""

SECONDS = 20.0
"""Time limit for an interpreter to answer."""

PROBE = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]  # the program's own json.py is not ours
import importlib.util, json
path, *names = sys.argv[1:]
missing = []
for name in names:
    try:
        if importlib.util.find_spec(name) is None:
            missing.append(name)
    except (ImportError, ValueError):
        missing.append(name)
try:
    with open(path, "rb") as file:
        compile(file.read(), path, "exec", dont_inherit=True)
    reads = True
except Exception:
    reads = not path.endswith(".py")
print(json.dumps([list(sys.version_info[:3]), missing, reads]))
"""

IMPORT = re.compile(r"^\s*(?:import|from)\s+([A-Za-z_]\w*)", re.MULTILINE)


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run the program.

    Arguments:
        path: of the executable.
        version: major, minor, micro.
        why: why it was chosen, in words that fit after "Python 3.12.1, ".
    """

    path: Path
    version: tuple[int, int, int]
    why: str

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path}, {self.why})"


@dataclass(frozen=True)
class Probe:
    """An interpreter's answers about itself and the program."""

    version: tuple[int, int, int]
    missing: tuple[str, ...]
    reads: bool

    @property
    def usable(self) -> bool:
        """Whether the agent runs there."""
        return self.version[:2] >= OLDEST and "numpy" not in self.missing


def choose_interpreter(program: Path, asked: Path | None = None) -> Interpreter:
    """Chooses the Python that runs a program.

    Without `asked`: the `.venv` or `venv` beside the program or above it, an activated virtual or
    conda environment, the Python on PATH, and last the one that runs twingrad. The first of these
    that has NumPy, can parse the program and has every package that it imports is taken; if there
    is none, the first that has NumPy.

    Arguments:
        program: a Python file or a notebook.
        asked: an interpreter, or an environment's folder, that the user named.

    Raises:
        UserError: `asked` cannot be run, is too old or has no NumPy.
    """
    program = Path(os.path.abspath(program))
    if asked is not None:
        return named(asked, program)
    fallback: Interpreter | None = None
    for path, why in candidates(program):
        found = probe(path, program)
        if found is None or not found.usable:
            continue
        interpreter = Interpreter(path, found.version, why)
        if found.reads and not found.missing:
            return interpreter
        fallback = fallback or interpreter
    return fallback or interpreter_at(None)


def named(asked: Path, program: Path) -> Interpreter:
    """The interpreter that the user selected.

    Raises:
        UserError: it cannot be run, is too old or has no NumPy.
    """
    path = executable(asked)
    found = probe(path, program)
    if found is None:
        said = f"cannot be run as a Python interpreter, or did not answer within {SECONDS:g} s"
        raise UserError(f"--python {asked}: it {said}")
    if found.version[:2] < OLDEST:
        old = ".".join(map(str, found.version))
        raise UserError(f"--python {asked}: it is Python {old}; at least 3.8 is needed")
    if "numpy" in found.missing:
        raise UserError(f"--python {asked}: it has no NumPy; install it there, or name another")
    return Interpreter(path, found.version, "named with --python")


def interpreter_at(asked: Path | None) -> Interpreter:
    """The interpreter for code that nobody trusts: the one named, or our own. No environment
    beside the code is looked for, since starting that would run the code unconfined.

    Raises:
        UserError: the one named is none.
    """
    if asked is not None:
        return named(asked, Path(__file__))
    version = (sys.version_info.major, sys.version_info.minor, sys.version_info.micro)
    return Interpreter(Path(sys.executable), version, OURS)


OURS = "which runs twingrad"


def candidates(program: Path) -> Iterator[tuple[Path, str]]:
    """Interpreters in order of preference, without duplicates, each with a reason."""
    seen: set[Path] = set()
    for path, why in all_candidates(program):
        if path not in seen and path.is_file():
            seen.add(path)
            yield path, why


def all_candidates(program: Path) -> Iterator[tuple[Path, str]]:
    """The same without checking that they exist."""
    for folder in program.parents:
        for name in (".venv", "venv"):
            yield folder / name / "bin/python", f"of {folder / name}"
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(variable):
            yield Path(os.environ[variable]) / "bin/python", f"of ${variable}"
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found:
            yield Path(found), "on PATH"
    yield Path(sys.executable), OURS


def executable(asked: Path) -> Path:
    """The interpreter that a user selected: a file, an environment's folder, or a name."""
    if asked.is_dir():
        return asked / "bin/python"
    if asked.is_file():
        return Path(os.path.abspath(asked))
    on_path = shutil.which(str(asked))
    return Path(on_path) if on_path else asked


def probe(path: Path, program: Path) -> Probe | None:
    """Asks an interpreter for its version, and whether it can parse the program and has what it
    imports; None where it does not answer."""
    try:
        done = subprocess.run(
            [str(path), "-c", PROBE, str(program), *imported(program)],
            cwd=program.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        version, missing, reads = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return Probe(tuple(version), tuple(missing), reads)


def imported(program: Path) -> list[str]:
    """The packages that a program imports, and NumPy."""
    text = program.read_text(errors="replace") if program.is_file() else ""
    beside = {path.stem for path in program.parent.iterdir()} if program.parent.is_dir() else set()
    found = dict.fromkeys(["numpy", *IMPORT.findall(text)])
    return [name for name in found if name == "numpy" or name not in beside]
