"""docs/extending.md: its code is the code of the files it names, and its example runs."""

import re

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
QUOTED = [block for block in BLOCKS if block.startswith("# ")]


@pytest.mark.parametrize("block", QUOTED, ids=lambda block: block.split("\n")[0])
def test_quoted_code_stands_in_its_file(block):
    first, code = block.split("\n", 1)
    file = re.split(r"[ ,]", first.removeprefix("# "))[0]
    assert code.rstrip() in (ROOT / file).read_text()


def test_there_are_three_quotations():
    assert len(QUOTED) == 3


def test_the_data_set_of_the_page_is_learned(capsys):
    [example] = [block for block in BLOCKS if block.startswith("import numpy")]
    exec(compile(example, "docs/extending.md", "exec"), {})
    accuracy = int(re.search(r"test accuracy (\d+) %", capsys.readouterr().out)[1])
    assert accuracy > 80  # three classes; the largest has half of the samples
