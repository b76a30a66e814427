"""Child processes that sweep, and a PostgreSQL of their own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT


def start(**settings: Any) -> subprocess.Popen[str]:
    """A sweep of `tests.sweeps.clouds` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sweeps.clouds", json.dumps(settings)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a database that is there as long as the context; skips where none can be."""
    pytest.importorskip("psycopg")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    become = []
    if os.geteuid() == 0:  # initdb refuses to run as root
        if (
            not shutil.which("runuser")
            or subprocess.run(["id", "postgres"], capture_output=True).returncode
        ):
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        become = ["runuser", "-u", "postgres", "--"]
    folder = Path(tempfile.mkdtemp(prefix="twingrad"))  # near the root: a socket's path is short
    if become:
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*become, str(binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=60)

    try:
        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "sweeper", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://sweeper:secret@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path | None:
    """Where PostgreSQL's programs are: some systems keep them off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None
