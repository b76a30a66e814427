"""A program under the recorder: how it is started, ended, and what is said of it."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from compare.watching import serving
from compare.watching.ending import lacking
from compare.watching.running import record
from tests.compare.agent.support import written
from twingrad.cifar.images import LABEL_NAMES, Cifar, Images
from twingrad.cifar.source import Source
from twingrad.errors import UserError

PYTHON = Path(sys.executable)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TWINGRAD_DATA", "synthetic")
    monkeypatch.chdir(tmp_path)

    def start(text, *arguments, **options):
        program = written(tmp_path, text)
        return record(program, arguments, interpreter=PYTHON, data="synthetic", **options)

    return start


def test_it_runs_as_python_would(run, tmp_path):
    got = run(
        "import os, sys, numpy as np\n"
        "print(sys.argv[1:], os.getcwd(), sys.path[0], __name__, os.environ['MPLBACKEND'])\n"
        "print(repr(sys.stdin.read()))\nW = np.ones(2)\n",
        "--epochs",
        "2",
    )
    expected = f"['--epochs', '2'] {tmp_path} {tmp_path} __main__ Agg\n''\n"
    assert got.printed == expected
    assert got.reason == "finished"
    assert got.read().events[0].name == "W"
    assert got.warnings == []


def test_our_packages_cannot_be_imported(run, tmp_path):
    text = """
for name in ("twingrad", "compare", "manual_impl", "recorder", "tests"):
    try:
        print(__import__(name).__file__)
    except ModuleNotFoundError as error:
        print(error)
"""
    got = run(text)
    missing = ["twingrad", "compare", "manual_impl", "recorder", "tests"]
    assert got.printed.splitlines() == [f"No module named '{name}'" for name in missing]
    own = written(tmp_path, "W = 1.5\n", "compare.py")
    assert run(text).printed.splitlines()[1] == str(own)


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("import nowhere.deep\n", "package", "needs the package nowhere"),
        ("import numpy\nopen('data/mine.npz')\n", "file", "needs the file data/mine.npz"),
    ],
)
def test_what_the_program_lacks_is_one_line(run, text, kind, line):
    got = run(text)
    assert got.lack is not None
    assert got.lack.kind == kind
    said = str(got.failure())
    assert line in said
    assert str(PYTHON) in said
    assert "--python PATH" in said
    assert "\n" not in said


def test_an_exception_is_named_with_its_line(run):
    got = run("import numpy as np\nW = np.ones(3)\nW @ np.ones(2)\n")
    assert (got.reason, got.lack) == ("exception", None)
    assert got.detail.startswith("program.py, line 3: ValueError: matmul")
    assert [event.name for event in got.read().events] == ["W", "W", "np.ones(2)"]


def test_the_last_line_explains_an_exit_with_an_error(run):
    text = "import argparse\nparser = argparse.ArgumentParser()\n"
    text += "parser.add_argument('--epochs', type=int)\nprint('x' * 9000)\nparser.parse_args()\n"
    detail = "the program ended itself with exit status 2: program.py: error: argument --epochs: "
    assert run(text, "--epochs", "x").detail.startswith(detail)
    assert run("import sys\nsys.exit('no data')\n").detail.endswith("exit status 1: no data")


def test_twingrad_s_own_packages_are_said_to_be_out_of_reach(run):
    said = str(run("import twingrad\n").failure())
    assert "cannot import twingrad's own packages" in said
    assert "install" not in said


def test_exit_statuses_and_signals(run):
    assert "exit status 4" in run("import sys\nsys.exit(4)\n").detail
    assert "exit status 5" in run("import os\nos._exit(5)\n").detail
    killed = run("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    assert (killed.reason, killed.detail) == ("killed", "the program was ended by SIGSEGV")


def test_endless_printing_is_ended_and_its_beginning_kept(run):
    got = run("while True:\n    print('again')\n", seconds=1)
    assert got.reason == "time"
    assert got.printed.startswith("again\nagain")
    assert len(got.printed) == 2000
    assert got.lines > 1000


LEAVES = """
import os, sys, time, subprocess
print(os.getpid())
def endless(path):
    while True:
        with open(path, "a") as file:
            file.write("x")
        time.sleep(0.02)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        endless("left")
    os._exit(0)
code = "import time\\nwhile True: open('cleared', 'a').write('x'); time.sleep(.02)"
subprocess.Popen([sys.executable, "-c", code], env={}, start_new_session=True)
while not (os.path.exists("left") and os.path.exists("cleared")):
    time.sleep(0.02)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through /proc")
def test_all_that_it_started_is_ended(run, tmp_path):
    got = run(LEAVES, seconds=20)
    assert got.reason == "finished"
    sizes = [(tmp_path / name).stat().st_size for name in ("left", "cleared")]
    time.sleep(0.3)
    assert [(tmp_path / name).stat().st_size for name in ("left", "cleared")] == sizes


def test_the_stand_in_is_announced_where_it_is_used(run, monkeypatch):
    part = Images(np.zeros((2, 3072), np.uint8), np.array([1, 2]))
    cifar = Cifar((part,) * 5, part, LABEL_NAMES, Source("synthetic", None, (), None, ""))
    monkeypatch.setattr(serving, "synthetic_cifar", lambda: cifar)
    text = "import os, sys\nprint(os.path.exists('cifar-10-batches-py/data_batch_1'))\n"
    got = run(text)
    assert got.printed == "True\n"
    assert len(got.warnings) == 1
    assert "synthetic stand-in" in got.warnings[0]


def test_the_recording_is_removed_with_its_object(run):
    got = run("W = 1.5\n")
    folder = got.folder
    assert folder.is_dir()
    got.remove()
    assert not folder.parent.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.py", "no such file"), ("run.sh", r"expected a Python file \(.py\)")],
)
def test_a_program_that_is_none(tmp_path, name, said):
    (tmp_path / "run.sh").write_text("ls")
    with pytest.raises(UserError, match=said):
        record(tmp_path / name, interpreter=PYTHON)


def test_an_interpreter_that_is_none(tmp_path):
    program = written(tmp_path, "W = 1\n")
    with pytest.raises(UserError, match="--python PATH"):
        record(program, interpreter=tmp_path / "nowhere")
    os.chmod(program, 0o644)
    with pytest.raises(UserError, match="cannot be started"):
        record(program, interpreter=program)


@pytest.mark.parametrize(
    ("version", "text", "message", "lack"),
    [
        ("3.11.7", "def f[T](x): pass", "invalid syntax", "Python 3.12"),
        ("3.9.2", "match x:", "invalid syntax", "Python 3.10"),
        ("3.12.0", "def f[T](x): pass", "invalid syntax", None),
        ("3.11.7", "x = = 1", "invalid syntax", None),
    ],
)
def test_newer_syntax_is_not_the_programs_fault(version, text, message, lack):
    end = {"type": "SyntaxError", "version": version, "text": text, "message": message}
    found = lacking(end)
    assert (found and found.name) == lack
