"""Read, check and write golden files: the values of another implementation.

A file is `.npz` or `.mat`. Keys are `<case>/<key>`, or a `.mat` has one struct per case; otherwise
the file is a single case. Samples are columns in the file; only this module transposes them.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import numpy as np

from compare.cases import Case
from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.network import Network, Parameters

MAX_BYTES = 2**29
"""Limit of an unpacked file; three layers of 3072 units and their gradients have 0.45e9."""

ZLIB, CHUNK = 15, 2**16
"""The type of a compressed part of a .mat, and the bytes of it that are read at once."""


class GoldenCase:
    """One case of a file: its arrays by key."""

    def __init__(self, path: Path, name: str, values: dict[str, np.ndarray]) -> None:
        self.path, self.name, self.values = path, name, values

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def error(self, key: str, problem: str) -> UserError:
        """An error that names file, case and key."""
        return UserError(f"{self.path}: {self.name}/{key} {problem}")

    def read(self, key: str, shape: tuple[int | None, ...] = ()) -> np.ndarray:
        """Read a finite float64 array of this shape, in which None stands for any size.

        Raises:
            UserError: it is missing, not numeric, not finite, or of another shape.
        """
        if key not in self.values:
            raise self.error(key, "is missing, but required")
        value = self.values[key]
        if value.dtype.kind not in "fiub":
            raise self.error(key, f"has dtype {value.dtype}, but expected real numbers")
        value = np.asarray(value, np.float64)
        if not np.isfinite(value).all():
            where = np.argwhere(~np.isfinite(value))[0].tolist()
            found = f"{value[tuple(where)]} at {where}"
            raise self.error(key, f"holds {found}, but expected finite numbers")
        if shape in ((), (1,)) and value.size == 1:
            return value.reshape(shape)
        if len(shape) == 1 and value.ndim == 2 and value.shape[1] == 1:
            value = value[:, 0]  # the files' vectors are columns
        fits = len(shape) == value.ndim and all(
            size in (None, found) for size, found in zip(shape, value.shape, strict=True)
        )
        if not fits:
            wanted = " x ".join("any" if size is None else str(size) for size in shape)
            raise self.error(
                key, f"has shape {value.shape}, but expected {wanted or 'a single number'}"
            )
        return value

    def parameters(self, suffix: str = "") -> tuple[Network, Parameters]:
        """The network defined by the shapes of the file's weights, and its parameters.

        Arguments:
            suffix: "0" for the start of a trajectory (W0_1, ...).
        """
        k = int(self.read("k")) if "k" in self else self._count(f"W{suffix}_")
        if k < 1:
            raise self.error(f"W{suffix}_1", "is missing, but required")
        widths = [self.read(f"W{suffix}_{l}", (None, None)).shape for l in range(1, k + 1)]
        batch_norm = bool(self.read("bn")) if "bn" in self else f"gamma{suffix}_1" in self
        inputs, classes = widths[0][1], widths[-1][0]
        hidden = tuple(out for out, _ in widths[:-1])
        network = Network(inputs, hidden, classes, "batch" if batch_norm else "none")
        parameters = {}
        for name, shape in network.parameter_shapes.items():
            parameters[name] = self.read(file_key(name, suffix), shape)
        return network, parameters

    def labels(self, key: str, classes: int, samples: int) -> np.ndarray:
        """Classes from 0, from the one-hot columns of Y."""
        Y = self.read(key, (classes, samples))
        if not (np.isin(Y, (0, 1)).all() and (Y.sum(axis=0) == 1).all()):
            raise self.error(key, "is not one-hot: expected a single 1 in each column")
        return Y.argmax(axis=0)

    def _count(self, prefix: str) -> int:
        l = 0
        while f"{prefix}{l + 1}" in self:
            l += 1
        return l


def file_key(name: str, infix: str = "") -> str:
    """The file's key for one of our names: W_1 for W1, or W0_1 with the infix "0"."""
    kind = name.rstrip("0123456789")
    return f"{kind}{infix}_{name[len(kind) :]}"


