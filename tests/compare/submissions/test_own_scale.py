"""gamma and beta under other names."""

import pytest

from compare.submissions import Request
from tests.compare.submissions.support import student
from tests.compare.submissions.test_public_layouts import checked
from twingrad.errors import UserError

THREE = Request(hidden=(6, 5), inputs=7, samples=8, penalty=0.1)
LAYERS, LISTS, ARGUMENTS = (
    student(f"own_scale/{name}").read_text() for name in ("layers", "lists", "arguments")
)
SCALE_AND_SHIFT = "self.scale, self.shift = np.ones(m), np.zeros(m)"
STATISTICS = "self.mean, self.var = np.zeros(m), np.ones(m)"


def gradients(result):
    """The number of comparisons of the gradients of gamma and of beta."""
    counts = result.quantities
    return counts.get("gradient of gamma", 0), counts.get("gradient of beta", 0)


def test_scale_and_shift_of_layer_objects_are_placed_in_every_network(tmp_path):
    result = checked(tmp_path, LAYERS, request=Request())
    assert (result.verdict, result.findings) == ("agree", ())
    assert gradients(result) == (36, 36)
    assert result.quantities["running mu"] == result.quantities["running v"] == 2
    assert "gamma1 = .layers[1].scale, beta1 = .layers[1].shift" in result.assumed["parameters"]


@pytest.mark.parametrize("names", [("scale", "shift"), ("z", "a")])
def test_statistics_with_the_same_initial_values_are_told_by_the_probabilities(tmp_path, names):
    one, other = names
    changes = [(SCALE_AND_SHIFT, "pass"), (STATISTICS, f"{STATISTICS}; {SCALE_AND_SHIFT}")]
    renamed = [("scale", one), ("shift", other), ("self.mean", "self.m"), ("self.var", "self.s")]
    result = checked(tmp_path, LAYERS, *changes, *renamed, request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    assert gradients(result) == (16, 16)


def test_lists_of_g_and_h_are_placed_and_a_kept_variance_is_no_running_one(tmp_path):
    result = checked(tmp_path, LISTS, request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    assert gradients(result) == (8, 8)
    assert "running v" not in result.quantities


@pytest.mark.parametrize("order", ["scale, shift", "shift, scale"])
def test_arguments_are_told_by_their_values(tmp_path, order):
    result = checked(tmp_path, ARGUMENTS, ("scale, shift", order), request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    assert gradients(result) == (16, 16)
    assert result.assumed["batch norm's parameters"] == "gamma = scale, beta = shift"


KEYS = "params['W'], params['b'], params['g'], params['h']"


def in_a_dict(*further):
    """The changes after which the parameters are in a dict."""
    read = f":\n    W, b, scale, shift = {KEYS}\n"
    return [
        ("forward(X, W, b, scale, shift)", "forward(X, params)"),
        ("forward(X, params):\n", "forward(X, params)" + read),
        ("W, b, scale, shift, lam):\n", "params, lam)" + read),
        *further,
    ]


def test_keys_of_a_dict_are_told_by_their_values(tmp_path):
    result = checked(tmp_path, ARGUMENTS, *in_a_dict(), request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    assert gradients(result) == (16, 16)
    assert result.assumed["batch norm's parameters"] == "gamma = g, beta = h"


@pytest.mark.parametrize(
    ("text", "change", "fault"),
    [
        (LAYERS, ("(g * self.xhat).sum(0)", "(g * self.xhat).mean(0)"), "gamma"),
        (LISTS, ("(G * xh).sum(0)", "(G * xh).mean(0)"), "gamma"),
        (ARGUMENTS, ("dshift.insert(0, G.sum(", "dshift.insert(0, 2 * G.sum("), "beta"),
    ],
)
def test_a_wrong_gradient_is_found_under_its_own_name(tmp_path, text, change, fault):
    result = checked(tmp_path, text, change, request=THREE)
    assert result.verdict == "disagree"
    wrong = {
        t.name.rstrip("12") for c in result.cases for t in c.tensors if t.verdict == "disagree"
    }
    assert wrong == {fault}
    assert not result.findings


@pytest.mark.parametrize(
    ("text", "changes", "names"),
    [
        (LISTS, [("[np.ones(m) for", "[np.random.rand(m) for")], ".g[0], .h[0]"),
        (LISTS, [("self.h = ", "self.t = [np.ones(m) for m in sizes[1:-1]]; self.h = "),
                 ("self.g[l] * xh", "self.g[l] * (1 + self.t[l]) * xh")], ".t[0]"),
        (ARGUMENTS, in_a_dict(("params['h']\n", "params['h'] + params['t']\n")), "params['g']"),
    ],
)  # fmt: skip
def test_what_cannot_be_placed_is_not_judged(tmp_path, text, changes, names):
    with pytest.raises(UserError, match="parameters that could not be placed: ") as raised:
        checked(tmp_path, text, *changes, request=THREE)
    assert str(raised.value).split("placed: ")[1] == names


def test_the_vectors_of_a_torch_module_are_told_by_their_initial_values(tmp_path):
    text = """
    import torch
    from torch import nn

    class Norm(nn.Module):
        def __init__(self, m):
            super().__init__()
            self.h, self.g = nn.Parameter(torch.zeros(m)), nn.Parameter(torch.ones(m))

        def forward(self, x):
            hat = (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + 1e-5)
            return self.g * hat + self.h

    class Net(nn.Module):
        def __init__(self, sizes):
            super().__init__()
            layers = []
            for a, b in zip(sizes[:-2], sizes[1:-1]):
                layers += [nn.Linear(a, b), Norm(b), nn.ReLU()]
            self.net = nn.Sequential(*layers, nn.Linear(*sizes[-2:]))

        def forward(self, x):
            return self.net(x)
    """
    result = checked(tmp_path, text, request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    assert gradients(result) == (16, 16)
