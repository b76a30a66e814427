"""Notebooks run cell by cell, without their magics, with lines within the cell."""

import json

import pytest

from compare.agent.recorder import without_magics
from tests.compare.agent.support import recorded


def notebook(folder, *cells):
    kinds = [{"cell_type": "markdown", "source": ["# Lab"]}]
    kinds += [
        {"cell_type": "code", "source": text.splitlines(keepends=True), "outputs": []}
        for text in cells
    ]
    path = folder / "lab.ipynb"
    path.write_text(json.dumps({"cells": kinds, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("if x:\n    !pip install numpy\ny = 2", "if x:\n    pass\ny = 2"),
        ("print('%d'\n      % x)\n%time y = f()", "print('%d'\n      % x)\ny = f()"),
        ("x = '''\n!not a command\n'''\n!ls", "x = '''\n!not a command\n'''\npass"),
        ("total = a \\\n  % b\n!ls", "total = a \\\n  % b\npass"),
        ("files = !ls\nout = %time f(x)", "files = []\nout = f(x)"),
        ("np.dot?\n?np.dot\nx = 1", "pass\npass\nx = 1"),
        ("%%time\nx = 1", "\nx = 1"),
        ("%%bash\nls -l", ""),
        ("%timeit f(x)\nx = 1", "pass\nx = 1"),
        ("x % y", "x % y"),
    ],
)
def test_magics_are_left_out_and_lines_stay(text, expected):
    assert without_magics(text) == expected


def test_cells_share_their_names_and_lines_are_the_cells_own(tmp_path):
    program = notebook(
        tmp_path,
        "%load_ext autoreload\nimport numpy as np\nget_ipython().run_line_magic('matplotlib', 'x')",
        "%%html\n<b>bold</b>",
        "\nW = np.ones(2)\ndef f(x):\n    return x + W\ndisplay(W)",
        "y = f(W)\nprint(y, __name__)\nf(np.ones(3))",
    )
    got = recorded(program, folder=tmp_path)
    assert got.out == "[2. 2.] __main__\n"
    assert [file.label for file in got.recording.files] == ["cell 1", "cell 2", "cell 3", "cell 4"]
    site = got.named("x + W", "return")[0].site
    assert (got.recording.files[site.file].label, site.line) == ("cell 3", 4)
    assert got.recording.end["line"] == 4
    assert got.recording.end["file"].endswith("#cell 3")
    assert "    return x + W" in got.err


def test_a_notebook_of_an_old_format(tmp_path):
    cells = [{"cell_type": "code", "input": ["import numpy as np\n", "W = np.ones(2)"]}]
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert recorded(path, folder=tmp_path).seen("W")[0].tolist() == [1, 1]