def read_golden(path: Path) -> list[GoldenCase]:
    """Every case of a file, in order.

    Raises:
        UserError: it is missing, not a `.npz` or `.mat`, damaged, empty, or contains objects.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a golden file (.npz or .mat)")
    if path.suffix not in (".npz", ".mat"):
        raise UserError(f"{path}: ends in {path.suffix or 'nothing'!r}, but expected .npz or .mat")
    values = read_npz(path) if path.suffix == ".npz" else read_mat(path)
    cases: dict[str, dict[str, np.ndarray]] = {}
    for key, value in values.items():
        case, _, name = key.rpartition("/")
        cases.setdefault(case or path.stem, {})[name] = value
    if not cases:
        raise UserError(f"{path}: holds no arrays")
    return [GoldenCase(path, name, values) for name, values in cases.items()]


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.npz`; pickled objects are rejected without reading them.

    Raises:
        UserError: it cannot be read, is too large, or holds something other than arrays.
    """
    try:
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise UserError(f"{path}: is a single array as .npy, but expected a .npz")
            size = sum(member.file_size for member in file.zip.infolist())
            if size > MAX_BYTES:
                raise UserError(f"{path}: unpacks to {size} bytes, expected at most {MAX_BYTES}")
            values = {key: file[key] for key in file.files}
    except UserError:
        raise
    except Exception as error:  # for a damaged file NumPy raises almost any exception
        raise UserError(f"{path}: cannot be read as .npz ({error})") from error
    for key, value in values.items():
        if not isinstance(value, np.ndarray):
            raise UserError(f"{path}: {key!r} is not an array, but expected arrays only")
    return values


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.mat` up to version 7; the field of a struct is called struct/field."""
    from scipy.io import loadmat

    with path.open("rb") as file:
        if any(total > MAX_BYTES for total in accumulate(unpacked_sizes(file))):
            raise UserError(f"{path}: unpacks to more than {MAX_BYTES} bytes, the most expected")
    try:
        variables = loadmat(path, struct_as_record=True)
    except Exception as error:  # for a damaged MAT-file scipy raises almost any exception
        raise UserError(f"{path}: cannot be read as .mat up to version 7 ({error})") from error
    values: dict[str, np.ndarray] = {}
    for name, value in variables.items():
        if name.startswith("__"):
            continue
        if not isinstance(value, np.ndarray):
            raise UserError(f"{path}: {name!r} is sparse, but expected a full matrix")
        if value.dtype.names:
            if not value.size:
                raise UserError(f"{path}: {name!r} is an empty struct")
            record = value.reshape(-1)[0]
            values |= {f"{name}/{key}": np.asarray(record[key]) for key in value.dtype.names}
        else:
            values[name] = value
    return values


def unpacked_sizes(file: BinaryIO) -> Iterator[int]:
    """Bytes that the parts of a `.mat` of version 5 to 7 unpack to, as far as it can be read.

    Source: MAT-File Format, MathWorks: a header of 128 bytes, then elements, each with its type
    and its size; type 15 is a zlib stream.
    """
    order = {b"IM": "<", b"MI": ">"}.get(file.read(128)[126:])
    while order is not None and len(tag := file.read(8)) == 8:
        kind, left = struct.unpack(f"{order}II", tag)
        unpacking = zlib.decompressobj()
        while left and (packed := file.read(min(left, CHUNK))):
            left -= len(packed)
            while kind == ZLIB and packed:
                try:
                    yield len(unpacking.decompress(packed, CHUNK))
                except zlib.error:  # loadmat will say so
                    return
                packed = unpacking.unconsumed_tail
            yield len(packed)


def write_golden(path: Path, case: Case) -> list[str]:
    """Write a case's inputs and parameters; another program then adds its gradients.

    Arguments:
        path: .npz or .mat.
        case: samples in rows; written in columns, vectors as (m, 1).

    Returns:
        The keys of the parameters, W_1, b_1, ....

    Raises:
        UserError: the path has another suffix, or the network no softmax.
        OSError: it cannot be written.
    """
    if case.network.loss != "cross_entropy":
        raise UserError(f"{path}: a file of cases has networks with a softmax only")
    columns = {
        file_key(name): value if value.ndim == 2 else value[:, None]
        for name, value in case.parameters.items()
    }
    values = {
        "X": case.X.T,
        "Y": np.eye(case.network.classes)[case.y].T,
        "y": case.y[None, :] + 1.0,  # classes from 1, as in Matlab
        "lam": np.array(case.penalty),
        "k": np.array(case.network.depth),
        "bn": np.array(int(case.network.batch_norm)),
        **columns,
    }
    buffer = io.BytesIO()
    if path.suffix == ".npz":
        np.savez(buffer, **values)
    elif path.suffix == ".mat":
        from scipy.io import savemat

        savemat(buffer, values)
    else:
        raise UserError(f"{path}: ends in {path.suffix or 'nothing'!r}, but expected .npz or .mat")
    write_whole(path, buffer.getvalue())
    return list(columns)


def to_case(golden: GoldenCase) -> Case:
    """The inputs and parameters of a case, samples in rows.

    Raises:
        UserError: a value is missing, not finite, or its shape does not fit the others.
    """
    network, parameters = golden.parameters()
    X = golden.read("X", (network.inputs, None))
    samples = X.shape[1]
    if samples < 1:
        raise golden.error("X", "has no samples")
    if network.batch_norm and samples < 2:
        raise golden.error("X", "has 1 sample, but batch norm needs at least 2")
    return Case(
        name=golden.name,
        network=network,
        parameters=parameters,
        X=np.ascontiguousarray(X.T),
        y=golden.labels("Y", network.classes, samples),
        penalty=float(golden.read("lam")),
    )
