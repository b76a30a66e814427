"""Unpickling what a CIFAR-10 batch holds, and nothing else.

A pickle is a program: it may import any function and call it. This unpickler imports nothing.
The few names that pickled arrays refer to are answered by stand-ins that only note what they were
asked to build, so neither NumPy nor anything else meets a hostile file's values.
"""

import io
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from twingrad.cifar.images import damaged
from twingrad.errors import UserError


@dataclass
class _Dtype:
    """Notes the arguments of numpy.dtype."""

    name: Any

    def __setstate__(self, state: object) -> None:
        """The state holds the byte order and no more, which uint8 does not have."""


@dataclass
class PickledArray:
    """An array as the file tells of it. Nothing about it can be trusted before `array`."""

    dtype: Any = None
    shape: Any = None
    order: Any = "C"
    content: Any = b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, fortran, self.content = state
        self.order = "F" if fortran else "C"

    def array(self, where: str, shape: tuple[int, int]) -> np.ndarray:
        """The array, uint8, once it is certain that it is one of that shape.

        Arguments:
            where: the file, for the message.
            shape: what is expected.

        Raises:
            UserError: when the file tells of anything else.
        """
        dtype = self.dtype.name if isinstance(self.dtype, _Dtype) else None
        if dtype not in ("u1", "uint8", b"u1"):
            raise damaged(where, f"images of dtype {_brief(dtype)}", "uint8 ('u1')")
        if self.shape != shape:
            raise damaged(where, f"images of shape {_brief(self.shape)}", str(shape))
        if not isinstance(self.content, bytes | bytearray) or self.order not in ("C", "F"):
            found = f"images stored as {type(self.content).__name__}, order {_brief(self.order)}"
            raise damaged(where, found, "bytes, order C or F")
        if len(self.content) != shape[0] * shape[1]:
            raise damaged(where, f"{len(self.content)} pixel values", str(shape[0] * shape[1]))
        return np.frombuffer(self.content, np.uint8).reshape(shape, order=self.order)


def _brief(value: Any) -> str:
    """repr of a short string or of a shape; a hostile value may have a repr of any length."""
    plain = isinstance(value, str | bytes) and len(value) <= 20
    shape = isinstance(value, tuple) and len(value) <= 4 and all(type(n) is int for n in value)
    return repr(value) if plain or shape else f"<{type(value).__name__}>"


def _reconstruct(kind: object, shape: object, typecode: object) -> PickledArray:
    return PickledArray()


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
    return PickledArray(dtype, shape, order, content)


def _dtype(name: Any, align: object, copy: object) -> _Dtype:
    return _Dtype(name)


def _encode(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes in protocols 0 to 2."""
    if encoding not in ("latin1", b"latin1") or not isinstance(text, str):
        raise pickle.UnpicklingError("_codecs.encode of anything but text to latin1")
    return text.encode("latin1")


class _StandIn:
    """What the file gets instead of a function or class that it names.

    An instance, since a pickle can change the attributes of whatever it imports: here it cannot.
    """

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        return self._build(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a change to what it imported")


# NumPy 2 writes numpy._core where NumPy 1 wrote numpy.core, and either may have written the file.
_STAND_INS: dict[tuple[str, str], _StandIn] = {
    ("numpy", "ndarray"): _StandIn(_reconstruct),  # only ever the first argument of _reconstruct
    ("numpy", "dtype"): _StandIn(_dtype),
    ("numpy.core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy.core.numeric", "_frombuffer"): _StandIn(_frombuffer),
    ("numpy._core.numeric", "_frombuffer"): _StandIn(_frombuffer),
    ("_codecs", "encode"): _StandIn(_encode),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, raw: bytes, where: str) -> None:
        # Python 2 wrote its strings as bytes of no known encoding, the pixels among them.
        super().__init__(io.BytesIO(raw), encoding="bytes")
        self._where = where

    def find_class(self, module: str, name: str, /) -> _StandIn:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise UserError(
                f"{self._where}: asks to import {f'{module}.{name}'[:100]!r}: refused, nothing was "
                "run; expected arrays, lists and text as in CIFAR-10; do not trust this file"
            ) from None


def unpickle(raw: bytes, where: str) -> Any:
    """What the pickle holds: dicts, lists, tuples, text, bytes, numbers, `PickledArray`s.

    Arguments:
        raw: the whole file, of any protocol, from Python 2 or 3, NumPy 1 or 2.
        where: its name, for the message.

    Raises:
        UserError: when the file is no whole pickle, or names anything that such a file does not.
    """
    try:
        _check_memo(raw)
        return _Unpickler(raw, where).load()
    except UserError:
        raise
    except Exception as error:  # the documentation of pickle: any exception may come of bad bytes
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        found = f"no whole pickle of a batch ({reason})"
        raise damaged(where, found, "one as CIFAR-10's Python layout has") from error


def _check_memo(raw: bytes) -> None:
    """Refuses a pickle whose memo has gaps: ten bytes can ask for a memo of 64 GB."""
    remembered = 0
    for opcode, argument, _ in pickletools.genops(raw):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            remembered += 1
            # Python 2's C pickler counts from 1, the others from 0.
            if argument is not None and argument > remembered:
                raise pickle.UnpicklingError(f"entry {argument} in a memo of {remembered}")
