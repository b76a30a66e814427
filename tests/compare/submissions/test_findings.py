"""Code that does something other than answer: each time one clear finding, with its line."""

import numpy as np
import pytest

from compare.submissions import Request, run_code
from tests.compare.submissions.support import assert_agrees, found, student
from twingrad.errors import UserError

SMALL = Request(hidden=(5,), inputs=4, samples=6, penalty=0.1)


def edited(tmp_path, *changes, name="dd2424_plain"):
    """A correct file with some text replaced, and the line of the last replacement."""
    text = student(name).read_text()
    line = 0
    for old, new in changes:
        assert old in text
        line = text[: text.index(old)].count("\n") + 1
        text = text.replace(old, new)
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path, line


def run(path, request=SMALL, **options):
    """The submission of a file."""
    return run_code(path, None, request, **options)


def test_an_exception_is_told_with_its_line_and_text(tmp_path):
    path, line = edited(tmp_path, ("G = W[l].T @ G\n", "G = W[l] @ G\n"))
    finding = found(run(path, Request()), "exception")
    assert finding.line == line
    assert finding.fails
    assert finding.message.startswith("ValueError: matmul")
    assert f"line {line} in BackwardPass: G = W[l] @ G" in finding.message
    assert "compare/submissions" not in finding.message


NORMALISED = """
import numpy as np


def normalise(s):
    mean = np.mean(s / s.shape[1])
    return (s - mean) * np.diag(s.var(axis=0)) ** 0.5


def evaluate(X, W, b):
    H = [X]
    for l in range(len(W)):
        s = (
            W[l] @ H[-1] + b[l]
        )
        H.append(np.maximum(normalise(s), 0))
    return np.exp(s) / np.exp(s).sum(axis=0), H


def gradients(X, Y, P, H, W, lam):
    raise NotImplementedError
"""


def test_the_exception_of_the_way_that_got_furthest_is_told(tmp_path):
    # biases (m,) fail in a later line of the file than (m, 1), and earlier in the run
    path = tmp_path / "mine.py"
    path.write_text(NORMALISED)
    finding = found(run(path), "exception")
    assert finding.line == NORMALISED[: NORMALISED.index("    return (s - mean)")].count("\n") + 1


def test_with_one_mode_broken_the_other_still_answers(tmp_path):
    path, line = edited(tmp_path, ("G2 = G * sigma2", "G2 = G * sigma3"), name="dd2424_bn")
    result = run(path, Request())
    assert found(result, "exception").line == line
    assert [a.spec.batch_norm for a in result.answers] == [False] * 4


def test_an_exception_at_import_is_told(tmp_path):
    path, line = edited(tmp_path, ("import numpy as np\n", "import numpy as np\n1 / 0\n"))
    finding = found(run(path), "exception")
    assert finding.message == "ZeroDivisionError: division by zero, at line 2: 1 / 0"
    assert finding.line == line + 1


def test_a_syntax_error_is_told(tmp_path):
    path, line = edited(
        tmp_path, ("for l in reversed(range(len(W))):", "for l in reversed(range(len(W)):")
    )
    finding = found(run(path), "syntax")
    assert finding.line == line
    assert "SyntaxError" in finding.message


def test_a_hang_is_ended_and_told_with_its_line(tmp_path):
    path, line = edited(tmp_path, ("    G = P - Y\n", "    while True:\n        pass\n"))
    finding = found(run(path, time_limit=2.0), "hang")
    assert finding.line in (line, line + 1)
    assert "not done after 2 s" in finding.message
    assert "in BackwardPass" in finding.message


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("import os; os._exit(3)", "exit status 3"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
    ],
)
def test_an_end_of_the_process_is_told(tmp_path, ending, words):
    path, line = edited(tmp_path, ("    G = P - Y\n", f"    {ending}\n"))
    finding = found(run(path), "exit")
    assert words in finding.message
    assert finding.line == line
    assert finding.fails


def test_what_is_printed_is_quoted_and_no_failure(tmp_path):
    path, _ = edited(tmp_path, ("    G = P - Y\n", "    G = P - Y\n    print('layer', l := 3)\n"))
    result = run(path)
    finding = found(result, "noise")
    assert finding.message.endswith("first: layer 3")
    assert not finding.fails
    assert_agrees(result.answers[0])


def test_endless_printing_is_cut(tmp_path):
    path, _ = edited(tmp_path, ("    G = P - Y\n", "    while True:\n        print('x' * 1000)\n"))
    path.write_text("print('x' * 100_000_000)\n" + path.read_text())
    result = run(path, time_limit=3.0)
    assert found(result, "hang").fails
    assert len(result.output) == 2000


