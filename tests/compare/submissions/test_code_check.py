"""What is made of the answers of somebody's code; answers are written here, no child is run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import manual_impl
import torch_impl
from compare.diagnosis.states import course
from compare.reports.formulas import broken_steps
from compare.submissions import Answer, Finding, Request, Submission, code_check
from compare.submissions.code_check import check_code
from compare.submissions.conventions import case_of, convention, dtype_of, evidence_of
from compare.submissions.request import CaseSpec
from twingrad.errors import UserError

SPEC = CaseSpec((6, 5), True, 8, 10, 12, 0.1, 3)


def values(spec, penalty=None, eps=None, dtype="float64", implementation=manual_impl):
    """Gradients and forward values of an implementation on a case."""
    case = replace(spec, **({} if eps is None else {"eps": eps})).case()
    small = {name: value.astype(dtype) for name, value in case.parameters.items()}
    given = (case.network, small, case.X.astype(dtype), case.y)
    penalty = case.penalty if penalty is None else penalty
    trace = implementation.forward(*given, penalty=penalty)
    return implementation.gradients(*given, penalty=penalty), trace


def answer(spec=SPEC, *, cost=True, change=None, **how):
    """What code gives that shows the gradients of its parameters, p and perhaps its cost."""
    gradients, trace = values(spec, **how)
    found = {name: gradients[name] for name in spec.network.parameter_shapes}
    found |= {} if change is None else change(found, spec.case())
    forward = {name: np.asarray(trace[name]) for name in ("p", "cost") if cost or name == "p"}
    return Answer(spec, found, forward)


def without_penalty(spec):
    return replace(spec, penalty=0.0, seed=spec.seed + 1)


def submission(*answers, penalty_forms=("full", "half"), eps_forms=(SPEC.eps,), **more):
    given = {"findings": (), "assumed": {"layout": "dd2424"}, "lines": {"f": 3}, **more}
    return Submission(
        path=Path("mine.py"),
        layout="dd2424",
        penalty_forms=penalty_forms,
        eps_forms=eps_forms,
        answers=answers,
        **given,
    )


@pytest.fixture
def check(monkeypatch):
    """`check_code` of a submission that no child had to give."""

    def call(*answers, eps=None, dtype="float64", **more):
        given = submission(*answers, **more)
        monkeypatch.setattr(code_check, "run_code", lambda *a, **k: given)
        return check_code(Path("mine.py"), None, Request(dtype=dtype), eps=eps)

    return call


def half_penalty(found, case):
    return {
        name: value - case.penalty * case.parameters[name]
        for name, value in found.items()
        if name[0] == "W"
    }


def no_penalty_on_2(found, case):
    return {"W2": found["W2"] - 2 * case.penalty * case.parameters["W2"]}


def test_right_answers_agree_and_what_was_assumed_is_said(check):
    result = check(answer(), answer(without_penalty(SPEC)))
    assert result.verdict == "agree"
    assert [case.examination for case in result.cases] == [None, None]
    assert result.assumed["penalty"] == "lambda sum ||W||^2, gradient 2 lambda W"
    assert result.assumed["eps"].startswith("2.22045e-16")
    assert (result.assumed["layout"], result.lines) == ("dd2424", {"f": 3})


def test_four_witnesses_are_heard_on_every_parameter(check):
    (case,) = check(answer()).cases
    for name in SPEC.network.parameter_shapes:
        assert {t.witness for t in case.tensors if t.name == name} == {
            "by hand",
            "autograd",
            "complex step",
            "central differences",
        }
    assert {t.witness for t in case.tensors if t.name == "forward p"} == {"by hand", "autograd"}


def test_a_mistake_is_diagnosed_and_yours_stands_alone(check):
    result = check(answer(change=no_penalty_on_2), answer(without_penalty(SPEC)))
    wrong, right = result.cases
    assert (wrong.verdict, right.verdict) == ("disagree", "agree")
    assert {t.name for t in wrong.tensors if t.verdict == "disagree"} == {"W2"}
    assert wrong.first_fault == {"tensor": "W2", "pass": "backward"}
    (match,) = result.explained
    assert (match.candidate.fault.name, match.candidate.layer) == ("penalty missing", 2)
    heard = {camps.name: camps.alone for camps in wrong.examination.witnesses}
    assert {name: who for name, who in heard.items() if who} == {"W2": "yours"}


def test_of_half_the_penalty_the_cost_decides(check):
    believed = check(answer(penalty=0.05), answer(without_penalty(SPEC)))
    assert believed.verdict == "agree"
    assert believed.assumed["penalty"] == "lambda/2 sum ||W||^2, gradient lambda W"
    contradicted = check(answer(change=half_penalty))
    assert contradicted.explained[0].candidate.fault.name == "lambda for 2 lambda"
    assert "Write 2 * lam * W." in contradicted.diagnosis
    assert "give your cost function" not in contradicted.diagnosis
    silent = check(answer(change=half_penalty, cost=False))
    assert silent.explained[0].candidate.fault.name == "lambda for 2 lambda"
    assert "give your cost function too." in silent.diagnosis


def test_a_cost_seen_without_penalty_alone_says_nothing():
    halved = answer(change=half_penalty, cost=False)
    without = answer(without_penalty(SPEC))
    assert convention(submission(halved, without), None)[0] == "full"


def test_a_layout_whose_own_penalty_is_halved_is_taken_at_its_word(check):
    result = check(answer(penalty=0.05, cost=False), penalty_forms=("half", "full"))
    assert result.verdict == "agree"
    assert result.assumed["penalty"].startswith("lambda/2")


def test_with_half_the_penalty_the_words_are_those_of_the_code(check):
    def missing(found, case):
        return {"W2": found["W2"] - case.penalty * case.parameters["W2"]}

    result = check(answer(penalty=0.05, cost=False, change=missing), penalty_forms=("half", "full"))
    (said,) = [s for s in result.summary if "missing" in s]
    assert "lambda W is missing from the gradient of W at layer 2" in said
    assert "2 lambda" not in said
    examined = next(case.examination for case in result.cases if case.examination)
    codes = [code for step in broken_steps(examined) for _, code in step.code if "penalty" in code]
    assert codes  # ours has the factor that is wrong in theirs, and says so
    assert all("yours lambda/2" in code for code in codes)


def test_of_several_eps_the_one_that_leaves_least_wrong_is_taken(check):
    result = check(answer(eps=1e-5), eps_forms=(SPEC.eps, 1e-5))
    assert result.verdict == "agree"
    assert result.assumed["eps"].startswith("1e-05")


def test_the_eps_that_is_meant_decides(check):
    given = answer(eps=1e-5)
    assert check(given, eps_forms=(1e-5,)).verdict == "agree"
    result = check(given, eps_forms=(1e-5,), eps=1e-3)
    assert result.verdict == "disagree"
    assert result.explained[0].candidate.fault.name == "eps 1e-05"
    assert check(answer(eps=1e-3), eps_forms=(1e-5,), eps=1e-3).verdict == "agree"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_in_low_precision_float64_arbitrates(check, dtype):
    # this case is smooth enough for every mask to hold in either dtype
    given = answer(dtype=dtype)
    assert dtype_of(replace(given, dtype=dtype)) == dtype
    assert check(given, dtype=dtype).verdict == "agree"
    (case,) = check(answer(dtype=dtype, change=no_penalty_on_2), dtype=dtype).cases
    assert {t.name for t in case.tensors if t.verdict == "disagree"} == {"W2"}
    assert {t.witness for t in case.tensors} == {"float64"}


@pytest.mark.parametrize("dtype", ["float32"])
def test_in_low_precision_a_fault_is_named_too(check, dtype):
    result = check(answer(dtype=dtype, change=no_penalty_on_2), dtype=dtype)
    assert [m.candidate.name for m in result.explained] == ["penalty missing, layer 2"]


def test_values_that_are_not_finite_are_left_to_the_findings(check):
    def broken(found, case):
        return {"W1": np.full_like(found["W1"], np.nan)}

    finding = Finding("not finite", "W1 is NaN", 5, True, "W1")
    result = check(answer(change=broken), findings=(finding,))
    assert (result.verdict, result.cases[0].verdict) == ("disagree", "agree")
    assert "W1" not in evidence_of(answer(change=broken), "full", SPEC.eps).found


def test_a_gradient_of_another_shape_is_wrong_and_explained_where_it_is_known(check):
    right = answer()
    gradients, _ = values(SPEC)
    shapes = {name: value for name, value in right.gradients.items() if name != "b3"}
    b3 = gradients["s3"].sum(axis=1, keepdims=True)
    given = replace(right, gradients=shapes, wrong_shapes={"b3": b3}, raw_shapes={"b3": b3.shape})
    result = check(given, findings=(Finding("shape", "b3 is (12, 1)", 7, True, "b3"),))
    assert result.verdict == "disagree"
    assert result.explained[0].candidate.name == "bias over the wrong axis, layer 3"


def test_what_was_not_given_is_not_judged_and_said(check):
    given = answer(cost=False)
    del given.gradients["b2"]
    (case,) = check(given).cases
    assert (case.verdict, case.not_judged) == ("agree", ("b2", "cost"))


def own_cost(gradients, shift):
    """Central differences of a cost at one entry of every parameter."""
    return {n: [((0,) * v.ndim, float(v.flat[0]) + shift)] for n, v in gradients.items()}


def test_wrong_gradients_that_agree_with_the_own_cost_point_at_the_forward_pass(check):
    # of a cost with twice the penalty
    given = answer(penalty=0.2, cost=False)
    result = check(replace(given, own_cost=own_cost(given.gradients, 1e-8)))
    assert result.verdict == "disagree"
    assert "look for the mistake in the forward pass or the cost" in result.hints[0]


def test_gradients_that_the_own_cost_contradicts_are_named(check):
    right = answer()
    wrong = answer(change=no_penalty_on_2)
    result = check(replace(wrong, own_cost=own_cost(right.gradients, 1e-8)))
    assert result.hints == (
        "Central differences of your own cost contradict your gradients of W2.",
    )


def test_right_gradients_get_no_hint(check):
    given = answer()
    assert check(replace(given, own_cost=own_cost(given.gradients, 0))).hints == ()


def test_training_that_was_followed_is_judged(check):
    states = course(manual_impl)
    assert check(answer(), states=states).states is None
    wrong = states | {"v1": states["v1"] * BESSEL}
    result = check(answer(), states=wrong)
    assert result.verdict == "disagree"
    assert result.states.tensor == "v1"


BESSEL = 10 / 9
"""n / (n - 1) of the minibatches there."""


def test_the_case_is_named_by_the_lambda_that_was_handed_over():
    halved = case_of(answer(), "half", SPEC.eps)
    assert "lambda=0.1" in halved.name
    assert halved.penalty == pytest.approx(0.05)
    assert case_of(answer(replace(SPEC, at_kink=True)), "full", SPEC.eps).name.endswith("kink")


def test_code_that_gave_nothing_is_not_called_wrong(check):
    finding = Finding("syntax", "invalid syntax, at line 3", 3, True)
    with pytest.raises(UserError, match="nothing that could be compared: invalid syntax, at line"):
        check(findings=(finding,))


def test_autograd_s_own_values_agree(check):
    gradients, trace = values(SPEC, implementation=torch_impl)
    found = {name: gradients[name].numpy() for name in gradients}
    forward = {name: trace[name].detach().numpy() for name in trace}
    assert check(Answer(SPEC, found, forward)).verdict == "agree"


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        check_code(tmp_path / "none.py", None, Request())
