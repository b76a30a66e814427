"""The interface of every layout."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from compare.cases import Case
from compare.submissions.orientation import Orientation
from compare.submissions.submission import Finding
from compare.submissions.things import Path
from twingrad.network import Network

Handed = dict[str, Any]
"""The inputs of the user's code, by our names, in its orientation: X, y, W1, ..."""


@dataclass
class Raw:
    """The results of the code for one case, by our names, in its orientation.

    Arguments:
        gradients, forward: as returned.
        unknown: keys that match no parameter.
        findings: further observations.
        updated: whether the gradients were told from an update of the parameters, which is meant
            to change them.
    """

    gradients: dict[str, Any]
    forward: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    updated: bool = False


def is_alive(raw: Raw, columns: bool) -> bool:
    """Whether the probabilities are finite and those of the samples differ; where there are none,
    whether the gradient of W1 is finite and not zero.

    Arguments:
        columns: whether samples are columns.
    """
    if "p" in raw.forward:
        p = np.asarray(raw.forward["p"])
        samples = p.T if columns else p
        return bool(np.isfinite(p).all() and (samples != samples[:1]).any())
    gradient = np.asarray(raw.gradients.get("W1", 0.0))
    return bool(np.isfinite(gradient).all() and gradient.any())


class Instance(Protocol):
    """One object of the user's that is called several times."""

    @property
    def testing(self) -> str:
        """How an evaluation is requested, in words."""
        ...

    @property
    def gives_scores(self) -> bool:
        """Whether an evaluation must return logits or probabilities and nothing else."""
        ...

    def train(self, case: Case) -> Raw:
        """Run a forward and a backward pass with the case's parameters."""
        ...

    def test(self, case: Case) -> list[np.ndarray] | None:
        """The results of an evaluation, samples in rows; None if there is no way to request one."""
        ...

    def state(self) -> list[tuple[Path, Any]]:
        """Everything that the object contains, by path."""
        ...


class Code(Protocol):
    """The user's code for one network, called in one way.

    Arguments:
        orientation: of all that it is given and returns.
        eps_forms: see Submission.
        notes: what is to be said and does not fail the check, filled as it runs.

        penalised: whether lambda reaches the code, as far as its last call showed.

    Each method may raise CodeFailure, or Unsupported where such a network cannot be had.
    """

    orientation: Orientation
    eps_forms: tuple[float, ...]
    notes: list[Finding]

    @property
    def penalised(self) -> bool: ...

    def for_network(self, network: Network) -> "Code":
        """The same way of calling it for another network."""
        ...

    def expected(self) -> list[str]:
        """The parameters whose gradients are required."""
        ...

    def hand_over(self, case: Case, dtype: str) -> Handed:
        """New arrays with the inputs of a case."""
        ...

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        """Run one forward and backward pass."""
        ...

    def cost(self, case: Case, handed: Handed) -> float | None:
        """The code's own cost; None if it has none."""
        ...

    def with_dropout(self, keep: float) -> "Code | None":
        """The same with dropout that keeps this share; None if that is not supported."""
        ...

    def instance(self, case: Case) -> Instance | None:
        """A new object with the code's state; None if there is no such object."""
        ...

    def assumed(self) -> dict[str, str]:
        """The assumptions, in words for the user."""
        ...


class Layout(ABC):
    """The user's code according to a layout.

    Arguments:
        name: of the layout.
        penalty_forms: see Submission.
        fixed: (inputs, hidden..., classes) where the code does one network only.
        depths: numbers of layers to try, in this order.
        says_no: whether the code itself says which networks it cannot do, so that an exception is
            never taken for that.
        modes: batch norm or not, as far as the text of the code tells.
        line: where the gradients are computed.
        scaled: whether its batch norm has gamma and beta.
        normalises: whether the names in the code say that it has batch norm.
    """

    name: str
    penalty_forms: tuple[str, ...] = ("full", "half")
    fixed: tuple[int, ...] | None = None
    depths: tuple[int, ...] = (3, 4, 2, 1)
    says_no: bool = False
    modes: tuple[bool, ...] = (False, True)
    line: int | None = None
    scaled: bool = True
    normalises: bool = True

    @abstractmethod
    def codes(self, network: Network) -> Iterator[Code]:
        """The ways of calling it for a network, the likeliest first."""

    def reordered(self, code: Code) -> Iterator[Code]:
        """The same way with the results of the forward function handed on in other orders; known
        after its first call."""
        yield from ()

    def rearranged(self, code: Code, case: Case) -> Iterator[Code]:
        """The same way with other arrays taken for gamma and beta, the likeliest first."""
        yield from ()

    def unplaced(self, code: Code, case: Case) -> list[str]:
        """The parameters that the code reads and that nothing was placed in."""
        return []


def one_hot(y: np.ndarray, classes: int, *, columns: bool, dtype: str) -> np.ndarray:
    """(classes, n), or (n, classes) if samples are rows."""
    Y = np.eye(classes, dtype=dtype)[y]  # (n, classes)
    return np.ascontiguousarray(Y.T) if columns else Y
