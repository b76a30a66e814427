import re
from math import inf

import pytest

import manual_impl
import torch_impl
from compare.cases import random_case
from compare.reports.check_report import render, write_check_report
from compare.reports.check_result import CheckResult
from compare.reports.heat_map import Cell, heat_maps, place_of
from compare.submissions import Finding
from compare.twins.gradient_check import check_case
from tests.compare.faults import no_penalty_on_layer_1, with_gradients
from tests.compare.planted import DEEP, PARAMETERS, SMALL, examination, right_verdict, verdict

HOSTILE = "<script>alert('x')</script>\"&<b>"


def cells(case, stage):
    found = next(heat for heat in heat_maps(case) if heat.stage == stage)
    return {
        (l, kind): cell
        for l, row in found.rows
        for kind, cell in zip(found.columns, row, strict=True)
        if cell is not None
    }


def test_the_wrong_term_is_marked():
    page = render(CheckResult("t", (verdict(examination("variance's term missing", (2,))),)))
    assert re.findall("<mark>(.*?)</mark>", page) == ["+ G_v2 (2/n) (s2 - mu2)"]


def test_one_cell_is_framed_as_broken():
    case = verdict(examination("ReLU mask missing", (1,)))
    page = render(CheckResult("t", (case,)))
    assert page.count('<td class="broken"') == 1
    assert '<span class="sr"> broken</span>' in page
    broken = [key for key, cell in cells(case, "backward").items() if cell.status == "broken"]
    assert broken == [(1, "s_tilde")]


def test_the_map_holds_the_logarithm_of_the_error():
    found = examination("ReLU mask missing", (1,))
    cell = cells(verdict(found), "backward")[1, "s_tilde"]
    assert cell.error == found.blame.first.error
    assert 10 ** float(cell.text) == pytest.approx(cell.error, rel=0.13)  # one decimal of log10
    assert "broken, wrong by its own operation" in cell.said


@pytest.mark.parametrize(
    ("error", "text"), [(None, ""), (0.0, "exact"), (0.999, "0.0"), (1e-16, "-16.0"), (inf, "inf")]
)
def test_no_error_at_all_is_not_taken_for_an_error_of_one(error, text):
    assert Cell("agrees", error, "").text == text


def test_the_larger_the_error_the_darker_the_cell():
    grounds = [Cell("broken", error, "").colours[0] for error in (0.0, 1e-12, 1e-7, 1e-2, inf)]
    green = [int(ground[3:5], 16) for ground in grounds]
    assert green[1:] == sorted(green[1:], reverse=True)
    assert len(set(grounds)) == 5


def test_layers_stand_in_order_of_execution():
    forward, backward = heat_maps(verdict(examination("ReLU mask missing", (1,), DEEP)))
    assert [l for l, _ in forward.rows] == list(range(1, 10))
    assert [l for l, _ in backward.rows] == list(range(9, 0, -1))
    assert backward.columns[:4] == ("x", "s_tilde", "gamma", "beta")


def test_a_case_that_agrees_has_a_map_of_its_tensors():
    case = check_case(random_case(SMALL, 20, penalty=0.01, seed=0), manual_impl, torch_impl)
    assert case.examination is None
    found = cells(case, "backward")
    assert len(found) == 23
    assert {cell.status for cell in found.values()} == {"agrees"}
    assert max(cell.error for cell in found.values()) < 1e-11
    assert len(cells(case, "forward")) == 16


def test_what_was_not_given_has_no_colour_of_an_error():
    case = verdict(examination("ReLU mask missing", (1,), only=PARAMETERS))
    cell = cells(case, "backward")[1, "s_tilde"]
    assert (cell.status, cell.text, cell.mark) == ("not given", "", "·")
    assert [heat.stage for heat in heat_maps(case)] == ["backward"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("s_tilde12", ("backward", 12, "s_tilde")),
        ("forward s_hat1", ("forward", 1, "s_hat")),
        ("forward p", ("forward", 0, "p")),
        ("grad_gamma_2", ("backward", 2, "gamma")),
        ("mu_1", ("forward", 1, "mu")),
        ("P", ("forward", 0, "p")),
        ("J", ("forward", 0, "cost")),
        ("final_W_1", None),
        ("W", None),
        ("<b>", None),
    ],
)
def test_names_of_tensors_give_their_places(name, place):
    assert place_of(name) == place


