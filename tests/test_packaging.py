"""What is installed, and where it can be imported."""

import subprocess
import sys
import tomllib
import venv

import pytest

from tests.support import ROOT

INSTALLED = {
    "twingrad",
    "manual_impl",
    "torch_impl",
    "compare",
    "sweeps",
    "reproduction",
    "scripts",
}
BLOCKED = """
import importlib, os, sys
for name in ("resource", "fcntl"):
    sys.modules[name] = None
for name in ("killpg", "getsid", "setsid"):
    delattr(os, name)
"""
"""What Windows lacks."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def run(code: str) -> list[str]:
    """What a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_only_these_packages_are_installed():
    included = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.removesuffix("*") for pattern in included} == INSTALLED
    assert all((ROOT / name / "py.typed").exists() for name in INSTALLED)


def test_every_template_is_installed():
    data = PROJECT["tool"]["setuptools"]["package-data"]
    files = [path for name in INSTALLED for path in (ROOT / name).rglob("*") if path.is_file()]
    for path in files:
        if path.suffix in (".py", ".pyc", ".typed") or "__pycache__" in path.parts:
            continue
        package = ".".join(path.relative_to(ROOT).parts[:-1])
        assert f"*{path.suffix}" in data.get(package, ()), path


def test_modules_import_where_the_system_has_no_locks_and_no_process_groups():
    names = ["scripts.cli", "twingrad.running", "sweeps.sweep", "compare.watching.watch"]
    names += ["compare.submissions.code_check", "reproduction.reproduce"]
    imports = "".join(f"importlib.import_module({name!r})\n" for name in names)
    code = f"{BLOCKED}{imports}from twingrad.running import peak_memory_mb\nprint(peak_memory_mb())"
    assert run(code) == ["None"]


def test_a_lock_that_the_system_lacks_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("twingrad.locks.fcntl", None)
    from twingrad.locks import hold

    hold(tmp_path, "training").close()
    assert capsys.readouterr().err == (
        f"twingrad: this system has no file locks: do not start a second training in {tmp_path}\n"
    )


@pytest.mark.parametrize("arguments", [["check", "--code"], ["watch"]])
def test_code_that_could_not_be_ended_is_not_started(arguments):
    file = {"check": "mine.py", "watch": "train.py"}[arguments[0]]
    code = (
        f"{BLOCKED}sys.argv = ['twingrad', *{arguments}, 'docs/examples/{file}']\n"
        "import twingrad.__main__\n"
        "try:\n    twingrad.__main__.main()\nexcept SystemExit as end:\n    print(end.code)"
    )
    assert run(code) == ["2"]


@pytest.mark.slow
def test_what_pip_installs_runs_from_another_folder(tmp_path):
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = str(home / "bin/python")
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", str(ROOT)]
    built = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "ConnectionError" in built.stderr or "No matching distribution" in built.stderr:
        pytest.skip("pip finds no package index to build with")
    assert built.returncode == 0, built.stderr
    (site,) = home.glob("lib/python*/site-packages")
    names = {path.name for path in site.iterdir() if path.is_dir()}
    assert names & {"common", "benchmarks", "tests", "validation", "docs"} == set()
    assert names >= INSTALLED
    # the dependencies of this environment, without the packages of this tree
    (site / "dependencies.pth").write_text(
        next(path for path in sys.path if path.endswith("site-packages"))
    )
    (tmp_path / "compare.py").write_text("raise SystemExit('imported')")
    check = [str(home / "bin/twingrad"), "check", "--code", str(ROOT / "docs/examples/mine.py")]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "verdict: disagree")