def test_a_warning_is_noise_with_its_line(tmp_path):
    path, line = edited(tmp_path, ("    G = P - Y\n", "    G = P - Y + 0 * np.log(0 * Y).max()\n"))
    result = run(path)
    assert found(result, "noise").line == line
    assert "RuntimeWarning" in found(result, "noise").message
    finding = found(result, "not finite")
    assert finding.fails
    assert "nan" in finding.message


def test_a_transposed_gradient_is_told_and_kept_as_given(tmp_path):
    path, _ = edited(
        tmp_path, ("G @ H[l].T / n + 2 * lam * W[l]", "(G @ H[l].T / n + 2 * lam * W[l]).T")
    )
    result = run(path)
    findings = [f for f in result.findings if f.kind == "shape"]
    assert {f.tensor for f in findings} == {"W1", "W2"}
    assert "has shape (4, 5), but (5, 4) was expected: transposed?" in findings[0].message
    assert findings[0].line == result.lines["BackwardPass"]
    answer = result.answers[0]
    assert answer.raw_shapes["W1"] == answer.wrong_shapes["W1"].shape == (4, 5)
    assert "W1" not in answer.gradients


def test_a_bias_gradient_of_another_shape_is_told_and_still_compared(tmp_path):
    path, _ = edited(tmp_path, ("np.sum(G, axis=1, keepdims=True)", "np.sum(G, axis=1)"))
    result = run(path)
    finding = next(f for f in result.findings if f.tensor == "b1")
    assert finding.kind == "shape"
    assert "would give (5, 5)" in finding.message
    assert_agrees(result.answers[0])


def test_a_missing_gradient_is_told(tmp_path):
    path, _ = edited(tmp_path, ('        grads["betas"] = grad_beta\n', ""), name="dd2424_bn")
    result = run(path, Request(hidden=(5,), batch_norm=True))
    finding = found(result, "keys")
    assert finding.tensor == "beta1"
    assert "there are W1, W2, b1, b2, gamma1" in finding.message


UNKNOWN = (
    ('{"W": [None] * len(W)', '{"weird": [None] * len(W)'),
    ('grads["W"][l] =', 'grads["weird"][l] ='),
)


def test_unknown_keys_do_not_matter_where_the_values_tell(tmp_path):
    path, _ = edited(tmp_path, *UNKNOWN)
    result = run(path)
    assert result.findings == ()
    assert_agrees(result.answers[0])


def test_unknown_keys_of_what_is_no_gradient_are_told(tmp_path):
    path, _ = edited(
        tmp_path, *UNKNOWN, ("    return grads", '    grads["weird"] = "no"\n    return grads')
    )
    finding = next(f for f in run(path).findings if f.tensor == "W1")
    assert finding.kind == "keys"
    assert "weird" in finding.message


def test_complex_gradients_are_told(tmp_path):
    path, _ = edited(tmp_path, ("    G = P - Y\n", "    G = P - Y + 0j\n"))
    assert "complex128" in next(f for f in run(path).findings if f.kind == "dtype").message


def test_inputs_changed_in_place_are_told_and_no_failure(tmp_path):
    path, _ = edited(
        tmp_path, ("    return grads\n", "    W[0] -= 0.1 * grads['W'][0]\n    return grads\n")
    )
    result = run(path)
    finding = found(result, "mutation")
    assert "W1" in finding.message
    assert not finding.fails
    assert_agrees(result.answers[0])


def test_probabilities_changed_in_place_are_told_and_no_failure(tmp_path):
    path, _ = edited(tmp_path, ("    G = P - Y\n", "    P -= Y\n    G = P\n"))
    result = run(path)
    finding = found(result, "mutation")
    assert finding.message.startswith("p, which the forward pass returned, changed in place")
    assert (finding.line, finding.fails) == (result.lines["BackwardPass"], False)
    assert_agrees(result.answers[0])


def test_chance_is_told(tmp_path):
    path, _ = edited(
        tmp_path, ("    G = P - Y\n", "    G = P - Y + 1e-3 * np.random.randn(*P.shape)\n")
    )
    assert found(run(path), "not deterministic").fails


def test_a_child_of_the_code_does_not_keep_the_check(tmp_path):
    path, _ = edited(tmp_path)
    path.write_text(
        "import subprocess\nsubprocess.Popen(['sleep', '30'])\n"
        + student("dd2424_plain").read_text()
    )
    assert run(path, time_limit=10.0).findings == ()


