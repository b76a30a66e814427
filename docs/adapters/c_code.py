"""An adapter for code in another language: `two_layers.c`, compiled and called here.

    twingrad check --code docs/adapters/c_code.py

It needs a C compiler called `cc`. Code that cannot be called from Python can be run as a program
(`subprocess.run`) on files that the adapter writes, or judged through a golden file.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("two_layers.c")


def compiled():
    """The C file as a library."""
    library = Path(tempfile.mkdtemp()) / "two_layers.so"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", SOURCE, "-o", library, "-lm"],
        check=True,
        capture_output=True,
    )
    return ctypes.CDLL(str(library))


LIBRARY = compiled()


def pointer(array):
    """Where an array's numbers begin."""
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
