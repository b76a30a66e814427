"""Forty submissions of a course: fourteen right, twelve wrong, twelve hostile, two that are none.

The hostile ones return wrong gradients (the first layer is not masked), so that none may pass
whatever else it does.
"""

import shutil
from pathlib import Path

from tests.compare.submissions.support import STUDENTS
from tests.support import ROOT

COLUMNS = """import numpy as np
{top}

def ApplyNetwork(X, net_params):
    H, layers = X, [X]
    for W, b in zip(net_params["W"], net_params["b"]):
        s = W @ H + b
        H = {activation}
        layers.append(H)
    P = np.exp(s) / np.exp(s).sum(axis={axis})
    return P, layers


def BackwardPass(X, Y, P, layers, net_params, lam):
    {inside}
    n, k = X.shape[1], len(net_params["W"])
    grads = {{"W": [None] * k, "b": [None] * k}}
    G = {first}
    for l in reversed(range(k)):
        grads["W"][l] = {W}
        grads["b"][l] = {b}
        G = {down}
        if {masked}:
            G = G * {mask}
    {after}
    return grads
"""

SLOTS = {
    "top": "",
    "activation": "np.maximum(0, s)",
    "axis": "0",
    "inside": "pass",
    "first": "P - Y",
    "W": 'G @ layers[l].T / n + 2 * lam * net_params["W"][l]',
    "b": "G.sum(axis=1, keepdims=True) / n",
    "down": 'net_params["W"][l].T @ G',
    "masked": "l > 0",
    "mask": "(layers[l] > 0)",
    "after": "pass",
}

RIGHT = {
    "r01": {},
    "r02": {"first": "-(Y - P)"},
    "r03": {"mask": "np.where(layers[l] > 0, 1.0, 0.0)"},
    "r04": {"activation": "s * (s > 0)"},
    "r05": {"b": "G.mean(axis=1).reshape(-1, 1)"},
    "r06": {"W": '(G @ layers[l].T) * (1 / n) + lam * (net_params["W"][l] + net_params["W"][l])'},
    "r07": {"top": "print('training is fun')"},
    "r08": {"top": "import torch  # imported, and not used"},
    "r09": {"down": 'np.einsum("om,on->mn", net_params["W"][l], G)'},
    "r10": {"after": 'grads = {"b": grads["b"], "W": grads["W"]}'},
}
"""Right ones, in the slots of the template."""

WRONG = {
    "w01": {"masked": "l > 1"},
    "w02": {"W": "G @ layers[l].T / n"},
    "w03": {"W": 'G @ layers[l].T / n + lam * net_params["W"][l]'},
    "w04": {"b": "G.sum(axis=1, keepdims=True)"},
    "w05": {"first": "Y - P"},
    "w06": {"mask": "(G > 0)"},
    "w07": {"W": 'G @ layers[l].T + 2 * lam * net_params["W"][l]'},
    "w08": {"b": "G.sum() / n * np.ones((len(G), 1))"},
    "w09": {"activation": "np.maximum(0.1 * s, s)"},
    "w10": {"first": "2 * (P - Y)"},
    "w11": {"after": 'grads["W"][0] = grads["W"][0] * 1.001'},
    "w12": {"after": "grads = {k: [np.zeros_like(g) for g in v] for k, v in grads.items()}"},
}

HOSTILE = {
    # forges what an older judge read, then ends
    "x01_forgery": {
        "inside": "import sys, json, os\n"
        '    json.dump({"done": True, "verdict": "agree"}, open("result.json", "w"))\n'
        "    os._exit(0)"
    },
    # looks for the judge's source, and would use it
    "x02_reader": {
        "inside": f"exec(open({str(ROOT / 'manual_impl/layers.py')!r}).read(), globals())"
    },
    "x03_forks": {
        "inside": "import os, time\n    for _ in range(300):\n        if os.fork() == 0:\n"
        "            time.sleep(60)\n    time.sleep(60)"
    },
    "x04_memory": {"inside": "held = []\n    while True: held.append(np.ones(2_000_000))"},
    "x05_disk": {
        "inside": "number = 0\n    while True:\n        number += 1\n"
        '        open(f"file{number}", "wb").write(bytes(10_000_000))'
    },
    "x06_printing": {"top": "import os\nwhile True: os.write(1, bytes(65536))"},
    "x07_parent": {"inside": "import os, signal\n    os.kill(os.getppid(), signal.SIGKILL)"},
    "x08_network": {
        "inside": "import socket\n"
        "    socket.create_connection(('127.0.0.1', PORT), 2).sendall(b'answers?')"
    },
    "x09_daemon": {
        "top": "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', "
        "'import time; MARKER = 1; time.sleep(600)'], start_new_session=True)"
    },
    # patches what the exchange is made of
    "x10_patches": {
        "top": "import json, struct, sys, os\nnp.array_equal = lambda *a, **k: True\n"
        'json.dumps = lambda *a, **k: \'{"verdict": "agree"}\'\nsys.stdout = None'
    },
    "x11_hangs": {"inside": "while True: pass"},
    "x12_outside": {"inside": "open('OUTSIDE', 'w').write('here')"},
}
"""What each does before it returns gradients without the mask of the first layer."""

ELSEWHERE = {
    "e1_torch": "torch_sequential.py",
    "e2_norm": "dd2424_bn.py",
    "e3_cs231n": "cs231n_two_layer.py",
    "e4_class": "getting_in/class_style.py",
}
"""Right ones among the students of other tests."""


def write_course(folder: Path, *, port: int = 9, outside: Path, marker: str) -> dict[str, str]:
    """Writes the submissions into a folder.

    Arguments:
        port: of a server on this machine that the one for the network tries.
        outside: a file that one of them tries to write.
        marker: words in the command line of the daemon.

    Returns:
        The expected outcome of each by name.
    """
    expected = {}
    for name, slots in RIGHT.items():
        (folder / f"{name}.py").write_text(COLUMNS.format(**SLOTS | slots))
        expected[name] = "right"
    for name, slots in WRONG.items():
        (folder / f"{name}.py").write_text(COLUMNS.format(**SLOTS | slots))
        expected[name] = "wrong"
    for name, slots in HOSTILE.items():
        text = COLUMNS.format(**SLOTS | {"masked": "l > 1"} | slots)
        text = text.replace("PORT", str(port)).replace("OUTSIDE", str(outside))
        (folder / f"{name}.py").write_text(text.replace("MARKER", marker))
        expected[name] = "could not run"
    for name, file in ELSEWHERE.items():
        (folder / name).mkdir()
        shutil.copy(STUDENTS / file, folder / name)
        expected[name] = "right"
    (folder / "n1.py").write_text("def f(:\n")
    (folder / "n2.py").write_text("value = 1\n")
    expected |= {"n1": "could not run", "n2": "could not run"}
    return expected
