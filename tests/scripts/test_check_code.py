"""`twingrad check --code` on files as students write them, right and broken."""

import json
from xml.etree import ElementTree

import pytest

import manual_impl.layers
import manual_impl.training
from compare.submissions.coverage import COVERAGE
from tests.support import ROOT

DD2424 = """
import numpy as np


def ApplyNetwork(X, net_params):
    H, layers = X, [X]
    for W, b in zip(net_params["W"], net_params["b"]):
        s = W @ H + b
        H = np.maximum(0, s)
        layers.append(H)
    P = np.exp(s) / np.exp(s).sum(axis=0)
    return P, layers


def BackwardPass(X, Y, P, layers, net_params, lam):
    n = X.shape[1]
    k = len(net_params["W"])
    grads = {"W": [None] * k, "b": [None] * k}
    G = -(Y - P) / n
    for l in reversed(range(k)):
        grads["W"][l] = G @ layers[l].T + 2 * lam * net_params["W"][l]
        grads["b"][l] = G.sum(axis=1, keepdims=True)
        G = net_params["W"][l].T @ G * (layers[l] > 0)
    return grads
"""

COST = """

def ComputeCost(X, Y, net_params, lam):
    P, _ = ApplyNetwork(X, net_params)
    penalty = sum((W ** 2).sum() for W in net_params["W"])
    return -np.log((P * Y).sum(axis=0)).mean() + lam * penalty
"""

CS231N = """
import numpy as np


class FullyConnectedNet:
    def __init__(self, hidden_dims, input_dim=32, num_classes=10, reg=0.0):
        self.reg, self.params = reg, {}
        dims = [input_dim, *hidden_dims, num_classes]
        self.num_layers = len(dims) - 1
        for i in range(1, len(dims)):
            self.params[f"W{i}"] = 1e-2 * np.random.randn(dims[i - 1], dims[i])
            self.params[f"b{i}"] = np.zeros(dims[i])
            if i < self.num_layers:
                self.params[f"gamma{i}"] = np.ones(dims[i])
                self.params[f"beta{i}"] = np.zeros(dims[i])

    def loss(self, X, y=None):
        p, k, h, caches = self.params, self.num_layers, X, []
        for i in range(1, k):
            s = h @ p[f"W{i}"] + p[f"b{i}"]
            mu, var = s.mean(axis=0), s.var(axis=0)
            hat = (s - mu) / np.sqrt(var + 1e-5)
            out = p[f"gamma{i}"] * hat + p[f"beta{i}"]
            caches.append((h, s, mu, var, hat, out))
            h = np.maximum(out, 0)
        scores = h @ p[f"W{k}"] + p[f"b{k}"]
        if y is None:
            return scores
        N = len(X)
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(N), y]).mean()
        loss += 0.5 * self.reg * sum((p[f"W{i}"] ** 2).sum() for i in range(1, k + 1))
        d = probs.copy()
        d[np.arange(N), y] -= 1
        d /= N
        grads = {}
        for i in range(k, 0, -1):
            if i < k:
                _, s, mu, var, hat, out = caches[i - 1]
                d = d * (out > 0)
                grads[f"gamma{i}"], grads[f"beta{i}"] = (d * hat).sum(axis=0), d.sum(axis=0)
                d = d * p[f"gamma{i}"]
                d = d - d.mean(axis=0) - hat * (d * hat).mean(axis=0)
                d = d / np.sqrt(var + 1e-5)
            below = caches[i - 1][0] if i < k else h
            grads[f"W{i}"] = below.T @ d + self.reg * p[f"W{i}"]
            grads[f"b{i}"] = d.sum(axis=0)
            d = d @ p[f"W{i}"].T
        return loss, grads
"""

SMALL = ("--hidden", "6,5", "--inputs", "7")


