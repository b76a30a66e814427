"""Which values of a program are recorded, under which name, line and path."""

import numpy as np
import pytest

from tests.compare.agent.support import recorded, written


def see(tmp_path, text, *arguments):
    return recorded(written(tmp_path, "import numpy as np\n" + text), *arguments, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "name", "kind", "expected"),
    [
        ("W = np.ones(2)", "W", "assign", [[1, 1]]),
        ("a, *b = np.eye(2)", "b[0]", "assign", [[0, 1]]),
        ("(a, [b, c]), d = (1, [np.ones(2), 2]), 3", "b", "assign", [[1, 1]]),
        ("a = b = np.ones(2)", "b", "assign", [[1, 1]]),
        ("W: np.ndarray = np.ones(2)", "W", "assign", [[1, 1]]),
        ("if (W := np.ones(2)).size: pass", "W", "assign", [[1, 1]]),
        ("W = np.ones(2)\nW -= 0.5", "W", "augmented", [[0.5, 0.5]]),
        ("W = np.ones(2)\nW[1:] = 5", "W", "item", [[1, 5]]),
        ("W = np.ones(2)\nW[W > 0] *= 3", "W", "augmented", [[3, 3]]),
        ("W = np.ones((2, 2))\nW[0, 1] += 1", "W", "augmented", [[[1, 2], [1, 1]]]),
        ("W = np.ones(2)\nnp.add(W, 1, out=W)", "W", "augmented", [[2, 2]]),
        ("W = np.ones(2)\nnp.subtract(W, 3, W)", "W", "augmented", [[-2, -2]]),
        ("W = np.ones(2)\nnp.copyto(W, 4)", "W", "augmented", [[4, 4]]),
        ("W = np.ones(2)\nW.fill(4)", "W", "augmented", [[4, 4]]),
        ("W = np.zeros(2)\nnp.add.at(W, [1, 1], 1)", "W", "augmented", [[0, 2]]),
        ("g = {}\ng['W1'] = np.ones(2)", "g['W1']", "assign", [[1, 1]]),
        ("g = {}\nfor k in 'ab':\n g[k] = np.ones(2)", "g['b']", "assign", [[1, 1]]),
        ("g = {}\nfor i in (1, 2):\n g[f'W{i}'] = np.full(2, i)", "g['W2']", "assign", [[2, 2]]),
        ("g = {'W1': np.ones(2)}\ng['W' + str(1)] -= 1", "g['W1']", "augmented", [[0, 0]]),
        ("g = [np.ones(2), np.ones(3)]\ng[-1] -= 1", "g[1]", "augmented", [[0, 0, 0]]),
        ("g = []\ng.append(np.ones(2))", "g[-1]", "assign", [[1, 1]]),
        ("g = {}\ng.update(W=np.ones(2))", "g['W']", "augmented", [[1, 1]]),
        ("class A: pass\na = A()\na.W = np.ones(2)", "a.W", "assign", [[1, 1]]),
        ("class A: pass\na = A()\na.W = np.ones(2)\na.W -= 3", "a.W", "augmented", [[-2, -2]]),
        ("class A: pass\na = A()\nsetattr(a, 'W' + str(1), np.ones(2))", "a.W1", None, [[1, 1]]),
        ("def f(x, *a, k=1, **m): pass\nf(np.ones(2))", "x", "argument", [[1, 1]]),
        ("def f(x, *a, k=1, **m): pass\nf(0, np.ones(2))", "a[0]", "argument", [[1, 1]]),
        ("def f(x, *a, k=1, **m): pass\nf(0, k=np.ones(2))", "k", "argument", [[1, 1]]),
        ("def f(x, *a, k=1, **m): pass\nf(0, z=np.ones(2))", "m['z']", "argument", [[1, 1]]),
        ("f = lambda x: x + 1\nf(np.ones(2))", "x", "argument", [[1, 1]]),
        ("f = lambda x: x + 1\nf(np.ones(2))", "x + 1", "return", [[2, 2]]),
        ("def f(): return np.ones(2), 3\nf()", "np.ones(2)", "return", [[1, 1]]),
        ("def f():\n yield np.ones(2)\nlist(f())", "np.ones(2)", "return", [[1, 1]]),
        ("for i, (a, b) in enumerate([(np.ones(2), 1)]): pass", "a", "loop", [[1, 1]]),
        ("for a, b in zip(np.eye(2), 'ab'): pass", "a", "loop", [[1, 0], [0, 1]]),
        ("y = np.exp(np.eye(2) @ np.ones(2))", "np.eye(2) @ np.ones(2)", "product", [[1, 1]]),
        ("w = np.ones(2)\nprint(w.dot(np.eye(2)))", "w", "operand", [[1, 1]]),
        ("print(np.einsum('i,ij', np.ones(2), np.eye(2)))", "np.ones(2)", "operand", [[1, 1]]),
    ],
)
def test_values_are_recorded_under_their_names(tmp_path, text, name, kind, expected):
    got = see(tmp_path, text)
    assert [value.tolist() for value in got.seen(name, kind)] == expected


