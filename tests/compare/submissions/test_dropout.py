"""A class with dropout: without it against the reference, with it against its own cost."""

import shutil

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from tests.compare.submissions.support import student

TWO = Request(hidden=(6,), batch_norm=False, inputs=7, samples=9, penalty=0.1)

MADE = (
    "        self.reg = reg\n",
    "        self.reg, self.keep, self.seed = reg, dropout_keep_ratio, seed\n",
)
DRAWN = (
    "            caches.append((fc, bn, relu))\n",
    "            mask = 1.0\n"
    "            if mode == 'train' and self.keep < 1:\n"
    "                drawn = np.random.RandomState(self.seed).rand(*out.shape)\n"
    "                mask = (drawn < self.keep) / self.keep\n"
    "                out = out * mask\n"
    "            caches.append((fc, bn, relu, mask))\n",
)
USED = (
    "            fc, bn, relu = caches[i - 1]\n",
    "            fc, bn, relu, mask = caches[i - 1]\n            dout = dout * mask\n",
)
RIGHT = (MADE, DRAWN, USED)


def checked(tmp_path, *changes):
    folder = tmp_path / "course"
    shutil.copytree(student("course/classifiers/fc_net").parents[1], folder)
    path = folder / "classifiers/fc_net.py"
    text = path.read_text().replace("dropout_keep_ratio=1", "dropout_keep_ratio=0.5")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return check_code(path, None, TWO)


def with_dropout(result):
    """What was compared with dropout on, by verdict."""
    return {
        (tensor.name, tensor.verdict)
        for case in result.cases
        for tensor in case.tensors
        if tensor.name.endswith("with dropout")
    }


def test_right_dropout_is_not_accused(tmp_path):
    result = checked(tmp_path, *RIGHT)
    assert (result.verdict, result.summary) == ("agree", [])
    names = ("W1", "b1", "W2", "b2")
    assert with_dropout(result) == {(f"{name} with dropout", "agree") for name in names}
    assert "dropout" in result.covered


@pytest.mark.parametrize(
    ("old", "new"),
    [("dout * mask", "dout / self.keep"), ("dout * mask", "dout * (mask > 0)")],
    ids=["no mask", "not scaled"],
)
def test_a_mask_that_the_backward_pass_forgets_is_named(tmp_path, old, new):
    result = checked(tmp_path, *RIGHT, (old, new))
    assert {name for name, verdict in with_dropout(result) if verdict == "disagree"} >= {
        "W1 with dropout"
    }
    plain = [case for case in result.cases if "dropout" not in case.name]
    assert all(case.verdict == "agree" for case in plain)
    assert result.diagnosis.startswith("Dropout is wrong: with it the gradients of W1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ((), "dropout (its argument changes nothing)"),
        (
            (*RIGHT, ("RandomState(self.seed)", "RandomState(None)")),
            "dropout (off: it draws anew in every call, whatever the seed)",
        ),
    ],
    ids=["ignored", "drawn anew"],
)
def test_dropout_that_cannot_be_judged_is_not_checked(tmp_path, changes, said):
    result = checked(tmp_path, *changes)
    assert result.verdict == "agree"
    assert said in result.not_checked
    assert "dropout" not in result.covered
