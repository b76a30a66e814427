"""One object called again and again: gradients that add up, running statistics, evaluation."""

import shutil

import pytest

from compare.submissions import Request, run_code
from compare.submissions.code_check import check_code, judge_submission
from tests.compare.submissions.support import found, student

NORMALISED = Request(hidden=(6, 5), batch_norm=True, inputs=7, samples=9, penalty=0.1)

MEAN = 'bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean'
VAR = 'bn_param["running_var"] = momentum * running_var + (1 - momentum) * var'


def course_code(tmp_path, *changes):
    """The course's net with some text replaced in its layers or its class."""
    folder = tmp_path / "course"
    shutil.copytree(student("course/classifiers/fc_net").parents[1], folder)
    for old, new in changes:
        files = [f for f in sorted(folder.rglob("*.py")) if old in f.read_text()]
        assert len(files) == 1
        files[0].write_text(files[0].read_text().replace(old, new))
    return folder / "classifiers/fc_net.py"


def checked(tmp_path, *changes):
    return check_code(course_code(tmp_path, *changes), None, NORMALISED)


def wrong(result):
    """The tensors that disagree, by case."""
    return {
        (case.name, tensor.name)
        for case in result.cases
        for tensor in case.tensors
        if tensor.verdict == "disagree"
    }


STATISTICS, EVALUATION = "running statistics over minibatches", "evaluation, loss(X)"


def test_running_statistics_and_evaluation_are_judged_and_their_conventions_said(tmp_path):
    result = checked(tmp_path)
    assert (result.verdict, result.findings) == ("agree", ())
    names = {case.name: [t.name for t in case.tensors] for case in result.cases}
    assert names[STATISTICS] == ["running mu1", "running v1", "running mu2", "running v2"]
    assert names[EVALUATION] == ["evaluation: s3"]
    said = result.assumed["running statistics"]
    assert said.startswith("mu1 = self.bn_params[0]['running_mean'], v1 = ")
    assert said.endswith("; factor 0.9; start at 0")
    assert {"second-call", "running-statistics", "evaluation"} <= result.covered


@pytest.mark.parametrize(
    ("change", "variables", "words"),
    [
        ((VAR, VAR + " * len(x) / (len(x) - 1)"), {"v1", "v2"}, "unbiased"),
        ((VAR, VAR.replace("momentum) * var", "momentum) * std")), None, "none that follow"),
        (
            (MEAN, MEAN.replace("momentum) * mean", "momentum / 2) * mean")),
            {"mu1", "mu2"},
            "add up",
        ),
    ],
    ids=["unbiased", "standard deviation", "weights"],
)
def test_running_statistics_that_are_others(tmp_path, change, variables, words):
    result = checked(tmp_path, change)
    if variables is None:
        assert any(words in said for said in result.not_checked)
        return
    assert wrong(result) == {(STATISTICS, f"running {name}") for name in variables}
    (sentence,) = result.summary
    assert words in sentence
    assert sentence.startswith("self.bn_params[0][")


def test_weights_that_are_swapped_are_named(tmp_path):
    old, new = (
        "momentum * running_mean + (1 - momentum)",
        "(1 - momentum) * running_mean + momentum",
    )
    result = checked(tmp_path, (old, new))
    assert wrong(result) == {(STATISTICS, "running mu1"), (STATISTICS, "running mu2")}
    assert "keeps 0.1 of the one before, but expected 0.9" in result.diagnosis


@pytest.mark.parametrize(
    ("start", "said"), [("np.ones", "start at 0 and at 1"), ("np.zeros", "start at 0")]
)
def test_the_start_is_a_convention(tmp_path, start, said):
    old = '"running_var", np.zeros('
    result = checked(tmp_path, (old, old.replace("np.zeros", start)))
    assert result.verdict == "agree"
    assert result.assumed["running statistics"].endswith(said)


def test_an_evaluation_by_the_batch_is_named(tmp_path):
    old = "(x - running_mean) / np.sqrt(running_var + eps)"
    new = "(x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)"
    result = checked(tmp_path, (old, new))
    assert wrong(result) == {(EVALUATION, "evaluation: s3")}
    assert "loss(X) normalises by the statistics of the samples" in result.diagnosis


