"""Activations, one entry each. The letters are those after a batch norm: the input is s_tilde."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

from compare.derivation.place import Derivation, Place, Step, Term, zero

Function = Callable[[np.ndarray, float], np.ndarray]
"""A function of every entry of the input, and of a leaky ReLU's slope below 0."""


def slope_of(at: Place) -> float:
    """The slope below 0: that of a leaky ReLU, otherwise 0."""
    return at.slope if at.layer.kind == "leaky_relu" else 0.0


def negative(at: Place) -> float:
    """The coefficient of a term that is subtracted."""
    return -1.0


BENT = (
    Term(
        "above",
        "what is above 0",
        "",
        lambda at: np.maximum(at.s_tilde, 0),
        back=(("mask", "above"),),
    ),
    Term(
        "below",
        "what is below 0",
        "",
        lambda at: np.minimum(at.s_tilde, 0),
        slope_of,
        back=(("mask", "below"), ("mask", "at 0")),
    ),
)

BENT_BACK = (
    Term("above", "the gradient above 0", "G_x", lambda at: np.where(at.s_tilde > 0, at.G_x, 0)),
    Term(
        "below",
        "the gradient below 0",
        "",
        lambda at: np.where(at.s_tilde < 0, at.G_x, 0),
        slope_of,
    ),
    Term(
        "at 0",
        "the gradient at exactly 0",
        "",
        lambda at: np.where(at.s_tilde == 0, at.G_x, 0),
        slope_of,
    ),
)

GELU_BACK = (
    Term("Phi", "the gradient times Phi", "Phi(s_tilde)", lambda at: at.G_x * ndtr(at.s_tilde)),
    Term(
        "density",
        "the gradient times s phi",
        "s_tilde phi(s_tilde)",
        lambda at: at.G_x * at.s_tilde * density(at.s_tilde),
    ),
    Term(
        "density alone", "the gradient times phi", "", lambda at: at.G_x * density(at.s_tilde), zero
    ),
    Term("G", "the gradient itself", "", lambda at: at.G_x, zero),
)

TANH_BACK = (
    Term("G", "the gradient itself", "G_x", lambda at: at.G_x),
    Term("square", "the gradient times x^2", "x^2", lambda at: at.G_x * at.x**2, negative),
    Term("first power", "the gradient times x", "", lambda at: at.G_x * at.x, zero),
)

SIGMOID_BACK = (
    Term("first power", "the gradient times x", "x - x^2", lambda at: at.G_x * at.x),
    Term("square", "the gradient times x^2", "x^2", lambda at: at.G_x * at.x**2, negative),
    Term("G", "the gradient itself", "", lambda at: at.G_x, zero),
)


@dataclass(frozen=True)
class Activation:
    """One activation.

    Arguments:
        name: for people.
        formula, why, code: of x, as in `Step`.
        formula_back, why_back, code_back: of the gradient by s_tilde.
        value: computes x from s_tilde.
        slope: computes d x / d s_tilde.
        terms_back: the summands of the gradient by s_tilde.
        kink: whether it has a kink at 0, where central differences are meaningless.
    """

    name: str
    formula: str
    why: str
    code: str
    formula_back: str
    why_back: str
    code_back: str
    value: Function
    slope: Function
    terms_back: tuple[Term, ...]
    kink: bool = False

    @property
    def derivation(self) -> Derivation:
        """The activation's two steps."""
        title = f"{self.name} of layer {{l}}"
        return Derivation(
            forward=(
                Step(
                    "x",
                    title,
                    self.formula,
                    self.why,
                    self.code,
                    lambda at: self.value(at.s_tilde, at.slope),
                    terms=BENT if self.kink else (),
                ),
            ),
            backward=(),
            down=Step(
                "mask",
                title,
                self.formula_back,
                self.why_back,
                self.code_back,
                lambda at: self.passed(at, at.s_tilde),
                terms=self.terms_back,
            ),
        )

    def passed(self, at: Place, z: np.ndarray) -> np.ndarray:
        """The gradient of x times the slope at z."""
        slope = self.slope(z, at.slope)
        return np.where(slope == 0, 0, at.G_x * slope)


