"""Right code whatever its names: classes, arguments, attributes and what is returned."""

import pytest

from compare.submissions import Request, run_code
from compare.submissions.code_check import check_code
from tests.compare.submissions.support import assert_agrees, student

pytestmark = pytest.mark.slow

TWO = Request(hidden=(5,), inputs=6, samples=7, penalty=0.1)

CASES = {
    "class_style": "",
    "network_object": "",
    "coursera": "the penalty (nothing in the code is recognised as lambda)",
    "default_penalty": "",
    "flag_two_returns": "networks without batch norm",
    "forward_name": "",
    "grads_dict_of_dicts": "",
    "hardcoded_shapes": "",
    "lamb_name": "",
    "layers_hold_scores": "",
    "list_return": "",
    "loss_method_not_cs231n": "",
    "normalization_name": "",
    "torch_names": "networks without batch norm",
}
"""Name -> what is not checked."""


@pytest.mark.parametrize("name", CASES)
def test_code_from_outside_agrees(name):
    result = check_code(student(f"getting_in/{name}"), None, Request())
    assert (result.verdict, result.findings) == ("agree", ())
    said = {one.split(" (")[0] for one in result.untried}
    expected = CASES[name].split(" (")[0]
    assert expected in {"", *said}
    networks = {one for one in said if one.startswith("networks")}
    assert networks <= {expected, "networks with batch norm"}
    judged = {t.name for case in result.cases for t in case.tensors}
    assert {"W1", "b1", "W2", "b2"} <= judged


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [
        ("eps_in_function", "eps", "1e-12, added"),
        ("eps_1e5_function", "eps", "1e-05, added"),
        ("kink_convention", "ReLU", "slope 1 where its input is exactly 0 (>= 0), a convention"),
    ],
)
def test_a_convention_is_named_and_taken(name, what, said):
    result = check_code(student(f"getting_in/{name}"), None, Request())
    assert result.verdict == "agree"
    assert result.assumed[what].startswith(said)
    assert len(result.cases) == 4


def test_a_forward_function_of_another_name_is_said_to_be_one():
    assumed = run_code(student("getting_in/forward_name"), None, Request()).assumed
    assert assumed["forward"].startswith("Apply2LayerNetwork, line ")
    assert "no forward function was recognised by its name" in assumed["forward"]


def test_without_a_forward_function_that_is_said(tmp_path):
    path = tmp_path / "mine.py"
    text = student("getting_in/forward_name").read_text()
    path.write_text(text.replace("(X, network)", "(X, Y, network)").replace("Apply2", "Plot2"))
    (finding,) = run_code(path, None, TWO).findings
    assert "no forward function was recognised, and Backward2LayerPass takes P" in finding.message


def test_how_batch_norm_was_asked_for_is_said():
    assumed = run_code(student("getting_in/normalization_name"), None, Request()).assumed
    assert assumed["normalization"].startswith("'batch_norm' was passed")


def test_where_the_parameters_were_found_is_said():
    assumed = run_code(student("getting_in/class_style"), None, Request()).assumed
    assert "W1 = .W[0], b1 = .b[0], W2 = .W[1]" in assumed["parameters"]


def variant(tmp_path, name, *changes):
    """The answers of a case with some text replaced, all of which must agree."""
    text = student(f"getting_in/{name}").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.py"
    path.write_text(text)
    submission = run_code(path, None, TWO)
    assert submission.findings == ()
    assert len(submission.answers) == 2
    for answer in submission.answers:
        assert {"W1", "b1", "W2", "b2"} <= set(answer.gradients)
        assert_agrees(answer)
    return submission


@pytest.mark.parametrize("name", ["lmbda", "wd", "reg_strength", "strength", "alpha", "c"])
def test_lambda_is_found_under_any_name(tmp_path, name):
    submission = variant(tmp_path, "lamb_name", ("lamb", name))
    assert submission.answers[0].spec.penalty == 0.1


@pytest.mark.parametrize("name", ["strength", "weight_cost", "l2_coef"])
def test_lambda_is_found_behind_a_default(tmp_path, name):
    submission = variant(tmp_path, "default_penalty", ("regularization_term", name))
    assert submission.answers[0].spec.penalty == 0.1


@pytest.mark.parametrize("name", ["lam", "regular", "alpha"])
def test_lambda_is_found_in_the_object(tmp_path, name):
    change = ("self.lam", f"self.{name}"), ("lam=0.0", f"{name}=0.0"), ("= lam\n", f"= {name}\n")
    assert variant(tmp_path, "class_style", *change).answers[0].spec.penalty == 0.1


def test_lambda_is_found_in_a_global_variable(tmp_path):
    change = ("b2, lamb)", "b2)"), ("import numpy as np\n", "import numpy as np\nLAMBDA = 0.3\n")
    submission = variant(tmp_path, "lamb_name", *change, ("2 * lamb", "2 * LAMBDA"))
    assert submission.answers[0].spec.penalty == 0.1


