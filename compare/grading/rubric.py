"""A rubric: a small TOML file that says what earns points."""

import re
import tomllib
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from twingrad.errors import UserError

TENSORS = re.compile(r"(W|b|gamma|beta)\d*|p|loss|cost")
"""Names in a rubric: gradients of parameters, of every layer or of one, and forward values."""

NETWORKS = ("all", "without batch norm", "with batch norm")

CONVENTIONS = {
    "half penalty": "lambda/2 sum ||W||^2 for lambda sum ||W||^2",
    "eps": "another eps than 2.2e-16 in batch norm",
    "sum": "the sum over the minibatch for its mean, in the cost too",
    "bias penalty": "a penalty on b too, in the cost too",
    "kink": "slope 1 of the ReLU where its input is exactly 0",
    "layer mean": "a single layer divides its parameters' gradients by the number of samples",
    "leaky ReLU": "a leaky ReLU in place of the ReLU",
    "other activation": "GELU, tanh or the sigmoid in place of the ReLU",
    "plain batch norm": "batch norm without gamma and beta",
    "label smoothing": "smoothed labels, in the cost too",
    "sigmoid outputs": "sigmoids with their own losses in place of the softmax",
}
"""Deviations that are not wrong."""

OTHER_NETWORKS = (
    "leaky ReLU",
    "other activation",
    "plain batch norm",
    "label smoothing",
    "sigmoid outputs",
)
"""Conventions that make it another network; a rubric allows these only by name."""

ALLOWED = tuple(name for name in CONVENTIONS if name not in OTHER_NETWORKS)
"""The conventions that are allowed if the rubric names none."""


@dataclass(frozen=True)
class Quantity:
    """Something that earns points: all of them if every comparison agrees, otherwise none.

    Arguments:
        name: for people.
        points: how many.
        tensors: "W", "b", "gamma", "beta" (the gradients of every layer), "W1" (of one), "p",
            "loss", "cost" (values); () for every tensor.
        layers: in place of tensors, the names of single layers ("affine_backward").
        networks: one of `NETWORKS`.
    """

    name: str
    points: float
    tensors: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    networks: str = "all"


@dataclass(frozen=True)
class Rubric:
    """What earns points, and what is allowed.

    Arguments:
        title: of the assignment.
        conventions: those of `CONVENTIONS` that are allowed.
        forbidden: packages whose import costs all points.
    """

    title: str = "Assignment"
    quantities: tuple[Quantity, ...] = (Quantity("everything compared", 1.0),)
    conventions: tuple[str, ...] = ALLOWED
    forbidden: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """The maximum number of points."""
        return sum(quantity.points for quantity in self.quantities)


def read_rubric(path: Path | None) -> Rubric:
    """Read a rubric; without a file, there is one point if everything compared agrees.

    Raises:
        UserError: it cannot be read, or holds something else than a rubric.
    """
    if path is None:
        return Rubric()
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise UserError(f"--rubric {path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"--rubric {path}: no TOML: {error}") from error
    try:
        return as_rubric(values)
    except ValueError as error:
        raise UserError(f"--rubric {path}: {error}") from error


def as_rubric(values: dict[str, Any]) -> Rubric:
    """The rubric in a parsed TOML file.

    Raises:
        ValueError: a key or value that is not known.
    """
    only(values, ("title", "quantity", "conventions", "forbidden"), "the file")
    listed = values.get("quantity")
    if not isinstance(listed, list) or not listed:
        raise ValueError("it has no [[quantity]]; expected at least one")
    quantities = tuple(as_quantity(entry) for entry in listed)
    names = [quantity.name for quantity in quantities]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two quantities are named {twice!r}")
    conventions = texts(values, "conventions", ALLOWED)
    for name in conventions:
        if name not in CONVENTIONS:
            raise ValueError(f"convention {name!r} is not known; expected {', '.join(CONVENTIONS)}")
    title = values.get("title", Rubric.title)
    if not isinstance(title, str):
        raise ValueError(f"title is {title!r}, but expected text")
    rubric = Rubric(title, quantities, conventions, texts(values, "forbidden", ()))
    if rubric.total == 0:
        raise ValueError("all quantities together earn 0 points")
    return rubric


def as_quantity(entry: Any) -> Quantity:
    """One [[quantity]].

    Raises:
        ValueError: a key or value that is not known.
    """
    if not isinstance(entry, dict):
        raise ValueError("quantity is no table; write [[quantity]]")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("a [[quantity]] has no name")
    where = f"quantity {name!r}"
    only(entry, ("name", "points", "tensors", "layers", "networks"), where)
    points: Any = entry.get("points")
    if type(points) not in (int, float) or not isfinite(points) or points < 0:
        raise ValueError(f"{where}: points is {points!r}, but expected a number from 0")
    tensors, layers = texts(entry, "tensors", ()), texts(entry, "layers", ())
    for tensor in tensors:
        if not TENSORS.fullmatch(tensor):
            raise ValueError(
                f"{where}: tensor {tensor!r} is not known; expected W, b, gamma, beta, one of a "
                "layer such as W1, p, loss or cost"
            )
    if tensors and layers:
        raise ValueError(f"{where}: give tensors or layers, not both")
    networks = entry.get("networks", "all")
    if networks not in NETWORKS:
        raise ValueError(
            f"{where}: networks is {networks!r}, but expected one of {', '.join(NETWORKS)}"
        )
    return Quantity(name, float(points), tensors, layers, networks)


def only(values: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    """Raise ValueError if there is an unknown key."""
    for key in values:
        if key not in known:
            raise ValueError(f"{where}: {key!r} is not known; expected {', '.join(known)}")


def texts(values: dict[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """A list of strings.

    Raises:
        ValueError: it is something else.
    """
    found = values.get(key, list(default))
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError(f"{key} is {found!r}, but expected a list of texts")
    return tuple(found)