def density(z: np.ndarray) -> np.ndarray:
    """phi, the density of the normal distribution."""
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


ACTIVATIONS = {
    "relu": Activation(
        name="ReLU",
        formula="x = max(0, s_tilde)",
        why="What is negative is cut off.",
        code="run.trace[self.output] = np.maximum(s, s.dtype.type(0))  # (n, m), faster than where",
        formula_back="G_s_tilde = G_x where s_tilde > 0, else 0",
        why_back="d max(0, s) / d s is 1 where s > 0 and, by convention, 0 at 0.",
        code_back="return run.gradients[self.output] * (s > 0).astype(s.dtype)  # (n, m)",
        value=lambda z, a: np.maximum(z, 0),
        slope=lambda z, a: np.where(z > 0, 1.0, 0.0),
        terms_back=BENT_BACK,
        kink=True,
    ),
    "leaky_relu": Activation(
        name="leaky ReLU",
        formula="x = s_tilde where s_tilde > 0, else slope s_tilde",
        why="What is negative is not cut off, but made small by the slope.",
        code="run.trace[self.output] = np.where(s.real > 0, s, self.slope * s)  # (n, m)",
        formula_back="G_s_tilde = G_x where s_tilde > 0, else slope G_x",
        why_back="d x / d s is 1 where s > 0, else the slope; at 0 too, by convention.",
        code_back="return np.where(s > 0, G, self.slope * G)  # (n, m)",
        value=lambda z, a: np.where(z > 0, z, a * z),
        slope=lambda z, a: np.where(z > 0, 1.0, a),
        terms_back=BENT_BACK,
        kink=True,
    ),
    "gelu": Activation(
        name="GELU",
        formula="x = s_tilde Phi(s_tilde)",
        why="Each value is weighted by the share of a normal distribution that lies below it.",
        code="run.trace[self.output] = s * ndtr(s).astype(s.dtype)  # (n, m)",
        formula_back="G_s_tilde = G_x (Phi(s_tilde) + s_tilde phi(s_tilde))",
        why_back="The product rule: Phi' is phi, the density exp(-s^2 / 2) / sqrt(2 pi).",
        code_back="slope = (ndtr(s) + s * density).astype(s.dtype)  # (n, m)",
        value=lambda z, a: z * ndtr(z),
        slope=lambda z, a: ndtr(z) + z * density(z),
        terms_back=GELU_BACK,
    ),
    "tanh": Activation(
        name="tanh",
        formula="x = tanh(s_tilde)",
        why="Every value is squeezed into (-1, 1).",
        code="run.trace[self.output] = np.tanh(s)  # (n, m)",
        formula_back="G_s_tilde = G_x (1 - x^2)",
        why_back="d tanh(s) / d s is 1 - tanh(s)^2, and tanh(s) is x.",
        code_back="return run.gradients[self.output] * (1 - x * x)",
        value=lambda z, a: np.tanh(z),
        slope=lambda z, a: 1 / np.cosh(np.minimum(np.abs(z), 350)) ** 2,
        terms_back=TANH_BACK,
    ),
    "sigmoid": Activation(
        name="sigmoid",
        formula="x = 1 / (1 + exp(-s_tilde))",
        why="Every value is squeezed into (0, 1).",
        code="return np.tanh(s / 2) / 2 + 0.5",
        formula_back="G_s_tilde = G_x (x - x^2)",
        why_back="d x / d s is exp(-s) / (1 + exp(-s))^2, the product of x and 1 - x.",
        code_back="return run.gradients[self.output] * (x * (1 - x))",
        value=lambda z, a: expit(z),
        slope=lambda z, a: expit(z) * expit(-z),
        terms_back=SIGMOID_BACK,
    ),
}
"""By kind."""