CLASSES = """
from dataclasses import dataclass
@dataclass
class Gradients:
    W: np.ndarray
class Net:
    def __init__(self):
        self.__W = np.ones(2)
        self.layers = [np.ones(2)]
    def backward(self):
        return Gradients(W=np.full(2, 3.0))
    def step(self):
        self.__W -= 0.5
        for i in range(len(self.layers)):
            self.layers[i] -= 0.5
net = Net()
g = net.backward()
net.step()
"""


def test_private_attributes_lists_and_dataclasses_of_a_class(tmp_path):
    got = see(tmp_path, CLASSES)
    assert got.seen("self.__W", "augmented")[0].tolist() == [0.5, 0.5]
    assert got.seen("self.layers[0]", "augmented")[0].tolist() == [0.5, 0.5]
    assert got.seen("g.W", "assign")[0].tolist() == [3, 3]
    site = got.named("self.__W", "augmented")[0].site
    assert (site.line, site.function) == (14, "step")


def test_numbers_and_stacks(tmp_path):
    got = see(
        tmp_path,
        """
def cost(x):
    value = float(x.sum())
    return value
first = cost(np.ones(2))
second = cost(np.ones(3))
eta = np.float32(0.5)
""",
    )
    assert got.numbers("value") == [2, 2, 3, 3]  # assigned and returned
    assert got.numbers("eta") == [0.5]
    stacks = [got.recording.stacks[event.stack] for event in got.named("value", "assign")]
    assert stacks == [
        ((0, 0, "cost"), (0, 6, "<module>")),
        ((0, 0, "cost"), (0, 7, "<module>")),
    ]


def test_modules_beside_the_program_are_recorded_and_packages_too(tmp_path):
    home = tmp_path / "home"
    written(home, "from layers import relu\nimport pack.deep as deep\n", "pack/__init__.py")
    written(home, "import numpy as np\nfrom . import here\nW = np.ones(2)\n", "pack/deep.py")
    written(home, "from __future__ import annotations\nhere = 2\n", "pack/here.py")
    written(home, "def relu(x):\n    return x * (x > 0)\n", "layers.py")
    written(home, "import numpy as np\nB = np.ones(2)\n", ".venv/lib/python3/site-packages/own.py")
    text = "import sys, numpy as np\nsys.path.append('.venv/lib/python3/site-packages')\n"
    text = text.replace("'.venv", f"'{home}/.venv")
    program = written(home, text + "import pack, own\ny = pack.relu(np.array([-1.0, 2]))\n")
    got = recorded(program, folder=tmp_path)
    assert got.seen("x", "argument")[0].tolist() == [-1, 2]
    assert got.seen("W")[0].tolist() == [1, 1]
    assert got.seen("B") == []
    labels = {file.label for file in got.recording.files}
    assert labels == {"program.py", "pack/__init__.py", "pack/deep.py", "pack/here.py", "layers.py"}


def test_functions_compiled_from_bytecode_have_no_probes(tmp_path):
    got = see(
        tmp_path,
        """
def njit(function=None, **options):
    if function is None:
        return njit
    print(function.__code__.co_names)
    return function
@njit(cache=True)
def decorated(x):
    y = x + 1
    return y
def passed(x):
    z = x + 1
    return z
fast = njit(passed)
seen = decorated(np.ones(2)) + fast(np.ones(2))
""",
    )
    assert "probe" not in got.out
    assert got.seen("seen")[0].tolist() == [4, 4]
    assert got.seen("y") == []
    assert got.seen("z") == []


def test_values_with_methods_of_their_own_are_left_alone(tmp_path):
    got = see(
        tmp_path,
        """
class Odd(list):
    def __iter__(self):
        print("iterated")
        return super().__iter__()
class Key:
    def __repr__(self):
        print("represented")
        return "key"
class Never:
    def __getattribute__(self, name):
        print("got", name)
        return object.__getattribute__(self, name)
    def __len__(self):
        print("measured")
        return 2
a = Odd([np.ones(2)])
b = {Key(): np.ones(3)}
c = Never()
def f(x, y, z):
    return x, y, z
f(a, b, c)
""",
    )
    assert got.out == ""
    assert got.seen("b[#0]")[0].tolist() == [1, 1, 1]


def test_large_arrays_are_summarized_by_axis(tmp_path):
    got = see(
        tmp_path,
        """
rng = np.random.default_rng(0)
X = rng.integers(0, 256, (2000, 3072), dtype=np.uint8)
Z = (X - X.mean(axis=0)) / X.std(axis=0)
print(float(Z[5] @ np.random.RandomState(3072).standard_normal(3072)))
T = Z.T
""",
    )
    held = {event.name: event.data for event in got.recording.events if event.data is not None}
    raw, scaled, turned = (got.recording.summary(held[name]) for name in "XZT")
    assert np.abs(scaled["column mean"]).max() < 1e-12
    assert np.abs(scaled["column deviation"] - 1).max() < 1e-12
    assert np.abs(raw["column mean"] - 127.5).max() < 8
    assert np.isclose(scaled["row projection"][5], float(got.out), rtol=1e-10)
    assert np.array_equal(turned["column projection"], scaled["row projection"])
    assert got.recording.data[held["T"]].shape == (3072, 2000)
    assert got.recording.end["bytes"] < 1_000_000
