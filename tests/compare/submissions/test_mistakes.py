"""Mistakes of other people, one a file, kept beside the project: what is said of each.

Those whose words are empty are placed and named by the diagnosis, whose own tests have them."""

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from tests.support import ROOT

MISTAKES = ROOT.parent / "shared/cases/mistakes"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MISTAKES.is_dir(), reason="../shared/cases/mistakes is not there"),
]

ROWS = {
    "03_softmax_diagonal": "",
    "06_bias_total_sum": "",
    "06c_dd_bias_total": "",
    "08_relu_overrides_gradient": "",
    "09_reg_missing_2": "lambda sum ||W||^2, but the gradient belongs to lambda/2 sum ||W||^2",
    "10_reg_bias_in_loss": "your own cost contradict your gradients of b1, b2, b3",
    "11_softmax_axis0": "",
    "11t_torch_logsoftmax_dim0": "",
    "12_torch_double_softmax": "The softmax is applied twice: the loss takes the probabilities",
    "14_dropout_no_mask": "Dropout is wrong: with it the gradients of W1",
    "15L_learner_running_var": "The running variance collects the variance with n - 1",
    "15_running_var_unbiased": "The running variance takes the variance by n - 1",
    "17_test_uses_batch_stats": "loss(X) normalises by the statistics of the samples",
    "18_grads_accumulate": "gradients accumulate: a second call on the same object",
    "25_torch_eval_bn": "the module comes in evaluation mode (1)",
    "29b_dd_ddof1": "",
    "31_eps_outside": "",
    "34_dd_divide_by_var": "",
    "38_dd_mse_gradient": "",
    "40_dd_gradW_instead_of_W": "",
    "41L_schedule_int_division": "divided as an integer",
    "49_cs_dscores_y_rows": "",
    "61_dd_relu_slope_scaled": "",
}
"""Name -> words of the diagnosis."""

NEVER = ("Central differences of your own cost agree with your gradients",)
"""What is said of code whose backward pass is wrong, or whose cost is, must not be this."""


@pytest.mark.parametrize("name", ROWS)
def test_a_mistake_of_others_is_found_and_named(name):
    result = check_code(MISTAKES / f"{name}.py", None, Request(), time_limit=300.0)
    assert result.verdict == "disagree"
    assert ROWS[name] in result.diagnosis
    if not name.startswith(("11t", "12", "31", "11_", "29b", "34")):  # forward slips
        assert not any(words in result.diagnosis for words in NEVER)


def test_right_dropout_is_not_accused():
    assert check_code(MISTAKES / "14ok_dropout_right.py", None, Request()).agrees


def test_every_file_has_a_row():
    files = {path.stem for path in MISTAKES.glob("*.py")}
    assert files == {*ROWS, "14ok_dropout_right"}
