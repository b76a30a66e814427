"""`twingrad.check` of functions, classes and modules at hand."""

import inspect
import linecache

import numpy as np
import pytest

import twingrad
from tests.compare.submissions.students import dd2424_bn
from twingrad.errors import UserError

NETWORK = """
import numpy as np

lam = 0.5


def softmax(s):
    return np.exp(s) / np.exp(s).sum(axis=0)


def run(X, net):
    H, hidden = X, [X]
    for W, b in zip(net["W"], net["b"]):
        s = W @ H + b
        H = np.maximum(0, s)
        hidden.append(H)
    return softmax(s), hidden


def improve(X, Y, P, hidden, net, lam):
    n, grads = X.shape[1], {"W": [], "b": []}
    G = P - Y
    for l in reversed(range(len(net["W"]))):
        grads["W"].insert(0, G @ hidden[l].T / n + 2 * lam * net["W"][l])
        grads["b"].insert(0, G.mean(axis=1, keepdims=True))
        G = net["W"][l].T @ G * (hidden[l] > 0)
    return grads


def price(X, Y, net, lam):
    P, _ = run(X, net)
    return -np.log((P * Y).sum(axis=0)).mean() + lam * sum((W**2).sum() for W in net["W"])
"""

LAYER = """
import numpy as np


def up(x, w, b):
    return x @ w + b, (x, w)


def down(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""

OWN_CLASS = """
import numpy as np


class Net:
    def __init__(self, sizes, reg):
        self.reg = reg
        self.w = [np.zeros((o, i)) for i, o in zip(sizes, sizes[1:])]
        self.bias = [np.zeros((o, 1)) for o in sizes[1:]]

    def forward(self, X):
        self.h = [X]
        for w, b in zip(self.w, self.bias):
            s = w @ self.h[-1] + b
            self.h.append(np.maximum(0, s))
        e = np.exp(s)
        return e / e.sum(axis=0)

    def backward(self, X, Y):
        G = (self.forward(X) - Y) / X.shape[1]
        dw, db = [], []
        for w, h in zip(self.w[::-1], self.h[-2::-1]):
            dw.insert(0, G @ h.T + 2 * self.reg * w)
            db.insert(0, G.sum(axis=1, keepdims=True))
            G = w.T @ G * (h > 0)
        return dw, db
