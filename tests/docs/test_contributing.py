"""What CONTRIBUTING.md quotes is in the tree."""

import re

from tests.support import ROOT


def test_the_quoted_fault_is_the_catalogue_s():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    source = (ROOT / "compare/diagnosis/catalogue/parameters.py").read_text()
    assert len(blocks) == 2
    bare = [block.removeprefix("(\n").removesuffix(")\n") for block in blocks]
    assert all(block in source for block in bare)


def test_the_targets_it_names_are_in_the_makefile():
    named = re.findall(r"^make (\S+)", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert named
    assert all(f"\n{target}:" in makefile for target in named)
