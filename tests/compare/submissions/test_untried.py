"""What the code does not do: said, and never taken for right."""

import shutil

import pytest

from compare.submissions import Request, run_code
from compare.submissions.code_check import check_code
from tests.compare.submissions.support import found, student

pytestmark = pytest.mark.slow


def course_code(tmp_path, file, old, new):
    """The course's net, which is several files, with some text of one of them replaced."""
    folder = tmp_path / "course"
    shutil.copytree(student("course/classifiers/fc_net").parents[1], folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return folder / "classifiers/fc_net.py"


def test_an_operation_that_was_never_written_fails_the_check(tmp_path):
    start = "def batchnorm_forward(x, gamma, beta, bn_param):\n"
    unfinished = start + "    raise NotImplementedError\n"
    submission = run_code(course_code(tmp_path, "layers.py", start, unfinished), None, Request())
    finding = found(submission, "exception")
    assert finding.fails
    assert "NotImplementedError" in finding.message
    assert "layers.py, line 22" in finding.message
    assert {answer.spec.batch_norm for answer in submission.answers} == {False}


def test_a_mode_that_the_code_does_not_know_is_said(tmp_path):
    path = course_code(tmp_path, "classifiers/fc_net.py", '== "batchnorm"', '== "batch_norm"')
    result = check_code(path, None, Request())
    assert result.not_checked[0] == "networks with batch norm (it makes no gamma1)"
    assert result.as_json()["not_checked"] == list(result.not_checked)


MODULE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, {arguments}):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Linear({d}, {h1}), nn.Linear({h1}, {h2}), nn.Linear({h2}, 10)]
        )

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


criterion = nn.CrossEntropyLoss()
"""


@pytest.mark.parametrize(
    ("arguments", "d", "h1", "h2"),
    [
        ("d=12, hidden=7", "d", "hidden", "hidden"),
        ("d=12, h1=7, h2=6", "d", "h1", "h2"),
        ("", "12", "7", "6"),
    ],
)
def test_a_module_that_takes_no_sizes_of_ours_is_checked_by_its_own(tmp_path, arguments, d, h1, h2):
    path = tmp_path / "mine.py"
    path.write_text(
        MODULE.format(arguments=arguments, d=d, h1=h1, h2=h2).replace("self, )", "self)")
    )
    result = check_code(path, None, Request())
    assert (result.verdict, result.findings) == ("agree", ())
    assert all(case.name.startswith(("12-7-7-10", "12-7-6-10")) for case in result.cases)
