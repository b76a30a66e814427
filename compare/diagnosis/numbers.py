"""Coefficients as people write them: 0, 2, 1/n, n/(n - 1), or a decimal number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from compare.derivation import Place

At = Callable[[Place], float]


@dataclass(frozen=True)
class Number:
    """A coefficient.

    Arguments:
        text: "1/n".
        at: its value at a place.
        written: whether people write it, so that it is unlikely to fit by accident.
    """

    text: str
    at: At
    written: bool = True


def plain(value: float) -> Number:
    """A number that does not depend on the place."""
    return Number(f"{value:.6g}", constant(value))


def constant(value: float) -> At:
    """A function that returns the value at every place."""
    return lambda at: value


ZERO, ONE, MINUS_ONE, HALF, TWO = (
    plain(0),
    plain(1),
    plain(-1),
    Number("1/2", lambda at: 0.5),
    plain(2),
)

SIZES: dict[str, At] = {
    "n": lambda at: at.n,
    "m": lambda at: at.size,
    "size": lambda at: at.size,
    "K": lambda at: at.case.network.classes,
    "d": lambda at: at.case.network.inputs,
}

KEEP = Number("keep", lambda at: at.keep)
SLOPE = Number("slope", lambda at: at.slope)


def of_size(size: str) -> list[Number]:
    """Expressions with one size."""
    s = SIZES[size]
    return [
        Number(size, s),
        Number(f"1/{size}", lambda at: 1 / s(at)),
        Number(f"{size}/({size} - 1)", lambda at: s(at) / (s(at) - 1)),
        Number(f"({size} - 1)/{size}", lambda at: (s(at) - 1) / s(at)),
        Number(f"1/({size} - 1)", lambda at: 1 / (s(at) - 1)),
        Number(f"{size}^2", lambda at: s(at) ** 2),
        Number(f"1/{size}^2", lambda at: s(at) ** -2),
    ]


def times(factor: str, number: Number) -> Number:
    """A number with a factor, such as -1/n, 2 n or n/2."""
    value = {"-": -1.0, "2": 2.0, "1/2": 0.5, "-2": -2.0, "-1/2": -0.5}[factor]
    text = f"-{number.text}" if factor == "-" else f"{factor} {number.text}"
    return Number(text, lambda at: value * number.at(at))


PLAIN = [ZERO, ONE, MINUS_ONE, HALF, TWO, times("-", HALF), plain(-2)]

OWN = {
    "softmax": [*of_size("K")[:2], Number("n/d", lambda at: at.n / at.case.network.inputs)],
    "output": of_size("K")[:2],
    "loss": [*of_size("K")[:2], Number("1/ln 2", lambda at: 1 / np.log(2))],
    "mask": [SLOPE, Number("slope^2", lambda at: at.slope**2)],
    "x": [SLOPE],
    "drop": [
        KEEP,
        Number("1/keep", lambda at: 1 / at.keep),
        Number("1/keep^2", lambda at: at.keep**-2),
        Number("1/(1 - keep)", lambda at: 1 / (1 - at.keep)),
    ],
}
"""Further expressions that belong in the formula of each operation, in addition to those with n."""
OWN["x_drop"] = OWN["drop"]

WITH_N = {"x": 0, "mask": 0, "drop": 0, "x_drop": 0, "down": 2}
"""By operation without a sum over the samples, how many of the expressions with n may be in it."""


def written(at: Place, operation: str) -> Iterator[Number]:
    """The expressions that may be written in the formula of an operation, the likeliest first."""
    yield from PLAIN
    own = of_size("m") if at.layer.kind == "layer_norm" else OWN.get(operation, [])
    if at.layer.kind == "relu":  # which has no slope
        own = []
    with_n = of_size("n")[: WITH_N.get(operation)]
    yield from (*with_n, *own)
    yield from (
        times(factor, number) for factor in ("-", "2", "1/2", "-2") for number in with_n[:2]
    )


def readings(value: float, at: Place, operation: str, tolerance: float) -> list[Number]:
    """The expressions that a fitted number may be, the likeliest first.

    Arguments:
        tolerance: relative; a thousandth of it absolute.
    """
    near = tolerance * abs(value) + tolerance / 1000
    found = [n for n in written(at, operation) if abs(n.at(at) - value) <= near]
    return found or [decimal(value, near)]


def decimal(value: float, near: float) -> Number:
    """The number with the fewest digits that is close to a fitted one."""
    short = shortest(value, near)
    return Number(f"{short:.6g}", constant(short), written=False)


def shortest(value: float, near: float) -> float:
    """The number with the fewest digits that is close to another."""
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, 17))
    return next((short for short in rounded if abs(short - value) <= near), value)


NUMBERS: dict[str, Number] = {
    number.text: number
    for number in (
        *PLAIN,
        *of_size("n"),
        *of_size("size"),
        *OWN["softmax"],
        *OWN["mask"],
        *OWN["drop"],
    )
}
"""Expressions by their text; "size" is the number of values that a normalisation averages."""