def test_detached_tensors_are_told(tmp_path):
    path, _ = edited(
        tmp_path,
        (
            "        x = F.relu(self.bn1(self.fc1(x)))",
            "        x = F.relu(self.bn1(self.fc1(x))).detach()",
        ),
        name="torch_custom",
    )
    result = run(path, Request())
    tensors = {f.tensor for f in result.findings if f.kind == "keys"}
    assert tensors == {"b1", "gamma1", "beta1"}  # W1 keeps its penalty's part
    assert all(f.fails for f in result.findings)


def test_a_module_that_is_imported_may_be_called_like_one_of_ours(tmp_path):
    path, _ = edited(
        tmp_path, ("import numpy as np\n", "import numpy as np\nfrom common import relu\n")
    )
    (tmp_path / "common.py").write_text("def relu(s):\n    return s\n")
    assert run(path).findings == ()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("def hello():\n    pass\n", None, "it defines functions hello, but expected"),
        ("x = 3\n", None, "no function and no class"),
        ("def hello():\n    pass\n", "goodbye", "has no goodbye; it defines hello"),
        ("x = 3\n", "x", "x is an object of type int that no layout fits"),
    ],
)
def test_what_no_layout_fits_is_bad_input(tmp_path, content, name, words):
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(UserError, match=words):
        run_code(path, name, SMALL)


def test_files_that_are_none_are_bad_input(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        run(tmp_path / "mine.py")
    (tmp_path / "mine.m").write_text("")
    with pytest.raises(UserError, match="golden"):
        run(tmp_path / "mine.m")


def test_the_name_chooses_among_several(tmp_path):
    text = student("dd2424_plain").read_text()
    body = text[text.index("def BackwardPass") : text.index("if __name__")]
    wrong = body.replace("def BackwardPass", "def MyBackward").replace("2 * lam", "lam")
    path = tmp_path / "mine.py"
    path.write_text(text + wrong)
    chosen = run_code(path, "MyBackward", SMALL)
    assert chosen.assumed["backward"].startswith("MyBackward")
    difference = chosen.answers[0].gradients["W1"] - run(path).answers[0].gradients["W1"]
    np.testing.assert_allclose(
        difference, -0.1 * chosen.answers[0].spec.case().parameters["W1"], atol=1e-14
    )


def test_an_adapter_that_raises_is_told_rather_than_given_another_depth(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def gradients(network, parameters, X, y, *, penalty):\n"
        "    if network.depth > 2:\n"
        "        raise ValueError('a bug')\n"
        "    return {'W1': parameters['W1']}\n"
    )
    result = run(path, Request(batch_norm=False))
    assert found(result, "exception").line == 3
    assert result.answers == ()


def test_names_of_an_adapter_that_are_none_of_ours_are_told(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def gradients(network, parameters, X, y, *, penalty):\n"
        "    return {'W1': 0 * parameters['W1'], 'weights2': 0 * parameters['W2']}\n"
    )
    finding = found(run(path, Request(hidden=(5,), batch_norm=False)), "keys")
    assert "weights2" in finding.message
    assert not finding.fails
    assert finding.line == 1


def test_a_factory_is_taken_by_its_name(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\n\n\n"
        "def build(n_inputs, hidden=(4,), n_classes=10):\n"
        "    sizes = [n_inputs, *hidden]\n"
        "    layers = []\n"
        "    for a, b in zip(sizes, sizes[1:]):\n"
        "        layers += [nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.5)]\n"
        "    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_classes), nn.Softmax(dim=1))\n"
    )
    result = run_code(path, "build", Request())
    assert result.findings == ()
    assert result.assumed["cost"] == "mean cross-entropy of its probabilities"
    assert len(result.answers) == 4
    for answer in result.answers:
        assert_agrees(answer)


def test_an_argument_that_nothing_fits_is_told(tmp_path):
    path, line = edited(
        tmp_path, ("P, H, net_params, lam):", "P, H, wobble, wibble, net_params, lam):")
    )
    finding = found(run(path), "keys")
    assert "BackwardPass takes wobble and wibble" in finding.message
    assert finding.line == line


def test_what_the_forward_pass_returned_goes_to_the_argument_that_is_left(tmp_path):
    path, _ = edited(
        tmp_path, ("P, H, net_params, lam):", "P, stuff, net_params, lam):\n    H = stuff")
    )
    assert run(path).findings == ()


def test_a_bias_that_is_missed_is_told(tmp_path):
    path, _ = edited(tmp_path, ("nn.BatchNorm1d(16), ", ""), name="torch_instance")
    assert "it has no b1" in found(run(path, Request()), "keys").message
