import importlib
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from tests.support import ROOT
from twingrad.__main__ import main


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_without_a_command_the_help_is_shown_whole_and_the_status_is_2(twingrad, arguments):
    status, out, err = twingrad(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") > 5
    assert "Usage" in err


def test_an_interrupt_while_the_program_is_imported_is_one_line_and_130(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(importlib, "import_module", interrupted)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "twingrad: interrupted\n")


SLEEPER = """
import sys, time, types
import twingrad.__main__
from scripts.program import plain_app, run

app = plain_app(no_args_is_help=False)

@app.command()
def sleep():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.2)  # saves something

sys.modules["scripts.cli"] = types.SimpleNamespace(main=lambda: run(app))
twingrad.__main__.main()
"""


def test_ten_interrupts_are_one_line_and_130():
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        assert running.stdout.readline() == "ready\n"
        for _ in range(10):
            running.send_signal(signal.SIGINT)
            time.sleep(0.03)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "twingrad: interrupted\n")


def test_an_unknown_command_is_one_line(twingrad):
    status, out, err = twingrad("nonsense")
    assert (status, out) == (2, "")
    assert "nonsense" in err
    assert err.count("\n") == 1


def test_an_option_of_the_watched_program_is_told_to_come_after_two_dashes(twingrad):
    status, _, err = twingrad("watch", "train.py", "--epochs", "2")
    assert status == 2
    assert "No such option: --epochs; arguments of the program come after --" in err
    assert "come after --" not in twingrad("check", "--epochs", "2")[2]


def test_help_names_every_command(twingrad):
    status, out, _ = twingrad("--help")
    assert status == 0
    for command in ("compare", "check", "train", "data"):
        assert f"  {command}" in out


@pytest.mark.parametrize("command", ["compare", "watch", "check", "train", "sweep", "reproduce"])
def test_every_help_has_an_example_and_h_is_help(twingrad, command):
    status, out, err = twingrad(command, "-h")
    assert (status, err) == (0, "")
    assert f"Example: twingrad {command} " in " ".join(out.split())


def test_summaries_are_not_cut_and_choices_are_shown(twingrad):
    _, out, _ = twingrad("-h")
    assert "..." not in out.partition("Commands:")[2]
    _, out, _ = twingrad("data", "-h")
    assert "..." not in out.partition("Commands:")[2]
    _, out, _ = twingrad("train", "-h")
    assert "--backend [manual|torch]" in out
    assert "--install-completion" in twingrad("-h")[1]


def test_the_version_is_that_of_the_package(twingrad):
    status, out, _ = twingrad("--version")
    assert status == 0
    assert out.startswith("twingrad")


def test_control_characters_in_a_message_are_written_out(twingrad):
    status, _, err = twingrad("train", "--preset", "a\x1b[31mb\u202ec\nd")
    assert status == 2
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert "\\x1b[31mb\\u202ec" in err


def test_a_reader_that_goes_away_is_one_line_and_2():
    command = (
        f"{sys.executable} -m twingrad check --explain W1 | head -c 0; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() in ("0", "2")  # 0 where all was written before the reader went


@pytest.mark.parametrize("redirect", [">&-", "> full"])
def test_an_output_that_takes_nothing_is_no_traceback(tmp_path, redirect):
    if "full" in redirect:
        try:
            os.mknod(tmp_path / "full", stat.S_IFCHR | 0o600, os.makedev(1, 7))
            (tmp_path / "full").open("wb").close()
        except OSError as error:
            pytest.skip(f"no device can be made or opened here: {error}")
    command = f"{sys.executable} -m twingrad check --explain W1 {redirect}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if "full" in redirect else 0)
    assert done.stderr.count("\n") == done.returncode // 2
