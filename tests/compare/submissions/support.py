"""What these tests share: the folder of student files, and the reference's gradients."""

from dataclasses import replace
from pathlib import Path

import numpy as np

import manual_impl

STUDENTS = Path(__file__).parent / "students"
DOCS = Path(__file__).parents[3] / "docs/adapters"


def student(name: str) -> Path:
    """A student's file."""
    return STUDENTS / f"{name}.py"


def reference(answer, form="full", eps=None):
    """Gradients and trace by hand of an answer's case."""
    spec = answer.spec if eps is None else replace(answer.spec, eps=eps)
    case = spec.case()
    penalty = spec.penalty * {"full": 1, "half": 0.5}[form]
    given = (case.network, case.parameters, case.X, case.y)
    return (
        manual_impl.gradients(*given, penalty=penalty),
        manual_impl.forward(*given, penalty=penalty),
    )


def assert_agrees(answer, form="full", eps=None):
    """Every tensor that came equals the reference's within 1e-12 of the larger of its largest
    entry and 1 (a bias below a batch norm has a gradient of rounding alone)."""
    gradients, trace = reference(answer, form, eps)
    for group, expected in ((answer.gradients, gradients), (answer.forward, trace)):
        for name, value in group.items():
            size = max(1.0, np.abs(expected[name]).max())
            np.testing.assert_allclose(
                value, expected[name], rtol=0, atol=1e-12 * size, err_msg=name
            )


def found(submission, kind):
    """The one finding of a kind."""
    [finding] = [f for f in submission.findings if f.kind == kind]
    return finding
