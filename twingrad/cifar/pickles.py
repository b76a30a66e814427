"""Safely unpickle the batches of CIFAR-10.

A pickle is a program that may import and call any function. This unpickler imports nothing: the few
names that pickled arrays refer to are replaced by stand-ins that only record their arguments, so
the values of a hostile file never reach NumPy or other code before they are checked.
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
    """The recorded arguments of numpy.dtype."""

    name: Any

    def __setstate__(self, state: object) -> None:
        """Ignore the state: it only holds the byte order, which does not apply to uint8."""


@dataclass
class PickledArray:
    """A pickled array as recorded; untrusted until `array` has checked it."""

    dtype: Any = None
    shape: Any = None
    order: Any = "C"
    content: Any = b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, fortran, self.content = state
        self.order = "F" if fortran else "C"

    def array(self, where: str, shape: tuple[int, int]) -> np.ndarray:
        """Check that this is a uint8 array of the given shape, and return it.

        Arguments:
            where: the file, for messages.
            shape: the expected shape.

        Raises:
            UserError: it is not.
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
    """repr of a short string or a shape, otherwise the type: a hostile repr could be very long."""
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
    """Python 3's form of bytes in protocols 0 to 2."""
    if encoding not in ("latin1", b"latin1") or not isinstance(text, str):
        raise pickle.UnpicklingError("_codecs.encode of anything but text to latin1")
    return text.encode("latin1")


class _StandIn:
    """Takes the place of a function or class that the pickle names.

    A pickle can change the attributes of what it imports; an instance with slots and without
    setstate prevents that.
    """

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        return self._build(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a change to an imported object")


# numpy.core is NumPy 1's name and numpy._core NumPy 2's.
_STAND_INS: dict[tuple[str, str], _StandIn] = {
    ("numpy", "ndarray"): _StandIn(_reconstruct),  # only used as the first argument of _reconstruct
    ("numpy", "dtype"): _StandIn(_dtype),
    ("numpy.core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy.core.numeric", "_frombuffer"): _StandIn(_frombuffer),
    ("numpy._core.numeric", "_frombuffer"): _StandIn(_frombuffer),
    ("_codecs", "encode"): _StandIn(_encode),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, raw: bytes, where: str) -> None:
        # Python 2's strings, including the pixels, are bytes of unknown encoding.
        super().__init__(io.BytesIO(raw), encoding="bytes")
        self._where = where

    def find_class(self, module: str, name: str, /) -> _StandIn:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise UserError(
                f"{self._where}: tries to import {f'{module}.{name}'[:100]!r}, which was refused; "
                "expected arrays, lists and text as in CIFAR-10; do not trust this file"
            ) from None


def unpickle(raw: bytes, where: str) -> Any:
    """Unpickle dicts, lists, tuples, text, bytes, numbers and `PickledArray`s.

    Arguments:
        raw: the whole file, of any protocol, from Python 2 or 3, NumPy 1 or 2.
        where: its name, for messages.

    Raises:
        UserError: the file is not a complete pickle, or imports anything that CIFAR-10 does not.
    """
    try:
        _check_memo(raw)
        return _Unpickler(raw, where).load()
    except UserError:
        raise
    except Exception as error:  # corrupt pickles may raise any exception
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        found = f"no complete pickle of a batch ({reason})"
        raise damaged(where, found, "a pickle of CIFAR-10's Python layout") from error


def _check_memo(raw: bytes) -> None:
    """Reject a pickle whose memo has gaps: ten bytes can request a memo of 64 GB."""
    entries = 0
    for opcode, argument, _ in pickletools.genops(raw):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            entries += 1
            # Python 2's C pickler counts from 1, the others from 0.
            if argument is not None and argument > entries:
                raise pickle.UnpicklingError(f"entry {argument} in a memo of {entries}")