@pytest.fixture
def check(twingrad, tmp_path):
    """Writes a file with replacements and checks it; gives exit status, report and what is said."""

    def call(text, *replacements, options=SMALL):
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "mine.py").write_text(text)
        status, out, err = twingrad(
            "check", "--code", tmp_path / "mine.py", "--json", "-", *options
        )
        assert "Traceback" not in err
        return status, json.loads(out), err

    return call


def diagnosed(report):
    return {(d["fault"], d["layer"]) for c in report["cases"] for d in c["diagnosis"][:1]}


def the_finding(report, kind):
    (finding,) = [f for f in report["findings"] if f["kind"] == kind]
    return finding


@pytest.mark.parametrize(
    ("text", "layout", "options"),
    [(DD2424 + COST, "2 lambda W", SMALL), (CS231N, "gradient lambda W", (*SMALL, "--batch-norm"))],
    ids=["dd2424", "cs231n"],
)
def test_right_code_agrees_and_exits_0(check, text, layout, options):
    status, report, err = check(text, options=options)
    assert (status, report["verdict"], report["findings"]) == (0, "agree", [])
    assert len(report["cases"]) == 2
    assert report["assumed"]["penalty"].endswith(layout)
    assert "verdict: agree" in err


def test_what_the_page_promises_of_a_forgotten_mask_holds(check):
    status, report, err = check(DD2424, ("* (layers[l] > 0)", "* (layers[l] > 0 if l > 1 else 1)"))
    assert (status, report["verdict"]) == (1, "disagree")
    assert diagnosed(report) == {("ReLU mask missing", 1)}
    assert "Backward pass, first wrong: the ReLU of layer 1." in err
    assert "The gradient passes the ReLU of layer 1 unmasked." in err


def test_a_fault_inside_batch_norm_is_named(check):
    status, report, _ = check(
        CS231N, ("d - d.mean(axis=0) - hat", "d - hat"), options=(*SMALL, "--batch-norm")
    )
    assert status == 1
    assert diagnosed(report) == {("mean's term missing", None)}


def test_half_the_penalty_is_believed_where_the_cost_says_so(check):
    halved = ("+ 2 * lam * net", "+ lam * net")
    status, report, _ = check(DD2424 + COST, halved, ("+ lam * penalty", "+ lam / 2 * penalty"))
    assert (status, report["assumed"]["penalty"]) == (0, "lambda/2 sum ||W||^2, gradient lambda W")


def test_half_the_penalty_without_a_cost_is_a_fault(check):
    status, report, _ = check(DD2424, ("+ 2 * lam * net", "+ lam * net"))
    assert status == 1
    assert diagnosed(report) == {("lambda for 2 lambda", None)}


def test_eps_is_the_course_s_unless_said_otherwise(check):
    status, report, _ = check(CS231N, options=(*SMALL, "--batch-norm", "--eps", "1e-3"))
    assert (status, report["assumed"]["eps"][:6]) == (1, "0.001,")
    assert diagnosed(report) == {("eps 1e-05", None)}


def test_a_hang_is_ended_and_its_line_said(twingrad, tmp_path):
    start = "    n = X.shape[1]\n"
    assert start in DD2424
    endless = DD2424.replace(start, start + "    while True:\n        n += 0\n")
    (tmp_path / "mine.py").write_text(endless)
    asked = ("check", "--code", tmp_path / "mine.py", *SMALL, "--time-limit", "2")
    status, _, err = twingrad(*asked)
    assert status == 2
    assert "not done after 2 s and was ended" in err
    assert "line 17" in err or "line 18" in err


def test_an_exception_is_said_with_its_line(check):
    status, report, err = check(DD2424, ("G.sum(axis=1, keepdims=True)", "G.sum(axis=3)"))
    finding = the_finding(report, "exception")
    assert status == 1
    assert (finding["line"], finding["fails"]) == (22, True)
    assert 'grads["b"][l] = G.sum(axis=3)' in finding["message"]
    assert "line 22" in err


