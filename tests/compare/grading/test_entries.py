"""Which submissions a folder holds, and what is copied of them."""

import os

import pytest

from compare.grading.entries import Entry, Unusable, copy, digest, find_entries, main_file
from compare.grading.imports import text_of, used
from twingrad.errors import UserError


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "submissions"
    path.mkdir()
    return path


def test_files_and_folders_are_submissions(folder):
    (folder / "anna.py").touch()
    (folder / "bert").mkdir()
    (folder / "bert.py").touch()
    (folder / ".hidden").mkdir()
    (folder / "__pycache__").mkdir()
    (folder / "roster.csv").touch()
    entries, ignored = find_entries(folder)
    assert [entry.name for entry in entries] == ["anna", "bert", "bert.py"]
    assert ignored == ["roster.csv"]
    single, _ = find_entries(folder, single=True)
    assert [entry.name for entry in single] == ["submissions"]


def test_a_folder_without_submissions_is_named(folder):
    with pytest.raises(UserError, match="no submission in it"):
        find_entries(folder)
    with pytest.raises(UserError, match="no such file or folder"):
        find_entries(folder / "none")


def test_pages_get_safe_names_that_stay_apart(folder):
    names = ["a b", "a_b", "<script>", "a\nb", ".x", "é"]
    slugs = [Entry(name, folder).slug for name in names]
    assert len(set(slugs)) == len(names)
    assert all("/" not in slug and "<" not in slug and slug[0] != "." for slug in slugs)
    assert slugs[1] == "a_b"


def test_the_digest_changes_with_the_content_alone(folder):
    path = folder / "anna.py"
    path.write_text("x = 1")
    entry = Entry("anna", path)
    first = digest(entry)
    os.utime(path, (1, 1))
    assert digest(entry) == first
    path.write_text("x = 2")
    assert digest(entry) != first


def test_links_and_devices_are_not_copied(folder, tmp_path):
    (folder / "anna").mkdir()
    (folder / "anna/a.py").write_text("x = 1")
    (folder / "anna/secret.txt").symlink_to("/etc/passwd")
    os.mkfifo(folder / "anna/pipe.py")
    target = tmp_path / "copy"
    target.mkdir()
    copy(Entry("anna", folder / "anna"), target)
    assert [path.name for path in target.rglob("*")] == ["a.py"]
    (folder / "link.py").symlink_to("/dev/zero")
    for name in ("link.py", "anna/pipe.py"):
        with pytest.raises(Unusable, match="link or a device"):
            copy(Entry("x", folder / name), target)


@pytest.mark.parametrize(
    ("files", "wanted", "expected"),
    [
        ({"a.py": ""}, None, "a.py"),
        ({"main.py": "import helpers", "helpers.py": ""}, None, "main.py"),
        ({"inner/a.py": ""}, None, "inner/a.py"),
        ({"a.py": "", "b.py": ""}, "b.py", "b.py"),
        ({"deep/b.py": "", "a.py": ""}, "b.py", "deep/b.py"),
        ({"other.py": ""}, "b.py", "other.py"),
    ],
)
def test_the_file_to_judge_is_found(folder, files, wanted, expected):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert main_file(folder, wanted) == folder / expected


@pytest.mark.parametrize(
    ("files", "wanted", "said"),
    [
        (["a.py", "b.py"], None, "name the one to judge with --file"),
        (["a.py", "c.py"], "b.py", "it holds no b.py"),
        (["a.ipynb"], None, "notebook"),
        (["a.m"], None, "no .py file"),
    ],
)
def test_what_cannot_be_chosen_is_named(folder, files, wanted, said):
    for name in files:
        (folder / name).touch()
    with pytest.raises(Unusable, match=said):
        main_file(folder, wanted)


def test_imports_are_found_in_the_text_and_in_the_process(folder):
    (folder / "a.py").write_text(
        "import jax.numpy as jnp\nimport keras_like, helpers\n"
        "m = __import__('autograd')\nfrom twingrad import check\npath = '/opt/manual_impl/x'\n"
    )
    (folder / "helpers.py").write_text("import sympy")
    (folder / "theano.py").write_text("import theano")
    seen = {"modules": ["torch", "os", 3], "asked": ["compare"], "opened": "no list"}
    found = used(text_of(folder), seen, ["jaxlib", "numpy"])
    assert found.written == ("autograd", "jax", "sympy")
    assert found.loaded == ("jaxlib", "torch")
    assert found.ours == (
        "a.py imports twingrad",
        "a.py mentions manual_impl",
        "its process asked for compare",
    )
