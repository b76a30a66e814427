"""The lesson on the backward pass: it runs, and what it quotes and claims is so."""

import ast
import contextlib
import io
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.cases import random_case
from compare.derivation import all_steps
from compare.diagnosis.catalogue import FAULTS
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.evidence import Evidence
from twingrad.network import Network

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "backward_pass.md"
TEXT = PAGE.read_text()


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, its text and the number of its first line, from 0."""

    info: str
    text: str
    line: int


BLOCKS = [
    Block(m[1], m[2], TEXT[: m.start(2)].count("\n"))
    for m in re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", TEXT, re.MULTILINE)
]
QUOTES = [block for block in BLOCKS if block.info.startswith("python ")]
TABLE = re.findall(r"^\| `([^`]+)` \| (\d|all) \| (none|(?:`\w+` ?)+) \|", TEXT, re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    """What running the page left: its names, and what each block printed, by its line."""

    names: dict[str, Any]
    printed: dict[int, str]


@pytest.fixture(scope="module")
def lesson():
    names: dict[str, Any] = {}
    printed = {}
    for block in BLOCKS:
        if block.info == "python":
            code = compile("\n" * block.line + block.text, str(PAGE), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(code, names)
            printed[block.line] = output.getvalue()
    return Lesson(names, printed)


def test_the_program_runs_and_its_gradients_are_not_trivial(lesson):
    assert len(lesson.printed) == 41
    assert np.abs(lesson.names["d_s"]).max() > 0.1
    for l in (1, 2, 3):
        assert np.abs(lesson.names["g"][f"W{l}"]).max() > 0.01


def test_it_prints_what_the_page_shows(lesson):
    shown = [
        (before.line, block.text) for before, block in pairwise(BLOCKS) if block.info == "text"
    ]
    assert len(shown) == 2
    assert [lesson.printed[line] for line, _ in shown] == [text for _, text in shown]


@cache
def functions(path: str) -> dict[str, list[str]]:
    """The stripped lines of every function and method of a file, by qualified name."""
    source = (ROOT / path).read_text()
    lines = [line.strip() for line in source.splitlines()]
    found = {}
    for node in ast.parse(source).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for function in inner:
            if isinstance(function, ast.FunctionDef):
                found[prefix + function.name] = lines[function.lineno - 1 : function.end_lineno]
    return found


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: f"line {quote.line + 1}")
def test_a_quote_stands_in_the_function_it_names(quote):
    head, *lines = quote.text.splitlines()
    path = quote.info.removeprefix("python ")
    name = re.fullmatch(rf"# ([\w.]+) in {re.escape(path)}", head)[1]
    code = functions(path)[name]
    places = [code.index(line.strip()) for line in lines]
    assert places
    assert places == sorted(places)


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: f"line {quote.line + 1}")
def test_a_formula_stands_above_its_line_of_code(quote):
    above = TEXT.splitlines()[: quote.line - 1]
    assert above[-1] == ""
    assert re.fullmatch(r"\$\$.+\$\$", above[-2])


def test_formulas_are_set_as_github_renders_them():
    lines = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL).splitlines()
    displayed = [index for index, line in enumerate(lines) if "$$" in line]
    assert len(displayed) == 61
    for index in displayed:  # whole in its line, and alone in its paragraph
        assert re.fullmatch(r"\$\$[^$]+\$\$", lines[index]), lines[index]
        assert (lines[index - 1], lines[index + 1]) == ("", "")
    for line in lines:
        parts = line.replace("$$", "$").split("$")
        assert len(parts) % 2 == 1, line
        for formula in parts[1::2]:
            assert formula.count("{") == formula.count("}"), formula
            assert "*" not in formula, formula  # Markdown might read it as emphasis


def test_the_picture_is_what_its_program_draws(tmp_path):
    program, picture = (ROOT / "docs" / f"lesson_graph.{kind}" for kind in ("py", "svg"))
    drawn = tmp_path / "drawn.svg"
    subprocess.run([sys.executable, program, drawn], check=True)
    assert drawn.read_text(encoding="utf-8") == picture.read_text(encoding="utf-8")
    arrows = drawn.read_text(encoding="utf-8").count('class="edge"')
    assert arrows == 14
    assert f"]({picture.name})" in TEXT


def test_every_step_of_the_derivation_is_quoted():
    quoted = {line.strip() for quote in QUOTES for line in quote.text.splitlines()}
    lines = {line for step in all_steps() for line in (step.code, step.further) if line}
    assert len(lines) > 25
    assert lines - quoted == set()


def test_the_table_names_faults_of_the_catalogue():
    assert len(TABLE) == 29
    assert {name for name, _, _ in TABLE} <= {fault.name for fault in FAULTS}


@pytest.mark.parametrize(("name", "layer", "wrong"), TABLE, ids=[row[0] for row in TABLE])
def test_a_mistake_shows_in_the_tensors_that_the_table_says(name, layer, wrong):
    case = random_case(Network(8, (6, 6), 4, normalization="batch"), 10, penalty=0.1, seed=0)
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    (candidate,) = (
        candidate
        for candidate in fault.candidates(case.network)
        if (candidate.every if layer == "all" else candidate.layer == int(layer))
    )
    predicted = candidate.predict(case)
    shown = {tensor: predicted[tensor] for tensor in (*case.parameters, "forward cost")}
    found = [tensor.removeprefix("forward ") for tensor in Evidence(case, shown).wrong]
    assert found == re.findall(r"`(\w+)`", wrong)


def test_mistakes_of_training_are_of_the_catalogue_and_show_where_it_says():
    rows = re.findall(r"^\| `([^`]+)` \| ([\w ]+) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 24
    assert set(rows) <= {(fault.name, fault.tensor) for fault in STATE_FAULTS}


@pytest.mark.parametrize("number", range(1, 6))
def test_an_exercise_is_found_wrong(lesson, number):
    examination = lesson.names[f"exercise_{number}"]
    assert examination.evidence.wrong
    assert examination.place


def test_the_contents_lead_to_every_section():
    sections = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections]
    assert re.findall(r"^\d+\. \[.*\]\(#(.*)\)$", TEXT, re.MULTILINE) == anchors
    assert len(anchors) == 18