@pytest.mark.parametrize(
    "returned",
    [
        "{'one': [grad_b2, grad_W2], 'two': (grad_W1, {'bias': grad_b1})}",
        "[[grad_W1, grad_b1], [grad_W2, grad_b2]]",
        "(grad_b1, grad_b2), (grad_W1, grad_W2)",
        "{0: {'W': grad_W1, 'b': grad_b1}, 1: {'W': grad_W2, 'b': grad_b2}}",
        "{'grads': {'layer1': {'w': grad_W1, 'b': grad_b1}, 'layer2': (grad_W2, grad_b2)}}",
        "P, grad_W2, grad_W1, grad_b2, grad_b1",
        "dict(W1=grad_W2, W2=grad_W1, b1=grad_b2, b2=grad_b1)",
    ],
)
def test_gradients_are_told_apart_in_any_nesting(tmp_path, returned):
    change = ("return [grad_W1, grad_W2, grad_b1, grad_b2]", f"return {returned}")
    assumed = variant(tmp_path, "list_return", change).assumed
    assert ("W1, W2, b1, b2: what has" in assumed.get("told by value", "")) == ("dict(" in returned)


CLASS = """
import numpy as np


class Perceptron:
    def __init__(self, {arguments}):
        {make}

    def run(self, samples):
        self.inputs = samples
        self.hidden = np.maximum(0, samples @ {w1} + {b1})
        scores = self.hidden @ {w2} + {b2}
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.out = e / e.sum(axis=1, keepdims=True)
        return self.out

    def backprop(self, samples, targets, lam):
        out = self.run(samples)
        d = (out - targets) / len(samples)
        g2, gb2 = self.hidden.T @ d + 2 * lam * {w2}, d.sum(axis=0)
        d = (d @ {w2}.T) * (self.hidden > 0)
        g1, gb1 = self.inputs.T @ d + 2 * lam * {w1}, d.sum(axis=0)
        {give}
"""

RANDOM = "np.random.randn"


@pytest.mark.parametrize(
    ("arguments", "make", "places", "give"),
    [
        (
            "n_in, n_hid, n_out",
            f"self.first, self.c1 = {RANDOM}(n_in, n_hid), np.zeros(n_hid); "
            f"self.second, self.c2 = {RANDOM}(n_hid, n_out), np.zeros(n_out)",
            ("self.first", "self.c1", "self.second", "self.c2"),
            "return g1, gb1, g2, gb2",
        ),
        (
            "layer_sizes",
            f"self.p = {{'A': [{RANDOM}(a, b) for a, b in zip(layer_sizes, layer_sizes[1:])], "
            "'c': [np.zeros(b) for b in layer_sizes[1:]]}",
            ("self.p['A'][0]", "self.p['c'][0]", "self.p['A'][1]", "self.p['c'][1]"),
            "self.grads = {'A': [g1, g2], 'c': [gb1, gb2]}",
        ),
        (
            "what",
            "self.layers = [dict(w=np.random.randn(a, b), b=np.zeros(b)) "
            "for a, b in zip(what, what[1:])]",
            (
                "self.layers[0]['w']",
                "self.layers[0]['b']",
                "self.layers[1]['w']",
                "self.layers[1]['b']",
            ),
            "self.layers[0]['dw'], self.layers[0]['db'] = g1, gb1; "
            "self.layers[1]['dw'], self.layers[1]['db'] = g2, gb2",
        ),
        (
            "d, m, k, momentum=0.9",
            f"self.vW1, self.vW2 = np.zeros((d, m)), np.zeros((m, k)); "
            f"self.W1, self.W2 = {RANDOM}(d, m), {RANDOM}(m, k); "
            "self.b1, self.b2 = np.zeros(m), np.zeros(k)",
            ("self.W1", "self.b1", "self.W2", "self.b2"),
            "return {'W1': g1, 'W2': g2, 'b1': gb1, 'b2': gb2}",
        ),
    ],
    ids=["three numbers", "dict of lists", "list of dicts", "momentum"],
)
def test_a_class_is_made_from_what_it_asks_for(tmp_path, arguments, make, places, give):
    path = tmp_path / "mine.py"
    w1, b1, w2, b2 = places
    text = CLASS.format(arguments=arguments, make=make, w1=w1, b1=b1, w2=w2, b2=b2, give=give)
    path.write_text(text)
    submission = run_code(path, None, TWO)
    assert submission.findings == ()
    assert len(submission.answers) == 2
    for answer in submission.answers:
        assert {"W1", "b1", "W2", "b2"} <= set(answer.gradients)
        assert_agrees(answer)


def test_a_mistake_in_a_class_is_found(tmp_path):
    path = tmp_path / "mine.py"
    text = student("getting_in/class_style").read_text()
    path.write_text(text.replace("+ 2 * self.lam * self.W[l]", "+ 0 * self.W[l]"))
    result = check_code(path, None, TWO)
    assert result.verdict == "disagree"
    assert [m.candidate.name for m in result.explained] == ["penalty missing, every layer"]


@pytest.mark.parametrize(
    ("name", "fault", "place"),
    [
        ("relu_on_logits", "ReLU on the logits", {"tensor": "cost", "pass": "forward"}),
        (
            "forward_fault_gradients_only",
            "every unit by the first unit's variance",
            {"tensor": "s_hat1", "pass": "forward"},
        ),
    ],
)
def test_a_fault_of_the_forward_pass_is_named(name, fault, place):
    result = check_code(student(f"getting_in/{name}"), None, Request())
    assert result.verdict == "disagree"
    assert [m.candidate.fault.name for m in result.explained] == [fault]
    assert result.cases[0].first_fault == place
    assert result.cases[0].examination.place.startswith("Forward pass, first wrong:")