"""


@pytest.fixture
def cell(monkeypatch):
    """Runs text as a notebook does: no file, but the lines are known by a made-up name."""

    def run(text, names=None):
        name = f"<cell {len(linecache.cache)}>"
        entry = (len(text), None, text.splitlines(keepends=True), name)
        monkeypatch.setitem(linecache.cache, name, entry)
        names = {"__name__": "__main__"} if names is None else names
        exec(compile(text, name, "exec"), names)
        return names

    return run


def check(names, **options):
    return twingrad.check(
        forward=names["run"], backward=names["improve"], cost=names["price"], **options
    )


def test_right_functions_of_any_name_agree(cell):
    result = check(cell(NETWORK))
    assert (result.verdict, result.agrees, result.diagnosis) == ("agree", True, "")
    assert result.findings == ()
    tensors = {tensor.name for case in result.cases for tensor in case.tensors}
    assert {"W1", "b3", "forward p", "forward cost"} <= tensors
    assert result.assumed["backward"].startswith("improve, line 20")


FAULTS = [
    ("2 * lam * net", "lam * net", "penalty"),
    (" * (hidden[l] > 0)", "", "unmasked"),
    ("G @ hidden[l].T / n", "G @ hidden[l].T", "divide"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), FAULTS, ids=[f[2] for f in FAULTS])
def test_a_planted_fault_is_named(cell, right, wrong, said):
    assert NETWORK.count(right) == 1
    result = check(cell(NETWORK.replace(right, wrong)), hidden=(7, 6))
    assert not result.agrees
    assert result.diagnosis.startswith("Backward pass, first wrong")
    assert said in result.diagnosis.lower()


def test_hidden_chooses_the_network(cell):
    result = check(cell(NETWORK), hidden=(7, 6), inputs=5, samples=4)
    assert [case.name for case in result.cases] == [
        "5-7-6-10 n=4 lambda=0.1",
        "5-7-6-10 n=4 lambda=0",
    ]


WITHOUT_P = [
    ("return softmax(s), hidden", "return hidden"),
    ("(X, Y, P, hidden,", "(X, Y, hidden,"),
    ("G = P - Y", "G = softmax(net['W'][-1] @ hidden[-2] + net['b'][-1]) - Y"),
]


@pytest.mark.parametrize("changes", [[], WITHOUT_P], ids=["probabilities", "gradients"])
def test_batch_norm_cannot_be_asked_of_code_without_it(cell, changes):
    text = NETWORK
    for old, new in changes:
        text = text.replace(old, new)
    names = cell(text)
    with pytest.raises(UserError, match="it computes a network without batch norm") as raised:
        twingrad.check(forward=names["run"], backward=names["improve"], batch_norm=True)
    assert len(str(raised.value).splitlines()) == 1


def test_x_beside_X_is_what_the_forward_function_returned(cell):
    names = cell(NETWORK.replace("hidden", "x"))
    assert names["improve"].__code__.co_varnames[:4] == ("X", "Y", "P", "x")
    assert check(names, hidden=(7, 6)).agrees


def test_functions_without_text_are_called_all_the_same():
    names = {}
    exec(NETWORK, names)
    with pytest.raises(OSError, match="could not get source"):
        inspect.getsource(names["improve"])
    assert check(names, hidden=(7, 6)).agrees


def test_functions_of_two_cells(cell):
    forward, rest = NETWORK[: NETWORK.index("def improve")], NETWORK[NETWORK.index("def improve") :]
    names = cell(rest, cell(forward))
    assert check(names, hidden=(7,)).agrees


def test_an_exception_is_a_finding_with_its_line(cell):
    names = cell(NETWORK.replace("G = P - Y", "G = P - Y[:0]"))
    result = check(names, hidden=(7, 6))
    [finding] = [finding for finding in result.findings if finding.fails]
    assert (finding.kind, finding.line) == ("exception", 22)
    assert "in improve: G = P - Y[:0]" in finding.message
    assert result.diagnosis == finding.message


def test_an_exit_is_a_finding(cell):
    names = cell(NETWORK.replace("G = P - Y", "raise SystemExit(3)"))
    result = check(names, hidden=(7, 6))
    assert [finding.kind for finding in result.findings if finding.fails] == ["exit"]
    assert not result.agrees


def test_an_interrupt_ends_the_check_and_leaves_no_trace(cell, capsys):
    names = cell(NETWORK.replace("G = P - Y", "raise KeyboardInterrupt").replace("net, lam", "net"))
    with pytest.raises(KeyboardInterrupt):
        check(names)
    assert names["lam"] == 0.5
    print("seen")
    assert capsys.readouterr().out == "seen\n"


def test_what_is_printed_is_kept_back(cell, capsys):
    names = cell(NETWORK.replace("    G = P - Y", "    print('here')\n    G = P - Y"))
    result = check(names, hidden=(7, 6))
    assert capsys.readouterr() == ("", "")
    assert [finding.kind for finding in result.findings] == ["noise"]
    assert result.agrees


def test_lambda_may_be_a_global_variable_and_has_its_value_back(cell):
    text = NETWORK.replace("hidden, net, lam):", "hidden, net):").replace("net, lam):", "net):")
    names = cell(text)
    np.random.seed(5)
    expected = np.random.RandomState(5).random_sample()
    assert check(names, hidden=(7, 6)).agrees
    assert names["lam"] == 0.5
    assert np.random.random_sample() == expected


def test_the_forward_function_of_backward_alone_is_found_beside_it(cell):
    names = cell(NETWORK.replace("run(", "ApplyNetwork("))
    result = twingrad.check(names["improve"], hidden=(7, 6))
    assert result.verdict == "agree"
    assert result.assumed["forward"].startswith("ApplyNetwork")


def test_a_single_layer(cell):
    names = cell(LAYER)
    assert twingrad.check(forward=names["up"], backward=names["down"]).agrees
    wrong = cell(LAYER.replace("dout.sum(axis=0)", "dout.mean(axis=0)"))
    result = twingrad.check(forward=wrong["up"], backward=wrong["down"])
    assert result.verdict == "disagree"
    assert {t.name for c in result.cases for t in c.tensors if t.verdict == "disagree"} == {
        "down: db"
    }


@pytest.mark.parametrize("made", [lambda cls: cls, lambda cls: cls([3072, 50, 10], 0.1)])
def test_a_class_or_an_object_of_it(cell, made):
    net = made(cell(OWN_CLASS)["Net"])
    result = twingrad.check(net, hidden=(7, 6))
    assert result.verdict == "agree"
    assert "W1 = .w[0]" in result.assumed["parameters"]
    wrong = made(cell(OWN_CLASS.replace(" * (h > 0)", ""))["Net"])
    assert "unmasked" in twingrad.check(wrong, hidden=(7, 6)).diagnosis


def test_a_torch_module_keeps_its_parameters():
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(7, 6), torch.nn.ReLU(), torch.nn.Linear(6, 10))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert twingrad.check(net).verdict == "agree"
    after = net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert after["0.weight"].dtype == torch.float32


def test_an_imported_module():
    result = twingrad.check(dd2424_bn, hidden=(7, 6), batch_norm=True)
    assert result.verdict == "agree"
    assert "gamma1" in {tensor.name for case in result.cases for tensor in case.tensors}


def test_an_adapter():
    class Adapter:
        def gradients(self, network, parameters, X, y, *, penalty):
            if network.batch_norm or network.hidden:
                raise NotImplementedError("no hidden layers")
            s = X @ parameters["W1"].T + parameters["b1"]
            p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
            G = (p - np.eye(network.classes)[y]) / len(X)
            return {"W1": G.T @ X + 2 * penalty * parameters["W1"], "b1": G.sum(axis=0)}

    assert twingrad.check(Adapter()).verdict == "agree"


def test_a_notebook_shows_the_diagnosis(cell):
    page = check(cell(NETWORK.replace(" * (hidden[l] > 0)", "")), hidden=(7, 6))._repr_html_()
    assert page.lstrip().startswith("<style>")
    assert "<b>Backward pass, first wrong" in page
    assert '<span class="disagree">disagree</span>' in page
    assert "<td><code>W1</code>" in page


def nothing(X, Y):
    """A function that returns no gradient."""


class Methods:
    def backward(self, X, Y):
        """Of an object."""


class Empty:
    """Nothing."""


REFUSED = [
    ({}, "give either one object, or backward with forward and cost"),
    ({"thing": nothing, "backward": nothing}, "give either one object"),
    ({"forward": nothing}, "backward is missing"),
    ({"backward": np.exp}, "backward is a ufunc, but expected a Python function"),
    ({"backward": Methods().backward}, r"check its class: twingrad.check\(Methods\)"),
    ({"thing": "mine.py"}, "'mine.py' is a path; for a file: twingrad check --code FILE"),
    ({"thing": 3}, "an object of type int was given, but expected functions"),
    ({"thing": Methods, "hidden": (0,)}, "hidden size is 0, but a layer needs a width"),
    ({"thing": Methods, "hidden": 50}, "hidden is 50, but expected widths such as"),
    ({"thing": Methods, "samples": 1}, "samples is 1, but expected a whole number of at least 2"),
    ({"thing": Methods, "samples": 2.5}, "samples is 2.5, but expected a whole number"),
    ({"thing": Methods, "penalty": -1.0}, "penalty is -1.0, but expected a finite number"),
    ({"thing": Methods, "penalty": "0.1"}, "penalty is '0.1', but expected a finite number"),
    ({"thing": Methods, "eps": -1.0}, "eps is -1.0, but expected a finite number"),
    ({"thing": Empty}, "Empty is a class that no layout fits"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=[said[:20] for _, said in REFUSED])
def test_bad_input_is_one_line(given, said):
    with pytest.raises(UserError, match=said) as error:
        twingrad.check(**given)
    assert "\n" not in str(error.value)
