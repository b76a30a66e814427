"""The result of `check` as JUnit XML for graders and build servers."""

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from compare.numerics.agreement import CaseVerdict, TensorVerdict
from compare.reports.check_result import CheckResult
from compare.reports.heat_map import heat_maps, place_of
from compare.reports.nodes import MEANINGS
from compare.submissions import Finding

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow: control characters and unpaired surrogates."""


def junit_xml(result: CheckResult) -> str:
    """One suite, with a test case for each case and tensor, and for each finding.

    A tensor fails if it differs from any reference, and a finding if it fails the check. The
    assumptions and what was not checked are properties of the suite.
    """
    suite = ElementTree.Element("testsuite", name=legal(result.title))
    properties = ElementTree.SubElement(suite, "properties")
    facts = [(f"assumed: {what}", said) for what, said in result.assumed.items()]
    facts += [("compared", str(result.compared))]
    facts += [(f"compared: {what}", str(number)) for what, number in result.quantities.items()]
    facts += [("not checked", said) for said in result.not_checked]
    facts += [
        (f"not judged: {case.name}", ", ".join(case.not_judged))
        for case in result.cases
        if case.not_judged
    ]
    for what, said in facts:
        ElementTree.SubElement(properties, "property", name=legal(what), value=legal(said))
    for case in result.cases:
        add_tensors(suite, case)
    for number, finding in enumerate(result.findings, start=1):
        add_finding(suite, finding, number, result.path)
    if result.output:
        ElementTree.SubElement(suite, "system-out").text = legal(result.output)
    counts: dict[str, str] = {
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": "0",
        "skipped": "0",
    }
    suite.attrib.update(counts)
    root = ElementTree.Element("testsuites", {"name": "twingrad check", **counts})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def add_tensors(suite: ElementTree.Element, case: CaseVerdict) -> None:
    """Add a test case for each tensor of a case, with all references."""
    by_name = sorted(case.tensors, key=lambda tensor: tensor.name)
    groups = {name: list(group) for name, group in groupby(by_name, key=lambda t: t.name)}
    for name in dict.fromkeys(tensor.name for tensor in case.tensors):
        test = ElementTree.SubElement(
            suite, "testcase", classname=legal(case.name), name=legal(name)
        )
        wrong = [tensor for tensor in groups[name] if tensor.verdict == "disagree"]
        if wrong:
            said = "; ".join([described(wrong[0]), *diagnosis(case, name)])
            failure = ElementTree.SubElement(
                test, "failure", type="disagreement", message=legal(said)
            )
            failure.text = legal("\n".join(described(tensor) for tensor in groups[name]))


def add_finding(suite: ElementTree.Element, finding: Finding, number: int, path: str) -> None:
    """Add a test case for a finding."""
    tensor = f", {finding.tensor}" if finding.tensor else ""
    test = ElementTree.SubElement(
        suite, "testcase", classname="findings", name=legal(f"{number}: {finding.kind}{tensor}")
    )
    place = path if finding.line is None else f"{path}:{finding.line}"
    said = f"{place}: {finding.message}" if place else finding.message
    if finding.fails:
        ElementTree.SubElement(test, "failure", type=legal(finding.kind), message=legal(said))
    else:
        ElementTree.SubElement(test, "system-out").text = legal(said)


def described(tensor: TensorVerdict) -> str:
    """The verdict of one reference."""
    return (
        f"{tensor.verdict} with {tensor.witness}: max_abs {tensor.max_abs:.6g} "
        f"at {list(tensor.worst_index)}, "
        f"expected {tensor.expected:.12g}, actual {tensor.actual:.12g}, "
        f"allowed {tensor.tolerance:g} {tensor.scale}"
    )


def diagnosis(case: CaseVerdict, name: str) -> Sequence[str]:
    """Where a wrong tensor's error comes from, and the diagnosis of the case."""
    if case.examination is None:
        return []
    said = []
    place = place_of(name)
    for heat in heat_maps(case):
        for l, cells in heat.rows:
            for kind, cell in zip(heat.columns, cells, strict=True):
                if cell is not None and place in ((heat.stage, l, kind), (heat.stage, 0, kind)):
                    said.append(f"{cell.status}: {MEANINGS[cell.status]}")
    return [*said, *case.examination.sentences]


def legal(text: str) -> str:
    """The text without characters that XML does not allow."""
    return ILLEGAL.sub("", text)
