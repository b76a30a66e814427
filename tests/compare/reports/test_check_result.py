import json
from math import nan

import numpy as np
import pytest

from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import examine
from compare.diagnosis.state_diagnosis import examine_states, states_with
from compare.diagnosis.states import judge_states
from compare.numerics.agreement import CaseVerdict, judge
from compare.reports.check_result import CheckResult, by_telling
from compare.submissions import Finding
from tests.compare.planted import PARAMETERS, examination, right_verdict, verdict


def faulty(name, layers, case="planted", **more):
    return verdict(examination(name, layers, **more), case)


def result(*cases, **more):
    return CheckResult("t", cases, **more)


@pytest.mark.parametrize(
    ("cases", "findings", "says"),
    [
        ([right_verdict()], [], "agree"),
        ([], [], "agree"),
        ([right_verdict(), faulty("penalty missing", (1,))], [], "disagree"),
        ([right_verdict()], [Finding("hang", "no end", None, True)], "disagree"),
        ([right_verdict()], [Finding("noise", "it prints", None, False)], "agree"),
    ],
)
def test_the_verdict_is_that_of_cases_and_findings(cases, findings, says):
    assert result(*cases, findings=tuple(findings)).verdict == says


def test_a_fault_seen_in_several_cases_is_explained_once():
    cases = [faulty("penalty missing", (1,), name) for name in ("one", "two")]
    found = result(*cases)
    assert [m.candidate.fault.name for m in found.explained] == ["penalty missing"]
    assert len([s for s in found.summary if "2 lambda W" in s]) == 1


def test_different_faults_in_different_cases_are_all_explained():
    found = result(faulty("penalty missing", (1,)), faulty("gamma left out", (2,), "other"))
    assert {m.candidate.fault.name for m in found.explained} == {
        "penalty missing",
        "gamma left out",
    }


def test_an_explanation_that_holds_in_every_case_is_preferred():
    # b3 alone does not tell whether b or G lacks its 1/n; the other case does
    one = faulty("not divided by n", (3,), "one", only=("b3",))
    first, *others = (m.candidate.fault.name for m in one.examination.diagnosis.matches)
    assert first == "b not divided by n"
    assert "not divided by n" in others
    other = faulty("not divided by n", (3,), "other", only=PARAMETERS)
    assert [m.candidate.fault.name for m in result(one, other).explained] == ["not divided by n"]


def unexplained(name):
    found = examination("penalty missing", (1,))
    values = dict(found.evidence.found)
    values["W2"] = values["W2"] + np.eye(*values["W2"].shape)
    return verdict(examine("yours", Evidence(found.evidence.case, values)), name)


def test_cases_that_no_fault_explains_are_said():
    assert result(unexplained("odd")).summary == ["No known fault explains this."]
    odd = [unexplained(name) for name in ("odd", "other", "third")]
    assert result(faulty("gamma left out", (2,)), *odd).summary == [
        "No known fault explains all 4 wrong cases; the likeliest explains 1."
    ]
    beside = result(faulty("gamma left out", (2,)), unexplained("odd")).summary
    assert beside[-1] == "That does not explain: odd."


def test_the_most_telling_case_comes_first():
    cases = [
        unexplained("odd"),
        faulty("gamma left out", (2,), only=PARAMETERS),
        faulty("gamma left out", (2,)),
    ]
    order = by_telling(cases)
    assert [bool(e.diagnosis.matches) for e in order] == [True, True, False]
    assert len(order[0].blame.suspects) < len(order[1].blame.suspects)


def test_json_has_the_fields_of_the_design_and_no_nan():
    tensor = judge("W1", "by hand", np.zeros(2), np.array([nan, 1.0]), relative=1e-11)
    odd = CaseVerdict("nan", (tensor,), {"tensor": "W1", "pass": "backward"})
    found = result(
        faulty("penalty missing", (1,)), odd, findings=(Finding("noise", "it prints", 3, False),)
    )
    report = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert report["verdict"] == "disagree"
    case = report["cases"][0]
    assert case["first_fault"] == {"tensor": "W1", "pass": "backward"}
    diagnosed = case["diagnosis"][0]
    assert {"fault", "layer", "residual", "explanation"} <= set(diagnosed)
    assert (diagnosed["fault"], diagnosed["layer"]) == ("penalty missing", 1)
    needed = {"name", "verdict", "max_abs", "max_rel", "worst_index", "expected", "actual"}
    assert needed <= set(case["tensors"][0])
    assert report["cases"][1]["tensors"][0]["actual"] == "nan"
    assert report["findings"][0]["line"] == 3


def test_faults_of_training_are_in_summary_and_json():
    (fault,) = [f for f in STATE_FAULTS if f.name == "running variance unbiased"]
    found = states_with((fault,))
    states = examine_states(found, judge_states("by hand", states_with(()), found))
    shown = result(right_verdict(), states=states)
    assert shown.summary[0] == "Training, first wrong: v1 after update 1."
    diagnosed = json.loads(json.dumps(shown.as_json(), allow_nan=False))["states"]
    assert diagnosed["first_fault"] == {"tensor": "v1", "pass": "state", "update": 1}
    assert diagnosed["diagnosis"][0]["fault"] == "running variance unbiased"


def test_hints_come_last():
    assert (
        result(faulty("penalty missing", (1,)), hints=("look there",)).summary[-1] == "look there"
    )


def test_printed_it_is_the_report():
    # a class's own repr would be thousands of lines of arrays
    found = result(faulty("penalty missing", (1,)), assumed={"names": "\x1b[31mred"})
    lines = repr(found).splitlines()
    assert lines[0] == "assumed: names \\x1b[31mred"
    assert lines[-1] == "verdict: disagree"
    assert "[bold" not in repr(found)
    assert any(found.summary[0].startswith(line) for line in lines[1:])
    assert len(lines) < 60
