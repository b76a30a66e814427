"""The user's shapes and ours: which way round samples, weights and vectors lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.numerics.structure import split_name
from compare.submissions.remote import Remote
from compare.submissions.session import session
from twingrad.network import Network

VECTORS = ("b", "gamma", "beta", "mu", "v")


class Misshapen(Exception):
    """A value that is not the array that was expected.

    Arguments:
        kind: of the finding, "shape" or "dtype".
        problem: what it is and what was expected.
        value: the array as given, where there is one.
        ours: in our shape, where its numbers could be placed in one way only.
    """

    def __init__(
        self,
        kind: str,
        problem: str,
        value: np.ndarray | None = None,
        ours: np.ndarray | None = None,
    ) -> None:
        super().__init__(problem)
        self.kind, self.problem, self.value, self.ours = kind, problem, value, ours


@dataclass(frozen=True)
class Orientation:
    """How the user's arrays lie.

    Arguments:
        columns: samples are columns, (d, n).
        in_out: weights are (in, out).
        vectors: "flat" (m,), "column" (m, 1) or "row" (1, m).
    """

    columns: bool = False
    in_out: bool = False
    vectors: str = "flat"

    def give(self, name: str, value: np.ndarray) -> np.ndarray:
        """One of our arrays in the user's orientation, contiguous and its own."""
        kind, _ = split_name(name)
        turn = self.in_out if kind == "W" else self.columns
        if kind in VECTORS:
            value = value.reshape({"flat": (-1,), "column": (-1, 1), "row": (1, -1)}[self.vectors])
        elif turn:
            value = value.T
        return np.array(value, order="C")

    def take(self, name: str, value: Any, network: Network, samples: int) -> np.ndarray:
        """One of the user's arrays in ours.

        Raises:
            Misshapen: it has another shape, or is no array of real numbers.
        """
        array = as_array(value)
        if name in ("loss", "cost"):
            if array.size != 1:
                raise Misshapen("shape", f"has shape {array.shape}, but is a single number", array)
            return array.reshape(())
        kind, l = ("p", network.depth) if name == "p" else split_name(name)
        if l > network.depth:
            raise Misshapen("shape", f"is of layer {l}, but there are {network.depth}", array)
        if kind == "p":
            ours: tuple[int, ...] = (samples, network.classes)
        else:
            ours = network.parameter_shapes.get(name) or (samples, network.widths[l])
            if kind in VECTORS:
                ours = (network.widths[l],)
        given = self.give("x0" if name == "p" else name, np.empty(ours)).shape
        if kind in ("mu", "v") and array.size == ours[0]:
            return array.reshape(ours)
        if array.shape != given:
            raise self.misshapen(array, given, ours)
        if kind in VECTORS:
            return array.reshape(ours)
        return array.T if (self.in_out if kind == "W" else self.columns) else array

    def misshapen(
        self, array: np.ndarray, given: tuple[int, ...], ours: tuple[int, ...]
    ) -> Misshapen:
        """Why an array does not fit."""
        problem = f"has shape {array.shape}, but {given} was expected"
        if len(ours) == 1 and array.size == ours[0]:
            together = np.broadcast_shapes(array.shape, given)
            if together != given:
                problem += f"; subtracting it from the parameter would give {together}"
            return Misshapen("shape", problem, array, array.reshape(ours))
        if array.shape == given[::-1]:
            problem += ": transposed?"
        elif array.ndim == 0:
            problem += ": summed over too much?"
        return Misshapen("shape", problem, array)

    def words(self) -> dict[str, str]:
        """For the user."""
        return {
            "samples": "in columns, X (d, n)" if self.columns else "in rows, X (n, d)",
            "weights": "W (in, out)" if self.in_out else "W (out, in)",
            "biases": {"flat": "b (m,)", "column": "b (m, 1)", "row": "b (1, m)"}[self.vectors],
        }


def as_array(value: Any) -> np.ndarray:
    """Real numbers as an array, whatever they came in.

    Raises:
        Misshapen: complex, ragged, objects, text.
    """
    if isinstance(value, Remote) and "torch.Tensor" in value._about.get("mro", ()):
        value = session().agent.to_array(value)
    try:
        array = np.array(value, copy=True, subok=False)
    except Exception as error:
        raise Misshapen("shape", f"is no array: {error}") from error
    if array.dtype.kind == "b":
        array = array.astype(np.float64)
    if array.dtype.kind not in "fiu":
        raise Misshapen("dtype", f"holds {array.dtype}, but real numbers were expected")
    return array
