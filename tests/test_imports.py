"""Who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

FLOORS = (
    {"twingrad"},
    {"manual_impl", "torch_impl"},
    {"sweeps", "compare"},
    {"reproduction"},
    {"scripts", "benchmarks", "validation"},
)
"""From the ground up. A package imports itself and what lies below it."""

TOP = FLOORS[-1]
"""These may import each other too."""

PACKAGES = [package for floor in FLOORS for package in sorted(floor)]

FRONT_DOOR = ("twingrad/__init__.py", "twingrad/__main__.py")
"""They load upper floors when asked to, by importlib alone."""


def allowed(package: str) -> set[str]:
    """Our packages that a package may import."""
    number = next(i for i, floor in enumerate(FLOORS) if package in floor)
    below = set().union(*FLOORS[:number])
    return below | {package} | (TOP if package in TOP else set())


def imported(package: str) -> Iterator[tuple[str, str]]:
    """(file, top-level package) of every import in a package, those inside functions included."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for name in imported_by(path.read_text(), package):
            yield str(path.relative_to(ROOT)), name


def imported_by(code: str, package: str) -> Iterator[str]:
    """Top-level packages of the import statements and of importlib's calls in a piece of code."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.level == 0 else [package]
        elif isinstance(node, ast.Call) and called(node.func) in ("import_module", "__import__"):
            first = node.args[0]
            names = [first.value] if isinstance(first, ast.Constant) else []
        else:
            continue
        yield from (str(name).partition(".")[0] for name in names)


def called(function: ast.expr) -> str:
    """The last part of a called name."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_down_the_floors(package):
    wrong = [
        (file, name)
        for file, name in imported(package)
        if name in PACKAGES and name not in allowed(package) and file not in FRONT_DOOR
    ]
    assert wrong == []


def test_every_package_has_its_floor():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"tests"} == set(PACKAGES)


@pytest.mark.parametrize(
    ("package", "may_not"),
    [
        ("twingrad", {"manual_impl", "compare", "scripts"}),
        ("manual_impl", {"torch_impl"}),
        ("torch_impl", {"manual_impl"}),
        ("sweeps", {"compare"}),
        ("compare", {"sweeps"}),
        ("reproduction", {"scripts", "validation"}),
    ],
)
def test_floors_and_walls(package, may_not):
    assert allowed(package) & may_not == set()


def test_the_walk_sees_imports():
    code = "import a.b\nfrom . import i\ndef f():\n    from c.d import e\nimport_module('g.h')"
    assert set(imported_by(code, "here")) == {"a", "c", "g", "here"}
    names = {name for _, name in imported("torch_impl")}
    assert {"twingrad", "torch"} <= names


@pytest.mark.parametrize("file", FRONT_DOOR)
def test_the_front_door_names_upper_floors_in_importlib_s_calls_alone(file):
    tree = ast.parse((ROOT / file).read_text())
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    code = ast.unparse(ast.Module(statements, []))
    assert set(imported_by(code, "twingrad")) & set(PACKAGES) <= {"twingrad"}


def test_manual_impl_names_no_torch():
    names = {name for _, name in imported("manual_impl")}
    assert names & {"torch", "torchvision"} == set()


def modules(package: str) -> list[str]:
    """Every module of a package, but the one place for torchvision and the program's start."""
    paths = (ROOT / package).rglob("*.py")
    names = [path.relative_to(ROOT).with_suffix("") for path in paths]
    return sorted(
        ".".join(name.parts)
        for name in names
        if name.stem not in ("__init__", "__main__", "vision")
    )


def loaded(code: str, *questions: str) -> list[str]:
    """Which of the modules asked for a fresh Python has loaded after this code."""
    code = f"import sys\n{code}\nprint(*[name for name in {questions} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


@pytest.mark.parametrize("package", ["manual_impl", "twingrad"])
def test_importing_loads_no_torch(package):
    code = f"import {package}, {', '.join(modules(package))}"
    assert loaded(code, "torch", "torchvision", "numpy") == ["numpy"]


def test_importing_twingrad_loads_nothing_yet():
    upper = sorted(set(PACKAGES) - {"twingrad"})
    assert loaded("import twingrad", "torch", "matplotlib", "numpy", *upper) == []


def test_the_program_loads_nothing_that_its_help_does_not_need():
    upper = sorted(set(PACKAGES) - {"twingrad", "scripts"})
    heavy = ("torch", "matplotlib", "scipy", "optuna", "plotly")
    assert loaded("import scripts.cli", "typer", *heavy, *upper) == ["typer"]


def test_our_files_are_where_this_test_looks():
    import manual_impl

    assert Path(str(manual_impl.__file__)).parents[1] == ROOT