def test_faulty_cases_are_open_and_those_that_agree_folded():
    cases = (verdict(examination("ReLU mask missing", (1,)), "bad"), right_verdict(name="good"))
    page = render(CheckResult("t", cases))
    opened = re.search(r'<details class="case" open><summary>(.*?)</summary>', page)
    folded = re.search(r'<details class="case"><summary>(.*?)</summary>', page)
    assert "bad: first wrong in s_tilde1, backward pass" in opened[1]
    assert "good" in folded[1]
    assert "1 of 2 cases agree" in page


def test_all_agreeing_is_said_and_nothing_is_blamed():
    page = render(CheckResult("two", (right_verdict(),)))
    assert '<h1>two: <span class="agree">agree</span></h1>' in page
    assert "<mark>" not in page
    assert "<h2>Diagnosis" not in page
    assert '<details class="case" open' not in page


def test_the_diagnosis_and_the_runner_up_are_shown():
    found = examination("ReLU mask missing", (1,))
    page = render(CheckResult("t", (verdict(found),)))
    assert "The gradient passes the ReLU of layer 1 unmasked." in page
    assert f'<td class="n">{found.best.runner_up:.2e}' in page


def test_the_first_fault_leads_the_worst_entries():
    page = render(CheckResult("t", (verdict(examination("ReLU mask missing", (1,))),)))
    table = page[page.index("The worst entries") :]
    first = re.search(r"<tr><td>(\w+)<td class=\"n\">\[(.*?)\]", table)
    assert first[1] == "s_tilde1"


def test_who_stands_alone_is_in_the_table_of_witnesses():
    case = random_case(SMALL, 20, penalty=0.1, seed=0)
    found = check_case(case, with_gradients(no_penalty_on_layer_1), torch_impl)
    page = render(CheckResult("t", (found,)))
    table = page[page.index("Who agrees with whom") :]
    row = re.search(r"<tr><td>W1<td>(.*?)<td>(.*?)</tr>", table)
    assert "by hand" in row[1]
    assert row[2] == "by hand"


def test_hostile_names_messages_and_code_are_escaped(tmp_path):
    file = tmp_path / "x<img src=q>.py"
    file.write_text(f"a = 1\n# {HOSTILE}\nb = 2\n")
    findings = (Finding(HOSTILE, HOSTILE, 2, True, HOSTILE),)
    case = verdict(examination("ReLU mask missing", (1,)), HOSTILE)
    result = CheckResult(
        HOSTILE, (case,), findings, {HOSTILE: HOSTILE}, HOSTILE, {HOSTILE: 3}, str(file)
    )
    page = render(result)
    assert "<script" not in page
    assert "<img" not in page
    assert "→    2  # &lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


@pytest.mark.parametrize("line", [None, 0, 99, 3])
def test_a_finding_whose_file_cannot_be_read_is_still_shown(tmp_path, line):
    finding = Finding("hang", "it took more than 60 s", line, True)
    page = render(CheckResult("t", (), (finding,), path=str(tmp_path / "gone\0.py")))
    assert "it took more than 60 s" in page
    assert '<h1>t: <span class="disagree">disagree</span></h1>' in page


def test_the_page_is_written_though_a_path_is_no_text(tmp_path):
    write_check_report(tmp_path / "r.html", CheckResult("a\udcff.py", (right_verdict(),)))
    assert "a\\udcff.py" in (tmp_path / "r.html").read_text()


def test_the_page_needs_no_other_file():
    page = render(CheckResult("t", (right_verdict(),)))
    assert re.findall(r"(?:src|href)=|url\(", page) == []


def test_of_very_many_cases_the_names_remain():
    cases = tuple(right_verdict(name=f"case {i}") for i in range(33))
    page = render(CheckResult("t", cases))
    assert page.count('<details class="case">') == 30
    assert "3 more agree: case 30; case 31; case 32" in page
