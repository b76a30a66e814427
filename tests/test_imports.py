"""Who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import ROOT

FLOORS = {
    "twingrad": 0,
    "manual_impl": 1,
    "torch_impl": 1,
    "compare": 2,
    "sweeps": 2,
    "reproduction": 3,
    "scripts": 4,
}
"""A package imports itself and what lies on lower floors."""


def imported(package: str) -> Iterator[tuple[str, str]]:
    """(file, top-level package) of every import in a package, those inside functions included."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if node.level == 0 else [package]
            else:
                continue
            yield from ((str(path.relative_to(ROOT)), name.partition(".")[0]) for name in names)


@pytest.mark.parametrize("package", [name for name in FLOORS if (ROOT / name).is_dir()])
def test_imports_go_down_the_floors(package):
    wrong = [
        (file, name)
        for file, name in imported(package)
        if name in FLOORS and name != package and FLOORS[name] >= FLOORS[package]
    ]
    assert wrong == []


def test_the_walk_sees_imports():
    names = {name for _, name in imported("torch_impl")}
    assert {"twingrad", "torch"} <= names


def test_manual_impl_names_no_torch():
    names = {name for _, name in imported("manual_impl")}
    assert names & {"torch", "torchvision"} == set()


@pytest.mark.parametrize("package", ["manual_impl", "twingrad"])
def test_importing_loads_no_torch(package):
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / package).glob("*.py")
        if path.stem not in ("__init__", "vision")  # the one place for torchvision, torch with it
    )
    code = f"import sys, {package}, {', '.join(modules)}; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