def test_an_evaluation_of_another_kind_is_told_without_a_name(tmp_path):
    result = checked(tmp_path, ("np.sqrt(running_var + eps)", "running_var"))
    assert wrong(result) == {(EVALUATION, "evaluation: s3")}
    assert result.summary == [
        "loss(X) gives other values than the running statistics that it keeps give."
    ]


def test_an_evaluation_that_moves_the_running_statistics_is_told(tmp_path):
    old = '    if mode == "test":\n        return gamma'
    new = '    bn_param["running_mean"] = 0.9 * running_mean + 0.1 * x.mean(axis=0)\n' + old
    result = checked(tmp_path, (old, new), (MEAN, "pass"))
    assert (EVALUATION, "self.bn_params[0]['running_mean']") in wrong(result)
    assert "an evaluation should leave the running statistics alone" in result.diagnosis


def test_statistics_that_are_not_kept_are_not_checked(tmp_path):
    result = checked(tmp_path, (MEAN, "pass"), (VAR, "pass"))
    assert result.verdict == "agree"
    assert any(said.startswith("running statistics and eval") for said in result.not_checked)
    assert "running-statistics" not in result.covered


GRADIENTS = "        return loss, grads\n"


def test_gradients_that_accumulate_are_named(tmp_path):
    kept = (
        '        held = self.__dict__.setdefault("grads", {})\n'
        "        for k, v in grads.items():\n"
        "            held[k] = held.get(k, 0) + v\n"
        "        return loss, dict(held)\n"
    )
    submission = run_code(course_code(tmp_path, (GRADIENTS, kept)), None, NORMALISED)
    finding = found(submission, "accumulation")
    assert finding.message.startswith("gradients accumulate: a second call on the same object")
    assert finding.line == submission.lines["FullyConnectedNet.loss"]
    assert judge_submission(submission, NORMALISED, None).verdict == "disagree"


def test_what_an_object_keeps_from_a_call_is_told(tmp_path):
    halved = (
        '        grads["b3"] /= self.__dict__.setdefault("n", 1)\n'
        '        self.__dict__["n"] += 1\n' + GRADIENTS
    )
    submission = run_code(course_code(tmp_path, (GRADIENTS, halved)), None, NORMALISED)
    finding = found(submission, "accumulation")
    assert "gives other gradients (b3): it keeps something" in finding.message


def test_an_evaluation_may_give_log_probabilities_or_probabilities(tmp_path):
    old = "            return scores\n"
    exponentials = "np.exp(scores - scores.max(axis=1, keepdims=True))"
    for name, given in (("plain", "p"), ("logarithms", "np.log(p)")):
        new = f"            e = {exponentials}\n            p = e / e.sum(axis=1, keepdims=True)\n"
        path = tmp_path / name
        path.mkdir()
        assert checked(path, (old, f"{new}            return {given}\n")).verdict == "agree"


OWN = """
import numpy as np


class Net:
    def __init__(self, sizes):
        self.W = [np.zeros((b, a)) for a, b in zip(sizes, sizes[1:])]
        self.b = [np.zeros(b) for b in sizes[1:]]
        self.seen = 0

    def forward(self, X, training=True):
        self.H = [X]
        for W, b in zip(self.W, self.b):
            s = self.H[-1] @ W.T + b
            self.H.append(np.maximum(s, 0))
        e = np.exp(s - s.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return p if training else OUTPUT

    def backward(self, X, Y, p, lam):
        G = (p - Y) / len(X)
        dW, db = [0] * len(self.W), [0] * len(self.W)
        for i in reversed(range(len(self.W))):
            dW[i], db[i] = G.T @ self.H[i] + 2 * lam * self.W[i], G.sum(axis=0)
            G = (G @ self.W[i]) * (self.H[i] > 0)
        return dW, db
"""


@pytest.mark.parametrize(("output", "told"), [("p", False), ("s", False), ("p.argmax(1)", True)])
def test_what_an_own_class_gives_in_evaluation_is_recognised_or_not_checked(tmp_path, output, told):
    (tmp_path / "net.py").write_text(OWN.replace("OUTPUT", output))
    request = Request(hidden=(6, 5), inputs=7, samples=9, penalty=0.1)
    result = check_code(tmp_path / "net.py", None, request)
    assert result.verdict == "agree"
    assert "second-call" in result.covered
    assert any(said.startswith("evaluation (") for said in result.not_checked) is told
    assert ("evaluation" in result.covered) is not told
