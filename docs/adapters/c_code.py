"""An adapter for code in another language: it compiles `two_layers.c` and calls it.

    twingrad check --code docs/adapters/c_code.py

It needs a C compiler called `cc`. If your code cannot be called from Python, the adapter can write
files and run it as a program (`subprocess.run`), or you can use a golden file.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("two_layers.c")


def compiled():
    """Compile the C file into a library and load it."""
    library = Path(tempfile.mkdtemp()) / "two_layers.so"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", SOURCE, "-o", library, "-lm"],
        check=True,
        capture_output=True,
    )
    return ctypes.CDLL(str(library))


LIBRARY = compiled()


def pointer(array):
    """A pointer to an array's data."""
    return array.ctypes.data_as(ctypes.c_void_p)


def gradients(network, parameters, X, y, *, penalty):
    """C's gradients under our names. See compare/submissions/protocol.py."""
    if network.batch_norm or network.depth != 2:
        raise NotImplementedError("the C code has one hidden layer and no batch norm")
    found = {name: np.empty(shape) for name, shape in network.parameter_shapes.items()}
    inputs = [np.ascontiguousarray(value, np.float64) for value in (X, *parameters.values())]
    labels = np.ascontiguousarray(y, ctypes.c_long)
    n, (d, m, c) = len(X), network.widths
    LIBRARY.gradients(
        *(ctypes.c_int(size) for size in (n, d, m, c)),
        ctypes.c_double(penalty),
        pointer(inputs[0]),
        pointer(labels),
        *(pointer(array) for array in inputs[1:]),
        *(pointer(array) for array in found.values()),
    )
    return found