def test_nan_and_a_wrong_shape_are_findings(check):
    status, report, _ = check(
        DD2424,
        ("    return grads", "    grads['b'][1] = grads['b'][1][:-1]\n    return grads"),
        ("+ 2 * lam * net_params", "* (1 if l else np.nan) + 2 * lam * net_params"),
    )
    assert status == 1
    assert the_finding(report, "not finite")["tensor"] == "W1"
    assert the_finding(report, "shape")["tensor"] == "b2"


def test_reports_are_written_for_people_and_graders(check, tmp_path):
    html, junit = tmp_path / "r.html", tmp_path / "r.xml"
    status, report, _ = check(
        DD2424, ("+ 2 * lam * net", "+ 0 * net"), options=(*SMALL, "--html", html, "--junit", junit)
    )
    assert status == 1
    assert diagnosed(report) == {("penalty missing", None)}
    case = report["cases"][0]
    assert case["first_fault"] == {"tensor": "W3", "pass": "backward"}
    assert {"fault", "layer", "residual", "explanation"} <= set(case["diagnosis"][0])
    needed = {"name", "verdict", "max_abs", "max_rel", "worst_index", "expected", "actual"}
    assert needed <= set(case["tensors"][0])
    assert "penalty&#39;s part 2 lambda W is missing" in html.read_text()
    failed = {t.get("name") for t in ElementTree.parse(junit).iter("testcase") if len(t)}
    assert failed == {"W1", "W2", "W3"}


@pytest.mark.slow
def test_a_fault_of_our_running_statistics_exits_1(twingrad, monkeypatch):
    right = manual_impl.training.update_statistics

    def wrong(statistics, trace, alpha, *, first):
        right(statistics, trace, 1 - alpha, first=first)

    monkeypatch.setattr(manual_impl.training, "update_statistics", wrong)
    status, out, err = twingrad("check", "--json", "-")
    report = json.loads(out)
    assert (status, report["verdict"]) == (1, "disagree")
    assert {c["name"] for c in report["cases"] if c["verdict"] == "disagree"} == {
        f"training with {setting}, by hand"
        for setting in ("sgd", "momentum", "nesterov", "cosine", "step")
    }
    assert report["states"]["diagnosis"][0]["fault"] == "alpha and 1 - alpha exchanged"
    assert report["states"]["first_fault"] == {"tensor": "mu1", "pass": "state", "update": 2}
    assert "Training, first wrong: mu1 after update 2." in err


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_low_precision_of_ours_agrees(twingrad, dtype):
    status, out, _ = twingrad("check", "--dtype", dtype, "--hidden", "6,5", "--json", "-")
    report = json.loads(out)
    assert (status, report["title"]) == (0, f"gradients in {dtype}")
    assert {t["witness"] for c in report["cases"] for t in c["tensors"]} == {"float64"}


def test_a_fault_in_low_precision_exits_1(twingrad, monkeypatch):
    right = manual_impl.layers.Affine.backward

    def wrong(self, x, run):
        G = right(self, x, run)
        run.gradients[self.b] = run.gradients[self.b] - run.gradients[self.output][-1]
        return G

    monkeypatch.setattr(manual_impl.layers.Affine, "backward", wrong)
    options = ("--no-batch-norm", "--dtype", "float32", "--hidden", "6,5")
    status, out, _ = twingrad("check", *options, "--json", "-")
    by_hand, autograd = json.loads(out)["cases"]
    assert (status, autograd["verdict"]) == (1, "agree")
    wrong_tensors = {t["name"] for t in by_hand["tensors"] if t["verdict"] == "disagree"}
    assert wrong_tensors == {"b1", "b2", "b3"}


