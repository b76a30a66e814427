from xml.etree import ElementTree

import pytest

from compare.numerics.agreement import CaseVerdict
from compare.reports.check_result import CheckResult
from compare.reports.junit import junit_xml
from compare.submissions import Finding
from tests.compare.planted import examination, right_verdict, verdict

WRONG = {"s_tilde1", "gamma1", "beta1", "s_hat1", "v1", "mu1", "s1", "W1"}


def parsed(result):
    return ElementTree.fromstring(junit_xml(result))


def planted():
    return verdict(examination("ReLU mask missing", (1,)), witnesses=("autograd", "complex step"))


def failing(root):
    return {test.get("name") for test in root.iter("testcase") if test.find("failure") is not None}


def test_a_tensor_is_one_test_whatever_its_witnesses():
    case = planted()
    root = parsed(CheckResult("t", (case, right_verdict())))
    names = {tensor.name for tensor in case.tensors}
    assert len(case.tensors) == 2 * len(names)
    assert len(root.findall(".//testcase[@classname='planted']")) == len(names)
    assert failing(root) == WRONG


def test_the_counts_are_those_of_the_elements():
    findings = (
        Finding("exception", "no", 3, True, "W1"),
        Finding("noise", "it prints", None, False),
    )
    root = parsed(CheckResult("t", (planted(), right_verdict()), findings))
    for element in (root, root.find("testsuite")):
        assert int(element.get("tests")) == len(root.findall(".//testcase")) == 2 * 39 + 2
        assert int(element.get("failures")) == len(root.findall(".//failure")) == len(WRONG) + 1


def test_a_failure_says_what_where_and_why():
    case = planted()
    root = parsed(CheckResult("t", (case,)))
    said = root.find(".//testcase[@name='s_tilde1']/failure").get("message")
    tensor = next(tensor for tensor in case.tensors if tensor.name == "s_tilde1")
    assert f"max_abs {tensor.max_abs:.6g} at {list(tensor.worst_index)}" in said
    assert f"expected 0, actual {tensor.actual:.12g}" in said
    assert "broken: wrong by its own operation" in said
    assert "passes the ReLU of layer 1 unmasked" in said
    inherited = root.find(".//testcase[@name='W1']/failure").get("message")
    assert "inherits: wrong only because its input is wrong" in inherited


def test_a_value_is_not_taken_for_the_gradient_of_the_same_name():
    root = parsed(CheckResult("t", (planted(),)))
    assert root.find(".//testcase[@name='forward s_tilde1']/failure") is None
    assert root.find(".//testcase[@name='s_tilde1']/failure") is not None


def test_findings_have_their_line_and_fail_only_if_the_check_does():
    findings = (Finding("shape", "turned", 12, True, "W2"), Finding("noise", "chatty", None, False))
    root = parsed(CheckResult("t", (), findings, path="mine.py"))
    first, second = root.findall(".//testcase")
    assert first.find("failure").get("message") == "mine.py:12: turned"
    assert second.find("failure") is None
    assert "chatty" in second.findtext("system-out")


def test_findings_alike_keep_names_of_their_own():
    findings = (Finding("shape", "a", 1, True), Finding("shape", "b", 2, True))
    names = [test.get("name") for test in parsed(CheckResult("t", (), findings)).iter("testcase")]
    assert len(set(names)) == 2


@pytest.mark.parametrize("bad", ["\x00", "\x1b[31m", "\ud800", "\ufffe", "]]>&<\"'"])
def test_what_xml_cannot_hold_is_left_out(bad):
    case = CaseVerdict(f"case{bad}", right_verdict().tensors, None)
    finding = Finding(f"kind{bad}", f"message{bad}end", 1, True, f"W1{bad}")
    result = CheckResult(bad, (case,), (finding,), {bad: bad}, f"printed{bad}", path=f"p{bad}.py")
    root = ElementTree.fromstring(junit_xml(result).encode())
    assert root.find(".//failure").get("message").endswith("end")
    assert root.findtext(".//system-out").startswith("printed")


def test_what_was_assumed_and_not_judged_is_kept():
    case = CaseVerdict("c", right_verdict().tensors, None, ("J", "loss"))
    root = parsed(CheckResult("t", (case,), assumed={"layout": "dd2424"}))
    properties = {p.get("name"): p.get("value") for p in root.iter("property")}
    counts = {name: value for name, value in properties.items() if name.startswith("compared")}
    assert sum(int(value) for name, value in counts.items() if ":" in name) == int(
        counts["compared"]
    )
    rest = {name: value for name, value in properties.items() if name not in counts}
    assert rest == {"assumed: layout": "dd2424", "not judged: c": "J, loss"}
    assert root.get("failures") == "0"
