"""Find out how far submissions can be isolated here, by trying it with the course's Python."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from compare.confinement import Confinement, Isolation, Limits, bare_environment
from compare.processes import Program
from compare.submissions.asking.importing import OURS
from twingrad.errors import UserError

ROOT = Path(__file__).resolve().parents[2]

SECONDS = 30.0
"""Time limit of a trial."""

FREE_USERS = 300_000
"""First number of the users for submissions; each judging process takes an unused one."""

NEEDS = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import json, os
import numpy
places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path}
with open("/proc/self/maps") as maps:
    files = {line[73:].strip() for line in maps}
places |= {os.path.dirname(file) for file in files if ".so" in file}
print(json.dumps(sorted(place for place in places if os.path.isdir(place))))
"""
"""A program that prints the folders that a Python with NumPy reads."""

TRIAL = "import numpy; print(numpy.ones(3).sum())"


def isolation_for(python: Path) -> Isolation:
    """The strongest isolation under which a Python with NumPy runs here.

    Raises:
        UserError: it does not run at all.
    """
    lacking = ""
    for level in levels(python):
        problem = trial(python, level)
        if not problem:
            return replace(level, lacking=lacking)
        lacking = lacking or problem
    raise UserError(f"{python}: it cannot be run as a Python interpreter with NumPy: {problem}")


def levels(python: Path) -> Iterator[Isolation]:
    """The kinds of isolation, the strongest first."""
    shown = folders_of(python)
    hidden = tuple(str(ROOT / name) for name in OURS)
    users = (own_user(), None) if os.getuid() == 0 else (None,)
    for folders in (shown, None) if shown else (None,):
        for user in users:
            yield Isolation(True, folders, hidden if folders else (), user)
    for user in users:
        yield Isolation(user=user)


def own_user() -> int:
    """The number of an unused user, for the submissions of this process."""
    return FREE_USERS + os.getpid()


def folders_of(python: Path) -> tuple[str, ...]:
    """The folders that a Python reads, without ours; () if it does not report them."""
    try:
        done = subprocess.run(
            [str(python), "-c", NEEDS],
            cwd="/",
            env=bare_environment(),
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        folders = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
    parents = {str(parent) for parent in (ROOT, *ROOT.parents)}
    return tuple(folder for folder in folders if folder not in parents)


def trial(python: Path, isolation: Isolation) -> str:
    """Run a Python under an isolation; return the reason if that fails, and "" otherwise."""
    with tempfile.TemporaryDirectory(prefix="twingrad-") as scratch:
        confinement = confined(Path(scratch), Limits(seconds=SECONDS), isolation)
        program = Program(
            [str(python), "-c", TRIAL],
            folder=confinement.folder,
            environment=confinement.environment(),
            confinement=confinement,
        )
        program.wait(SECONDS)
        try:
            ending = program.end()
        except OSError as error:
            return str(error.strerror)
        if ending.status == 0 and program.printed.text.strip() == "3.0":
            return ""
        said = program.printed.text.strip().splitlines()[-1:] or [ending.reason or "no answer"]
        return said[0][:200]


def confined(scratch: Path, limits: Limits, isolation: Isolation) -> Confinement:
    """A confinement with new folders.

    Arguments:
        scratch: an empty folder for it.
    """
    folder, root = scratch / "work", scratch / "root"
    folder.mkdir()
    root.mkdir()
    scratch.chmod(0o711)  # another user passes, and does not list it
    return Confinement(limits, isolation, folder, root)


def described(isolation: Isolation) -> list[str]:
    """Sentences on what is kept from a submission and what is not."""
    said = []
    if isolation.namespaces:
        said.append("A submission has no network and sees no process but its own.")
    elif isolation.user is not None:
        said.append(
            "NOT ISOLATED: a submission can use the network and see other processes. It runs as "
            f"user {isolation.user}, so it cannot end or change what is yours."
        )
    else:
        said.append(
            "NOT ISOLATED: a submission can use the network, and read, change and end whatever "
            "you can."
        )
    if isolation.shown is not None:
        said.append(
            "It sees the system's files, its Python's and its own; it can change its own alone."
        )
    elif isolation.namespaces:
        mine = "the files that everybody may read" if isolation.user is not None else "your files"
        said.append(f"NOT HIDDEN: it can read {mine}, other submissions among them.")
    if isolation.lacking:
        said.append(f"More is not possible here: {isolation.lacking}.")
    return said
