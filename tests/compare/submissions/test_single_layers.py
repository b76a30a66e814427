"""Layers on their own: pairs of functions, judged by their numbers."""

import numpy as np
import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from compare.submissions.single.known import LOSSES, affine, layers
from compare.submissions.single.pairs import pairs_of
from tests.compare.submissions.support import student
from twingrad.errors import UserError

pytestmark = pytest.mark.slow

HEAD = "import numpy as np\n\n\n"

COURSERA = """
def linear_forward(A, W, b):
    return W @ A + b, (A, W, b)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m


def relu(Z):
    return np.maximum(0, Z), Z


def relu_backward(dA, cache):
    return np.where(cache > 0, dA, 0)


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z)), Z


def sigmoid_backward(dA, cache):
    s = 1 / (1 + np.exp(-cache))
    return dA * s * (1 - s)
"""

OTHERS = """
def dropout_forward(x, dropout_param):
    mask = (np.random.rand(*x.shape) < dropout_param["p"]) / dropout_param["p"]
    return x * mask, (dropout_param, mask)


def dropout_backward(dout, cache):
    return dout * cache[1]


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * hat + beta, (hat, gamma, std)


def layernorm_backward(dout, cache):
    hat, gamma, std = cache
    d = dout * gamma
    dx = (d - d.mean(axis=1, keepdims=True) - hat * (d * hat).mean(axis=1, keepdims=True)) / std
    return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)


def svm_loss(x, y):
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1)
    margins[rows, y] = 0
    dx = (margins > 0).astype(float)
    dx[rows, y] -= dx.sum(axis=1)
    return margins.sum() / len(x), dx / len(x)


def swish_forward(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, (x, s)


def swish_backward(upstream, cache):
    x, s = cache
    return upstream * (s + x * s * (1 - s))


def max_pool_forward_naive(x, pool_param):
    N, C, H, W = x.shape
    return x.reshape(N, C, H // 2, 2, W // 2, 2).max(axis=(3, 5)), (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, _ = cache
    N, C, H, W = x.shape
    parts = x.reshape(N, C, H // 2, 2, W // 2, 2)
    most = parts == parts.max(axis=(3, 5), keepdims=True)
    return (most * dout[:, :, :, None, :, None]).reshape(x.shape)
"""