def test_explain_prints_the_derivation(twingrad):
    status, out, _ = twingrad("check", "--explain", "s_hat2")
    assert status == 0
    assert "s_hat2 = (s2 - mu2) / sqrt(v2 + eps)" in out
    assert "manual_impl/layers.py:" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--code", "none.py"], "none.py: no such file"),
        (["--code", "mine.m"], "mine.m"),
        (["--code", "{file}:Nothing"], "has no Nothing"),
        (["--code", "{file}", "--time-limit", "0"], "--time-limit is 0"),
        (["--code", "{file}", "--eps", "-1"], "--eps is -1"),
        (["--code", "{file}", "--dtype", "bfloat16"], "bfloat16"),
        (["--code", "{file}", "--random", "3"], "give one"),
        (["--code", "{empty}"], "it defines no function and no class"),
        (["--dtype", "float8"], "--dtype is 'float8'"),
        (["--explain", "nothing7"], "nothing7"),
    ],
)
def test_bad_input_exits_2_in_one_line(twingrad, tmp_path, arguments, says):
    (tmp_path / "mine.py").write_text(DD2424)
    (tmp_path / "empty.py").write_text("x = 3\n")
    files = {"{file}": str(tmp_path / "mine.py"), "{empty}": str(tmp_path / "empty.py")}
    for mark, file in files.items():
        arguments = [argument.replace(mark, file) for argument in arguments]
    status, _, err = twingrad("check", *arguments, "--quiet")
    assert status == 2
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("option", ["--html", "--junit", "--json"])
def test_a_report_that_cannot_be_written_exits_2(twingrad, tmp_path, option):
    golden = ROOT / "tests/data/golden/trajectories.npz"
    file = tmp_path / "none" / "report"
    status, _, err = twingrad("check", "--golden", golden, "--quiet", option, file)
    assert status == 2
    assert f"{file}: cannot be written" in err
    assert err.count("\n") == 1


def test_options_choose_the_network(check):
    status, report, _ = check(DD2424 + COST, options=("--hidden", "6", "--samples", "9"))
    names = [case["name"] for case in report["cases"]]
    assert (status, names) == (0, ["10-6-10 n=9 lambda=0.1", "10-6-10 n=9 lambda=0"])


def test_what_is_required_and_was_not_checked_fails_the_check(check, twingrad):
    status, report, _ = check(DD2424, options=(*SMALL, "--require", "no-batch-norm"))
    assert (status, report["verdict"], report["findings"]) == (0, "agree", [])
    options = (*SMALL, "--require", "batch-norm", "--require", "cost")
    status, report, _ = check(DD2424, options=options)
    assert (status, report["verdict"]) == (1, "disagree")
    assert [(f["kind"], f["message"]) for f in report["findings"]] == [
        ("required", "--require batch-norm: networks with batch norm: not checked"),
        ("required", "--require cost: the cost: not checked"),
    ]
    _, out, _ = twingrad("check", "--help")
    assert all(part in out for part in COVERAGE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--code", "x.py", "--require", "batchnorm"], "--require is 'batchnorm', but expected"),
        (["--require", "batch-norm"], "--require is of your own code"),
    ],
)
def test_a_requirement_that_cannot_be_met_is_bad_input(twingrad, options, words):
    status, _, err = twingrad("check", *options)
    assert status == 2
    assert words in " ".join(err.split())


def test_every_report_says_what_was_compared_and_what_was_not(twingrad, tmp_path):
    (tmp_path / "mine.py").write_text(DD2424)
    page, xml = tmp_path / "page.html", tmp_path / "report.xml"
    options = ("--html", page, "--junit", xml, "--json", tmp_path / "report.json", *SMALL)
    status, out, _ = twingrad("check", "--code", tmp_path / "mine.py", *options)
    assert status == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["compared"] == sum(len(case["tensors"]) for case in report["cases"])
    assert report["quantities"]["gradient of W"] > 0
    assert "networks with batch norm" in report["not_checked"]
    properties = [(p.get("name"), p.get("value")) for p in ElementTree.parse(xml).iter("property")]
    assert ("compared", str(report["compared"])) in properties
    said = " ".join(out.split())
    for words in report["not_checked"]:
        assert ("not checked", words) in properties
        assert words in said
        assert f"<li>{words}</li>" in page.read_text()
    assert f"compared: {report['compared']} (" in said
    assert f"{report['compared']} comparisons: " in page.read_text()
