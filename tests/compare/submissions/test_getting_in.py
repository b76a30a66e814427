"""Code that can or cannot be run: imported as its author's Python does, or exit 2 in one line."""

import pytest

from compare.submissions import Request, run_code
from compare.submissions.code_check import check_code
from compare.submissions.newer_python import needed_python
from tests.compare.submissions.support import assert_agrees, student
from twingrad.errors import UserError

ONE = Request(hidden=(), inputs=7, samples=6, penalty=0.1)

NET = """
import numpy as np

def apply_network(X, W, b):
    e = np.exp(W @ X + b)
    return e / e.sum(axis=0)

def compute_gradients(X, Y, P, W, b, lam):
    n = X.shape[1]
    return (P - Y) @ X.T / n + 2 * lam * W, (P - Y).sum(axis=1, keepdims=True) / n
"""


def agrees(path):
    """Whether a file of one layer gives the reference's gradients in both of its cases."""
    submission = run_code(path, None, ONE)
    assert submission.findings == ()
    assert len(submission.answers) == 2
    for answer in submission.answers:
        assert set(answer.gradients) == {"W1", "b1"}
        assert_agrees(answer)


@pytest.mark.parametrize("name", ["circular/mine", "packages/course/classifiers/softmax"])
def test_files_that_import_each_other_are_imported_as_their_author_does(name):
    agrees(student(name))


def test_absolute_imports_are_found_from_the_folder_that_holds_the_package(tmp_path):
    folder = tmp_path / "course/nets"
    folder.mkdir(parents=True)
    (tmp_path / "course/helpers.py").write_text("LAMBDA = 2\n")
    (folder / "mine.py").write_text("from course.helpers import LAMBDA\n" + NET)
    agrees(folder / "mine.py")


@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_data_file_is_found_where_its_author_started_the_program(tmp_path, above):
    path = tmp_path / "a/b/mine.py"
    path.parent.mkdir(parents=True)
    (path.parents[above] / "Datasets").mkdir()
    (path.parents[above] / "Datasets/x.bin").write_text("1")
    path.write_text(NET + "\ndata = open('Datasets/x.bin').read()\n")
    agrees(path)


def test_a_data_file_is_found_where_twingrad_was_called(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/x.bin").write_text("1")
    path = tmp_path / "code/mine.py"
    path.write_text(NET + "\ndata = open('x.bin').read()\n")
    monkeypatch.chdir(tmp_path / "run")
    agrees(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data = open('nowhere/x.bin').read()", "FileNotFoundError.*try: twingrad watch"),
        ("import a_package_that_nobody_has", "No module named 'a_package_that_nobody_has'"),
        ("raise SystemExit(3)", "exit status 3.*twingrad watch"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("f'{run['lam']}'" if __import__("sys").version_info < (3, 12) else "t''x", "needs Python"),
    ],
)
def test_a_file_that_cannot_be_imported_was_not_checked(tmp_path, line, words):
    path = tmp_path / "mine.py"
    path.write_text(f"{NET}\n{line}\n")
    with pytest.raises(UserError, match=words):
        check_code(path, None, ONE)


def test_an_import_that_does_not_end_was_not_checked(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"{NET}\nwhile True:\n    pass\n")
    with pytest.raises(UserError, match=r"not done after 2 s.*twingrad watch"):
        check_code(path, None, ONE, time_limit=2.0)


def test_a_notebook_is_one_for_the_other_command(tmp_path):
    path = tmp_path / "lab.ipynb"
    path.write_text("{}")
    with pytest.raises(UserError, match=r"twingrad watch .*lab.ipynb"):
        check_code(path, None, ONE)


def test_an_argument_that_nothing_fits_means_that_nothing_was_checked(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NET.replace("Y, P, W", "Y, P, wobble, wibble, W"))
    with pytest.raises(UserError, match="takes wobble and wibble"):
        check_code(path, None, ONE)


def test_an_adapter_that_returns_nothing_was_not_checked(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def gradients(network, parameters, X, y, *, penalty):\n    return {}\n")
    with pytest.raises(UserError, match="nothing that could be compared"):
        check_code(path, None, ONE)


@pytest.mark.parametrize(
    ("line", "message", "needs"),
    [
        ('print(f"lam={run["lam"]}")', "f-string: unmatched '['", "3.12"),
        ("print(f'{a['x']} and {b}')", "f-string: expecting '}'", "3.12"),
        ("f'{chr(10)!r:\\n}'", "f-string expression part cannot include a backslash", "3.12"),
        ("type Array = list[float]", "invalid syntax", "3.12"),
        ("def first[T](xs: list[T]) -> T:", "expected '('", "3.12"),
        ("except ValueError, TypeError:", "multiple exception types must be parenthesized", "3.14"),
        ("print(f'{x')", "f-string: expecting '}'", None),
        ("match command:", "invalid syntax", None),
        ("def f(:", "invalid syntax", None),
    ],
)
def test_syntax_of_a_newer_python_is_told_from_a_mistake(line, message, needs):
    assert needed_python(line, message, (3, 11)) == needs


def test_syntax_that_the_python_has_is_not_blamed_on_its_age():
    assert needed_python("match command:", "invalid syntax", (3, 9)) == "3.10"
    assert needed_python("def first[T](xs):", "invalid syntax", (3, 12)) is None
