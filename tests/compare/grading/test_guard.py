"""The guard between twingrad and a program: what reaches us, and what is left."""

import sys
from pathlib import Path

import pytest

from compare.confinement import Isolation, Limits
from compare.grading.isolation import confined, isolation_for
from compare.guard import family
from compare.processes import Program, environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guard's means are Linux's")

SECONDS = 20.0


@pytest.fixture(scope="module")
def isolation():
    """The strongest isolation of this machine."""
    return isolation_for(Path(sys.executable))


@pytest.fixture
def run(tmp_path):
    """Runs Python code, confined if limits or an isolation are given; its ending and its words."""

    def call(code, seconds=SECONDS, limits=None, isolation=None):
        confinement = None
        if limits or isolation:
            confinement = confined(tmp_path, limits or Limits(), isolation or Isolation())
        program = Program(
            [sys.executable, "-c", code],
            folder=tmp_path if confinement is None else confinement.folder,
            environment=environment() if confinement is None else confinement.environment(),
            confinement=confinement,
        )
        program.wait(seconds)
        ending = program.end()
        return ending, program.printed.text

    return call


def running(words):
    """Processes whose command line holds these words."""
    found = []
    for member in family.running():
        path = Path(f"/proc/{member.pid}/cmdline")
        if path.exists() and words.encode() in path.read_bytes():
            found.append(member.pid)
    return found


def test_status_and_words_come_through(run):
    ending, said = run("print('hello'); raise SystemExit(3)")
    assert (ending.status, ending.reason, said) == (3, "", "hello\n")
    ending, _ = run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert ending.status == -11


def test_a_program_that_cannot_be_started_is_an_error(tmp_path):
    program = Program([str(tmp_path / "none")], folder=tmp_path, environment={})
    program.wait(SECONDS)
    with pytest.raises(OSError, match="No such file"):
        program.end()


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_signal_to_the_parent_ends_the_program_and_not_us(run, signal):
    code = f"import os, signal, time; os.kill(os.getppid(), signal.{signal}); time.sleep(60)"
    ending, _ = run(code)
    assert ending.status is not None
    assert ending.status < 0
    assert signal in ending.reason


@pytest.mark.slow
def test_a_stopped_guard_does_not_keep_us(run):
    ending, _ = run("import os, signal; os.kill(os.getppid(), signal.SIGSTOP)", seconds=0.5)
    assert ending.status != 0


def test_a_daemon_ends_with_the_program(run):
    words = "marker_of_a_daemon"
    code = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', "
        f"'import time; {words} = 1; time.sleep(60)'], start_new_session=True)"
    )
    run(code)
    assert running(words) == []


def test_a_daemon_ends_though_the_guard_was_killed(run):
    words = "marker_of_an_orphan"
    code = (
        "import os, signal, subprocess, sys; subprocess.Popen([sys.executable, '-c', "
        f"'import time; {words} = 1; time.sleep(60)'], start_new_session=True); "
        "os.kill(os.getppid(), signal.SIGKILL)"
    )
    run(code)
    assert running(words) == []


@pytest.mark.parametrize(
    ("code", "limits", "said"),
    [
        (
            "while os.fork(): time.sleep(0.01)\ntime.sleep(60)",
            Limits(processes=8),
            "more than 8 processes",
        ),
        (
            "held = mmap.mmap(-1, 400_000_000)\n"
            "for i in range(0, 400_000_000, 4096): held[i] = 1\ntime.sleep(60)",
            Limits(memory=150_000_000),
            "more than 150 MB of memory",
        ),
        (
            "for i in range(100): open(f'{i}', 'wb').write(bytes(1_000_000))\ntime.sleep(60)",
            Limits(disk=5_000_000),
            "wrote more than 5 MB",
        ),
        (
            "if os.fork() == 0: os.setsid()\ntime.sleep(60)",
            Limits(),
            "a process in a session of its own",
        ),
    ],
)
def test_a_program_over_its_limits_is_ended(run, code, limits, said):
    ending, _ = run("import os, mmap, time\n" + code, limits=limits)
    assert said in ending.reason


def test_the_kernel_limits_memory_and_files(run):
    code = (
        "import numpy\n"
        "try: numpy.ones(100_000_000)\nexcept MemoryError: print('memory')\n"
        "try: open('a', 'wb').write(bytes(9_000_000))\nexcept OSError: print('file')"
    )
    _, said = run(code, limits=Limits(memory=500_000_000, disk=5_000_000))
    assert said.split() == ["memory", "file"]


def test_nothing_of_our_environment_is_passed_on(run, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    _, said = run("import os; print('SECRET' in os.environ)", limits=Limits())
    assert said == "False\n"


def test_isolated_code_sees_no_other_process_and_no_network(run, isolation):
    if not isolation.namespaces:
        pytest.skip(f"no namespaces here: {isolation.lacking}")
    code = (
        "import os, socket\n"
        "print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[0], os.getpid() < 10)\n"
        "try: socket.create_connection(('127.0.0.1', 22), 1)\n"
        "except OSError as error: print(error.strerror)"
    )
    _, said = run(code, isolation=isolation)
    assert said.splitlines() == ["1 True", "Network is unreachable"]


def test_isolated_code_sees_and_changes_its_own_files_alone(run, isolation, tmp_path):
    if isolation.shown is None:
        pytest.skip(f"no file system of its own here: {isolation.lacking}")
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    ours = Path(family.__file__)
    code = (
        "import os, sys\n"
        f"print(os.path.exists({str(outside)!r}), os.path.exists({str(ours)!r}))\n"
        "open('mine.txt', 'w').write('x'); print(os.listdir('.'))\n"
        "for place in (sys.prefix, '/usr'):\n"
        "    try: open(place + '/new', 'w')\n"
        "    except OSError as error: print(error.strerror)\n"
        "print(open('/proc/self/status').read().count('0000000000000000\\n'))"
    )
    _, said = run(code, isolation=isolation)
    lines = said.splitlines()
    assert lines[:2] == ["False False", "['mine.txt']"]
    assert lines[2:4] == ["Read-only file system"] * 2
    assert int(lines[4]) >= 5  # no signal pending or blocked, and no capability
    assert not (tmp_path / "work/mine.txt").exists()
