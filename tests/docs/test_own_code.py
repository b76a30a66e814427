"""The page for newcomers: its example is judged as it says."""

import re

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from tests.support import ROOT

PAGE = (ROOT / "docs" / "your_own_code.md").read_text()


@pytest.fixture
def example(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    path = tmp_path / "mine.py"
    path.write_text(block)
    return path


def test_the_example_is_wrong_as_the_page_says(example):
    result = check_code(example, None, Request())
    said = [s for case in result.cases if case.examination for s in case.examination.sentences]
    quoted = re.findall(r"^    ((?:Backward pass, first|The gradient passes).*)$", PAGE, re.M)
    assert len(quoted) == 2
    assert set(quoted) <= set(said)


def test_mended_as_the_page_says_it_agrees(example):
    example.write_text(example.read_text().replace("if l > 1:", "if l > 0:"))
    result = check_code(example, None, Request())
    assert (result.verdict, result.findings) == ("agree", ())
    assert f"not checked: {'; '.join(result.not_checked)}" in " ".join(PAGE.split())


def test_every_option_that_the_page_names_is_there(twingrad_help):
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE)) - {"--code", "--out"}
    missing = [option for option in sorted(named) if option not in twingrad_help]
    assert missing == []


@pytest.fixture
def twingrad_help():
    from typer.main import get_command

    from scripts.cli import join

    commands = get_command(join()).commands
    names = [name for p in commands["check"].params for name in (*p.opts, *p.secondary_opts)]
    names += [name for p in commands["golden"].commands["new"].params for name in p.opts]
    return " ".join([*names, "--golden"])
