"""Inputs for a layer's forward function, in the shapes that its arguments may have."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.submissions.binding import role, signature
from compare.submissions.names import plain
from twingrad.streams import stream

N, D, M = 6, 7, 5
"""Numbers of samples, inputs and outputs; all differ."""

SHAPES: tuple[dict[str, tuple[int, ...]], ...] = (
    {"x": (N, D), "w": (D, M), "b": (M,), "gamma": (D,), "y": (N,)},
    {"x": (D, N), "w": (M, D), "b": (M, 1), "gamma": (D, 1), "y": (D, N)},
    {"x": (N, D), "w": (M, D), "b": (M,), "gamma": (1, D), "y": (N, D)},
    {"x": (N, D), "w": (D, M), "b": (1, M), "gamma": (1, D), "y": (N, D)},
    {"x": (2, 3, 6, 6), "w": (4, 3, 3, 3), "b": (4,), "gamma": (3,), "y": (2,)},
    {"x": (2, 4, 6, 6), "w": (4, 4, 3, 3), "b": (4,), "gamma": (1, 4, 1, 1), "y": (2,)},
)
"""Rows with W (in, out); columns; rows with W (out, in); rows with row vectors; images."""

SETTINGS: dict[str, Any] = {
    "mode": "train",
    "p": 0.6,
    "seed": 123,
    "eps": 1e-5,
    "momentum": 0.9,
    "stride": 1,
    "pad": 1,
    "pool_height": 2,
    "pool_width": 2,
}
"""A layer's dict of settings; no layer reads all of them."""

NUMBERS = {"stride": 1, "pad": 1, "padding": 1, "g": 2, "groups": 2, "p": 0.6, "keepprob": 0.6}


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call.

    Arguments:
        arrays: those that a gradient is by, by their names.
        others: labels, settings.
    """

    arrays: Mapping[str, np.ndarray]
    others: Mapping[str, Any]

    def fresh(self) -> dict[str, Any]:
        """Copies of all inputs, because a layer may change them."""
        others = {n: dict(v) if isinstance(v, dict) else v for n, v in self.others.items()}
        return {name: value.copy() for name, value in self.arrays.items()} | others


def inputs_for(function: Callable[..., Any]) -> Iterator[Inputs]:
    """Inputs that may fit the function, the likeliest first."""
    for number, shapes in enumerate(SHAPES):
        rng = stream(number, "single layers")
        arrays: dict[str, np.ndarray] = {}
        others: dict[str, Any] = {}
        for argument in signature(function):
            name = argument.name
            required = argument.default is inspect.Parameter.empty
            value = other_input(name, shapes, rng)
            if value is not None:
                if required or isinstance(value, dict | bool):
                    others[name] = value
            elif required:
                arrays[name] = rng.standard_normal(shapes[letter(name)])
                if letter(name) == "gamma":
                    arrays[name] += 1.5
        yield Inputs(arrays, others)


def letter(name: str) -> str:
    """The shape of an array, by its name; "x" if the name says nothing."""
    word = plain(name)
    if word.startswith(("gamma", "beta", "scale", "shift")):
        return "gamma"
    if role(name) == "W" or word[:1] == "w":
        return "w"
    return "b" if role(name) == "b" or word.startswith("bias") else "x"


def other_input(name: str, shapes: Mapping[str, Any], rng: np.random.Generator) -> Any:
    """The value of an argument that has no gradient; None for an array."""
    word = plain(name)
    if word.endswith(("param", "params", "config", "settings")):
        return dict(SETTINGS)
    if word in NUMBERS:
        return NUMBERS[word]
    if word in ("eps", "epsilon"):
        return 1e-5
    if role(name) in ("training", "mode"):
        return True if role(name) == "training" else "train"
    if word in ("activation", "nonlinearity"):
        return "relu"
    if role(name) == "Y":
        shape = shapes["y"]
        classes = shapes["x"][1] if len(shape) == 1 else shapes["x"][0 if shape[0] == D else 1]
        labels = rng.integers(classes, size=shape[0] if len(shape) == 1 else N)
        if len(shape) == 1:
            return labels
        one_hot = np.eye(classes)[labels]
        return np.ascontiguousarray(one_hot.T) if shape[0] == D else one_hot
    return None
