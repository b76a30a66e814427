"""A folder is one process's at a time."""

import subprocess
import sys

import pytest

from tests.support import ROOT
from twingrad.errors import UserError
from twingrad.locks import hold, holding

CHILD = """
import sys
from pathlib import Path
from twingrad.errors import UserError
from twingrad.locks import hold
try:
    hold(Path(sys.argv[1]), "training")
    print("held")
except UserError as error:
    print(error)
"""


def another_process(folder):
    """What another process gets of the folder."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_second_process_is_refused_and_the_lock_leaves_no_file(tmp_path):
    folder = tmp_path / "run"
    with holding(folder, "training"):
        assert another_process(folder) == (
            f"--out {folder}: another process is running this training"
        )
    assert list(folder.iterdir()) == []
    assert another_process(folder) == "held"


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="cannot be created"):
        hold(tmp_path / "run", "training")
