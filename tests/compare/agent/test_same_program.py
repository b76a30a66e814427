"""A recorded program prints, draws and raises what it does without the recorder."""

import ast
import shutil
import sys
from pathlib import Path

import pytest

from compare.watching.running import RECORDER
from tests.compare.agent.support import PROGRAMS, plain, recorded, written


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("syntax.py", 31),
        pytest.param(
            "newer_syntax.py",
            1,
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="needs Python 3.12"),
        ),
    ],
)
def test_every_statement_does_the_same(tmp_path, name, arrays):
    program = shutil.copy(PROGRAMS / name, tmp_path)
    expected = plain(program, "a", "b", folder=tmp_path)
    got = recorded(program, "a", "b", folder=tmp_path)
    assert (got.out, got.err) == (expected.stdout, expected.stderr)
    assert got.status == expected.returncode
    assert len(got.recording.places) == arrays


FAILS = """
import numpy as np
class Net:
    def forward(self, X):
        return (
            self.W @
            X
        )
    W = np.ones((2, 3))
def main(net):
    try:
        net.missing
    except AttributeError:
        net.forward(np.ones(2))
main(Net())
"""


def test_an_exception_has_the_same_traceback(tmp_path):
    program = written(tmp_path, FAILS)
    expected = plain(program, folder=tmp_path)
    got = recorded(program, folder=tmp_path)
    assert (got.status, got.err) == (1, expected.stderr)
    assert got.recording.end["reason"] == "exception"
    assert (got.recording.end["type"], got.recording.end["line"]) == ("ValueError", 6)


def test_a_syntax_error_is_printed_as_python_prints_it(tmp_path):
    written(tmp_path, "x = 1\ny = (\n")
    program = Path("program.py")  # as a program is usually named
    expected = plain(program, folder=tmp_path)
    got = recorded(program, folder=tmp_path)
    assert got.err == expected.stderr
    assert got.recording.end["line"] == 2


AT_THE_END = """
import atexit, threading, time
import numpy as np
def late():
    time.sleep(0.2)
    W = np.full(3, 7.0)
    print("thread")
atexit.register(print, "atexit")
threading.Thread(target=late).start()
print(threading.active_count())
"""


def test_threads_are_waited_for_and_exit_handlers_run(tmp_path):
    got = recorded(written(tmp_path, AT_THE_END), folder=tmp_path)
    assert got.out == "2\nthread\natexit\n"
    assert got.seen("W")[0].tolist() == [7, 7, 7]


IN_OTHER_PROCESSES = """
import os, pickle, subprocess, sys, warnings
import numpy as np
warnings.simplefilter("error")
def double(x):
    y = x * 2
    y += 1
    return y
if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        double(np.ones(3) * 5)
        os._exit(0)
    os.waitpid(child, 0)
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
if __name__ == "__main__":
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        print(pool.submit(double, np.ones(2)).result())
    print(double(np.ones(2)))
"""


def test_other_processes_compute_the_same_and_record_nothing(tmp_path):
    program = written(tmp_path, IN_OTHER_PROCESSES)
    expected = plain(program, folder=tmp_path)
    got = recorded(program, folder=tmp_path)
    assert (got.out, got.err) == (expected.stdout, expected.stderr)
    assert [value.tolist() for value in got.seen("x", "argument")] == [[1, 1]]


def test_a_pickled_probe_does_nothing_elsewhere():
    import pickle

    from compare.agent.recorder import Probe

    mute = pickle.loads(pickle.dumps(Probe(None, {})))
    assert mute(5, 1, 2) == 5
    assert mute.peek(0, 5) is None


def test_the_recorder_is_written_for_python_3_8():
    text = RECORDER.read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    imports = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imports <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_a_missing_file_is_missed_in_the_program(tmp_path):
    written(tmp_path, "def load():\n    return open('data_batch_1', 'rb')\nload()\n")
    program = Path("program.py")
    expected = plain(program, folder=tmp_path)
    got = recorded(program, folder=tmp_path)
    assert got.err == expected.stderr
    assert got.recording.end["missing_file"] == "data_batch_1"
