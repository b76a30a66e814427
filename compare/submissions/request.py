"""What the user's code is asked for: networks, and the cases that both sides create from them."""

from dataclasses import dataclass, replace

import numpy as np

from compare.cases import Case, random_case
from compare.derivation import ACTIVATIONS
from twingrad.network import EPS, Network

INPUTS, CLASSES = 10, 10
WIDTHS = (9, 8, 7, 6, 5, 4, 3, 2)
"""Widths of the hidden layers; all differ, so that a transposed matrix is noticed."""


@dataclass(frozen=True)
class CaseSpec:
    """Everything needed to create the same case in either process.

    Arguments:
        hidden, batch_norm, inputs, classes, eps: the network.
        samples: n.
        penalty: the number that is handed to the user's code as it is, whatever it means there.
        seed: of parameters and samples.
        at_kink: the input of unit 0 of every ReLU is exactly 0, for every sample.
        activation, slope: of the network; the slope of a leaky ReLU alone.
        scaled: whether batch norm has gamma and beta; if not, they are 1 and 0.
        smoothing: share of the labels that is spread over all classes.
        loss: of the network; unit: what the code's is times that, see `derivation.units`.
    """

    hidden: tuple[int, ...]
    batch_norm: bool
    inputs: int
    classes: int
    samples: int
    penalty: float
    seed: int
    at_kink: bool = False
    eps: float = EPS
    activation: str = "relu"
    slope: float = 0.0
    scaled: bool = True
    smoothing: float = 0.0
    loss: str = "cross_entropy"
    unit: float = 1.0

    @property
    def network(self) -> Network:
        """The network of the case."""
        return Network(
            self.inputs,
            self.hidden,
            self.classes,
            "batch" if self.batch_norm else "none",
            self.activation,
            self.slope or Network.slope,
            smoothing=self.smoothing,
            eps=self.eps,
            loss=self.loss,
        )

    @property
    def expected(self) -> list[str]:
        """The parameters that the code has."""
        return expected(self.network, self.scaled)

    def case(self) -> Case:
        """The case, float64."""
        case = random_case(self.network, self.samples, penalty=self.penalty, seed=self.seed)
        for name in case.parameters.keys() - set(self.expected):
            case.parameters[name][...] = name.startswith("gamma")
        if self.at_kink:
            # s itself stays: at v = 0 batch norm would make infinities of rounding
            kinds = ("gamma", "beta") if self.batch_norm else ("W", "b")
            for l in range(1, case.network.depth):
                for kind in kinds:
                    case.parameters[f"{kind}{l}"][0] = 0
        return case


def in_units(spec: CaseSpec) -> CaseSpec:
    """The case whose loss times `unit` is the code's: with the penalty divided by it."""
    return replace(spec, penalty=spec.penalty / spec.unit, unit=1.0)


def expected(network: Network, scaled: bool) -> list[str]:
    """The parameters of a network, without gamma and beta if its batch norm has none."""
    return [n for n in network.parameter_shapes if scaled or not n.startswith(("gamma", "beta"))]


@dataclass(frozen=True)
class Request:
    """What to try; None leaves the choice to what the code supports.

    Arguments:
        hidden: widths of the hidden layers.
        batch_norm: only with it, or only without.
        inputs, samples, penalty: in place of those of the cases.
        seed: of every case.
        dtype: in which samples and parameters are handed over: float64, float32, float16.
        activation, slope, scaled, smoothing, loss, unit: see CaseSpec.
    """

    hidden: tuple[int, ...] | None = None
    batch_norm: bool | None = None
    inputs: int | None = None
    samples: int | None = None
    penalty: float | None = None
    seed: int = 0
    dtype: str = "float64"
    activation: str = "relu"
    slope: float = 0.0
    scaled: bool = True
    smoothing: float = 0.0
    loss: str = "cross_entropy"
    unit: float = 1.0


def trial(
    request: Request, depth: int, batch_norm: bool, fixed: tuple[int, ...] | None = None
) -> CaseSpec:
    """The case on which ways of calling the code are tried.

    No matrix is square there and samples are as many as nothing else, unless the user wants so.

    Arguments:
        fixed: (inputs, hidden..., classes) where the code can do no other.
    """
    hidden, inputs, classes = WIDTHS[: depth - 1], INPUTS if depth > 1 else INPUTS + 3, CLASSES
    if fixed is not None:
        inputs, hidden, classes = fixed[0], fixed[1:-1], fixed[-1]
    return CaseSpec(
        hidden=hidden if request.hidden is None else request.hidden,
        batch_norm=batch_norm,
        inputs=request.inputs or inputs,
        classes=classes,
        samples=request.samples or 12,
        penalty=0.1 if request.penalty is None else request.penalty,
        seed=request.seed,
        activation=request.activation,
        slope=request.slope,
        scaled=request.scaled,
        smoothing=request.smoothing,
        loss=request.loss,
        unit=request.unit,
    )


def specs(
    request: Request, batch_norm: bool, depth: int | None, fixed: tuple[int, ...] | None, eps: float
) -> list[CaseSpec]:
    """The cases of one mode.

    Arguments:
        depth: the only number of affine layers that the code can do; None if any.
        fixed: (inputs, hidden..., classes) where the code can do no other.
        eps: what the code is expected to add to the variance.

    Returns:
        With `request.hidden` that network, with and without penalty. Else a plain case, one
        without penalty, one of equal widths (there no shape betrays a wrong or turned W), and
        one at the kink of the activation if it has one.
    """
    first = replace(trial(request, depth or 3, batch_norm, fixed), eps=eps)
    without = replace(first, penalty=0.0, seed=first.seed + 1)
    if request.hidden is not None:
        return [first] if first.penalty == 0 else [first, without]
    equal = replace(first, samples=request.samples or 11, seed=first.seed + 2)
    kink = replace(first, samples=request.samples or 9, seed=first.seed + 3, at_kink=True)
    if request.penalty is None:
        equal = replace(equal, penalty=0.05)
    if fixed is None:
        layers = 3 if depth is None else depth - 1
        # wider than the minibatch, so that gradients by s can be recovered from those of W
        equal = replace(equal, hidden=(14,) * layers, inputs=request.inputs or 14)
        kink = replace(kink, hidden=(7, 6, 5, 4, 3)[: (depth or 3) - 1])
    kinked = (
        first.hidden
        and ACTIVATIONS[request.activation].kink
        and (first.scaled or not batch_norm)  # it takes gamma and beta of 0
    )
    return [first, without, equal, kink] if kinked else [first, without, equal]


def as_request(values: dict) -> Request:
    """The request in a JSON object."""
    hidden = values["hidden"]
    return Request(**{**values, "hidden": None if hidden is None else tuple(hidden)})


def cast(value: np.ndarray, dtype: str) -> np.ndarray:
    """A new array of this dtype; integers are unchanged."""
    return value.astype(dtype) if value.dtype.kind == "f" else value.copy()