def checked(tmp_path, text, *changes, name=None):
    """The result of a file with some text replaced."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "layers.py"
    path.write_text(HEAD + text)
    return check_code(path, name, Request())


def test_the_course_s_layers_are_each_recognised():
    result = check_code(student("course/layers"), None, Request())
    assert result.verdict == "agree"
    assert {case.name for case in result.cases} == {
        "affine_backward (affine layer)",
        "relu_backward (ReLU)",
        "batchnorm_backward (batch norm, eps 1e-05)",
        "softmax_loss (softmax loss)",
        "running statistics over minibatches",
        "evaluation, batchnorm_forward in mode 'test'",
    }
    witnesses = {t.witness for case in result.cases for t in case.tensors}
    assert witnesses == {"by hand", "central differences of its forward"}
    assert [len(case.tensors) for case in result.cases] == [6, 2, 6, 2, 2, 1]


def test_division_by_the_samples_inside_a_layer_is_a_convention(tmp_path):
    result = checked(tmp_path, COURSERA)
    assert result.verdict == "agree"
    assert {case.name for case in result.cases} == {
        "linear_backward (affine layer, samples in columns)",
        "relu_backward (ReLU)",
        "sigmoid_backward (sigmoid)",
    }
    assert "divided by the number of samples" in result.assumed["linear_backward"]


def test_layers_of_any_kind_are_judged_by_their_numbers(tmp_path):
    result = checked(tmp_path, OTHERS)
    assert (result.verdict, result.untried) == ("agree", ())
    assert {case.name for case in result.cases} == {
        "dropout_backward",
        "layernorm_backward (layer norm, eps 1e-05)",
        "svm_loss (SVM loss)",
        "swish_backward",
        "max_pool_backward_naive",
    }


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("return dout * cache[1]", "return dout", {"dropout_backward: dx"}),
        ("- hat * (d * hat).mean(axis=1, keepdims=True)", "", {"layernorm_backward: dx"}),
        ("(dout * hat).sum(axis=0)", "dout.sum(axis=0)", {"layernorm_backward: dgamma"}),
        ("dx / len(x)", "dx", {"svm_loss: dx"}),
        ("(s + x * s * (1 - s))", "(s + s * (1 - s))", {"swish_backward: dx"}),
        ("(most * dout", "(2 * most * dout", {"max_pool_backward_naive: dx"}),
    ],
)
def test_a_wrong_gradient_is_placed(tmp_path, old, new, wrong):
    result = checked(tmp_path, OTHERS, (old, new))
    assert result.verdict == "disagree"
    tensors = [t for case in result.cases for t in case.tensors]
    assert {t.name for t in tensors if t.verdict == "disagree"} == wrong
    (said,) = result.summary
    assert said.startswith(next(iter(wrong)).split(":")[0])


def test_the_name_chooses_one(tmp_path):
    result = checked(tmp_path, OTHERS, name="swish_backward")
    assert [case.name for case in result.cases] == ["swish_backward"]


def test_a_layer_that_was_never_written_is_not_judged(tmp_path):
    result = checked(tmp_path, OTHERS, ("return x * s, (x, s)", "return None, None"))
    assert result.verdict == "agree"
    (said,) = result.untried
    assert said.startswith("swish_backward (swish_forward returned no array")


def test_a_gradient_that_is_not_returned_is_not_judged(tmp_path):
    result = checked(tmp_path, COURSERA, (", dZ.sum(axis=1, keepdims=True) / m", ""))
    assert (result.verdict, result.untried) == ("agree", ("linear_backward: db (not returned)",))


def test_where_no_layer_can_be_compared_nothing_was_checked(tmp_path):
    text = "def odd_forward(x):\n    pass\n\n\ndef odd_backward(dout, cache):\n    return dout\n"
    with pytest.raises(UserError, match="no layer could be compared: odd_backward"):
        checked(tmp_path, text)


def test_pairs_are_found_by_their_names():
    def f(name):
        function = eval("lambda x, y=None: x")
        function.__name__ = name
        return function

    names = ["conv_forward", "conv_backward", "forward_relu", "backward_relu", "tanh", "tanh_grad"]
    found = pairs_of([f(name) for name in [*names, "affine_backward_check", "lonely_backward"]])
    assert [(p.forward.__name__, p.backward.__name__) for p in found] == [
        ("conv_forward", "conv_backward"),
        ("forward_relu", "backward_relu"),
        ("tanh", "tanh_grad"),
    ]


@pytest.mark.parametrize("layer", [l for l in layers() if "eps" not in l.name or "1e-05" in l.name])
def test_the_known_gradients_are_those_of_the_known_layers(layer):
    """Along a random direction, by central differences good to 1e-8."""
    rng = np.random.default_rng(0)
    shapes = [(6, 7), (7, 5), (5,)] if layer.forward is affine else [(7, 6), (5, 7), (5, 1)]
    if "norm" in layer.name:
        shapes = [(6, 7), (7,), (7,)]
    arrays = [rng.standard_normal(shape) for shape in shapes[: layer.inputs]]
    G = rng.standard_normal(layer.forward(*arrays).shape)
    for i, gradient in enumerate(layer.backward(G, *arrays)):
        along = rng.standard_normal(arrays[i].shape)

        def cost(step, i=i, along=along):
            moved = [a + (step * along if j == i else 0) for j, a in enumerate(arrays)]
            return float((G * layer.forward(*moved)).sum())

        slope = (cost(1e-6) - cost(-1e-6)) / 2e-6
        assert float((gradient * along).sum()) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_the_known_losses_have_their_own_gradients(name):
    rng = np.random.default_rng(1)
    s, y, along = rng.standard_normal((6, 7)), rng.integers(7, size=6), rng.standard_normal((6, 7))
    slope = (LOSSES[name](s + 1e-6 * along, y)[0] - LOSSES[name](s - 1e-6 * along, y)[0]) / 2e-6
    assert float((LOSSES[name](s, y)[1] * along).sum()) == pytest.approx(slope, abs=1e-7)


UNBIASED = (
    "* running_var + (1 - momentum) * var",
    "* running_var + (1 - momentum) * x.var(0, ddof=1)",
)
BY_BATCH = (
    "gamma * (x - running_mean) / np.sqrt(running_var + eps)",
    "gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)",
)


@pytest.mark.parametrize(
    ("change", "wrong", "words"),
    [
        ((), None, ""),
        (UNBIASED, "running v", "bn_param['running_var']: The running variance takes the variance"),
        (BY_BATCH, "evaluation: output", "normalises by the statistics of the samples"),
    ],
    ids=["right", "unbiased", "evaluation"],
)
def test_what_a_batch_norm_keeps_in_its_settings_is_judged(tmp_path, change, wrong, words):
    text = student("course/layers").read_text()
    if change:
        assert change[0] in text
        text = text.replace(*change)
    (tmp_path / "layers.py").write_text(text)
    result = check_code(tmp_path / "layers.py", None, Request())
    tensors = [t for case in result.cases for t in case.tensors]
    assert {"running mu", "running v", "evaluation: output"} <= {t.name for t in tensors}
    assert [t.name for t in tensors if t.verdict == "disagree"] == ([wrong] if wrong else [])
    assert words in result.diagnosis
