"""Write batches in the three layouts in which CIFAR-10 is published."""

import io
import struct
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int64, UInt8

from twingrad.cifar.images import LABEL_NAMES
from twingrad.cifar.source import Kind

BatchWriter = Callable[[UInt8[np.ndarray, "n 3072"], Int64[np.ndarray, " n"]], bytes]


def python_batch(images: UInt8[np.ndarray, "n 3072"], labels: Int64[np.ndarray, " n"]) -> bytes:
    """A pickle in Python 2's form, whose strings load as bytes or text as requested."""
    names = [f"image_{i}.png" for i in range(len(labels))]
    content = _entry("batch_label", _string(b"batch"))
    content += _entry("labels", _list([_integer(int(label)) for label in labels]))
    content += _entry("data", _array(images))
    content += _entry("filenames", _list([_string(name.encode()) for name in names]))
    return b"\x80\x02}(" + content + b"u."


def python_label_names() -> bytes:
    """batches.meta."""
    content = _entry("num_cases_per_batch", _integer(10_000))
    content += _entry("label_names", _list([_string(name.encode()) for name in LABEL_NAMES]))
    content += _entry("num_vis", _integer(3072))
    return b"\x80\x02}(" + content + b"u."


def binary_batch(images: UInt8[np.ndarray, "n 3072"], labels: Int64[np.ndarray, " n"]) -> bytes:
    """Rows of one label byte and 3072 pixel bytes."""
    return np.hstack([labels[:, None].astype(np.uint8), images]).tobytes()


def binary_label_names() -> bytes:
    """batches.meta.txt."""
    return "".join(f"{name}\n" for name in LABEL_NAMES).encode()


def matlab_batch(images: UInt8[np.ndarray, "n 3072"], labels: Int64[np.ndarray, " n"]) -> bytes:
    """A MAT-file with `data` (n, 3072) and `labels` (n, 1)."""
    return _mat_file({"data": images, "labels": labels[:, None].astype(np.uint8)})


def matlab_label_names() -> bytes:
    """batches.meta.mat."""
    names = np.empty((len(LABEL_NAMES), 1), object)
    names[:, 0] = LABEL_NAMES
    return _mat_file({"label_names": names})


WRITERS: dict[Kind, tuple[BatchWriter, Callable[[], bytes]]] = {
    "python": (python_batch, python_label_names),
    "binary": (binary_batch, binary_label_names),
    "matlab": (matlab_batch, matlab_label_names),
}
"""For each layout the writer of a batch, and the writer of the class names."""


def _mat_file(content: dict[str, np.ndarray]) -> bytes:
    from scipy.io import savemat

    file = io.BytesIO()
    savemat(file, content)
    return file.getvalue()


# Opcodes of pickle protocol 2; the pickle module cannot write Python 2's strings.


def _string(value: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(value)) + value


def _integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _list(items: Sequence[bytes]) -> bytes:
    return b"](" + b"".join(items) + b"e"


def _entry(key: str, value: bytes) -> bytes:
    return _string(key.encode()) + value


def _array(value: UInt8[np.ndarray, "n m"]) -> bytes:
    n, m = value.shape
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    array += _integer(0) + b"\x85" + _string(b"b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + _string(b"u1") + _integer(0) + _integer(1) + b"\x87R"
    dtype += b"(" + _integer(3) + _string(b"|") + b"NNN" + 2 * _integer(-1) + _integer(0) + b"tb"
    shape = _integer(n) + _integer(m) + b"\x86"
    return array + b"(" + _integer(1) + shape + dtype + b"\x89" + _string(value.tobytes()) + b"tb"
