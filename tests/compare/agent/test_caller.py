"""The agent: what it may use, and what the code in its process can and cannot do."""

import ast
import sys
from pathlib import Path

import pytest

import compare.agent.caller
from compare.submissions import Request, run_code
from compare.submissions.code_check import check_code
from tests.compare.submissions.support import assert_agrees, found, student
from twingrad.errors import UserError

TWO = Request(hidden=(5,), inputs=6, samples=7, penalty=0.1)
SOURCE = Path(compare.agent.caller.__file__).read_text()


def test_its_syntax_is_that_of_python_3_8():
    ast.parse(SOURCE, feature_version=(3, 8))
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1: pass", feature_version=(3, 8))


def test_it_imports_the_standard_library_and_numpy_alone():
    names, tree = set(), ast.parse(SOURCE)
    inside = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)]
    lazy = {id(n) for f in inside for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in lazy:
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and id(node) not in lazy:
            names.add(node.module.split(".")[0])
    assert names <= {*sys.stdlib_module_names, "numpy"}
    assert "numpy" in names


def edited(tmp_path, *changes):
    """A right file with some text replaced."""
    text = student("dd2424_plain").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


HEAD = "import numpy as np\n"


@pytest.mark.parametrize("name", ["manual_impl", "torch_impl", "compare.agent.caller", "twingrad"])
def test_the_code_cannot_import_the_judge(tmp_path, name):
    path = edited(tmp_path, (HEAD, f"{HEAD}import {name}\n"))
    package = name.split(".")[0]
    words = rf"No module named '{package}'.*it was run by Python 3.*name another with --python"
    with pytest.raises(UserError, match=words):
        check_code(path, None, TWO, python=Path(sys.executable))


def test_a_package_of_the_code_s_own_may_have_the_judge_s_name(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/__init__.py").write_text("ONE = 1\n")
    path = edited(tmp_path, (HEAD, f"{HEAD}from scripts import ONE\n"))
    assert run_code(path, None, TWO).findings == ()


def test_the_judge_s_reference_is_not_in_the_process(tmp_path):
    look = "import sys\nOURS = 'manual_impl', 'compare'\n"
    look += "NAMES = [n for n in sys.modules if n.split('.')[0] in OURS]\n"
    path = edited(
        tmp_path, (HEAD, HEAD + look), ("    G = P - Y\n", "    assert not NAMES\n    G = P - Y\n")
    )
    assert run_code(path, None, TWO).findings == ()


def test_what_the_code_made_comes_back_as_itself(tmp_path):
    path = edited(
        tmp_path,
        (HEAD, f"{HEAD}class Own(np.ndarray):\n    pass\nKEPT = []\n"),
        (
            "    G = P - Y\n",
            "    assert KEPT[-1] is P and type(P) is Own\n    G = np.asarray(P) - Y\n",
        ),
        ("    return P, ", "    P = P.view(Own)\n    KEPT.append(P)\n    return P, "),
    )
    result = run_code(path, None, TWO)
    assert result.findings == ()
    assert_agrees(result.answers[0])


def test_garbage_in_the_pipes_ends_the_check(tmp_path):
    write = "    import os\n    for n in range(3, 40):\n        try:\n"
    write += "            os.write(n, b'x' * 99)\n        except OSError:\n            pass\n"
    path = edited(tmp_path, ("    G = P - Y\n", write + "    G = P - Y\n"))
    result = run_code(path, None, TWO, time_limit=20.0)
    assert found(result, "exit").fails
    assert result.answers == ()


def test_a_copy_of_the_process_answers_nothing(tmp_path):
    path = edited(tmp_path, ("    G = P - Y\n", "    import os\n    os.fork()\n    G = P - Y\n"))
    result = run_code(path, None, TWO)
    assert result.findings == ()
    assert_agrees(result.answers[0])


def test_arrays_that_are_too_many_are_not_sent(tmp_path):
    path = edited(
        tmp_path,
        ("    return grads\n", "    grads['more'] = [[0.5] * 300] * 300\n    return grads\n"),
    )
    result = run_code(path, None, TWO)
    assert result.findings == ()
    assert_agrees(result.answers[0])


def test_the_python_that_is_named_runs_the_code(tmp_path):
    result = run_code(edited(tmp_path), None, TWO, python=Path(sys.executable))
    version = ".".join(map(str, sys.version_info[:3]))
    assert result.ran == f"Python {version} ({sys.executable}, named with --python)"
