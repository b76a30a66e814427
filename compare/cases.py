"""The cases that `check` tries: networks with parameters and a minibatch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from twingrad.contract import Implementation
from twingrad.network import Masks, Network, Parameters
from twingrad.streams import stream


@dataclass(frozen=True)
class Case:
    """A network with its parameters and a minibatch, all float64.

    Arguments:
        name: for people.
        network, parameters, X, y, penalty: as in the contract.
        masks: of dropout; empty in a network without it.
    """

    name: str
    network: Network
    parameters: Parameters
    X: Float[np.ndarray, "n d"]
    y: Int[np.ndarray, " n"]
    penalty: float
    masks: Masks = field(default_factory=dict)

    @property
    def given(self) -> dict[str, Any]:
        """The keyword arguments of an implementation; without dropout it needs no masks."""
        return {"penalty": self.penalty, **({"masks": self.masks} if self.masks else {})}

    def forward(self, implementation: Implementation) -> Mapping[str, Any]:
        """Every intermediate of an implementation."""
        return implementation.forward(self.network, self.parameters, self.X, self.y, **self.given)

    def gradients(
        self, implementation: Implementation, upstream: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Every gradient of an implementation; with `upstream`, by teacher forcing."""
        forced: dict[str, Any] = {} if upstream is None else {"upstream": upstream}
        return implementation.gradients(
            self.network, self.parameters, self.X, self.y, **self.given, **forced
        )


def one_hot(y: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, "n classes"]:
    """The classes one-hot; y itself for a single unit."""
    return np.eye(classes)[y] if classes > 1 else 1.0 * y[:, None]


def random_case(network: Network, samples: int, *, penalty: float, seed: int) -> Case:
    """Standard normal samples, He initialisation of W, and random b, gamma and beta.

    With b = 0, gamma = 1 and beta = 0 several wrong gradients would be right by accident.
    """
    rng = stream(seed, "check")
    parameters: Parameters = {}
    for name, shape in network.parameter_shapes.items():
        if name.startswith("W"):
            parameters[name] = rng.standard_normal(shape) * (2 / shape[1]) ** 0.5
        elif name.startswith("gamma"):
            parameters[name] = rng.uniform(0.5, 1.5, shape)
        else:
            parameters[name] = 0.1 * rng.standard_normal(shape)
    return Case(
        name=f"{described(network)} n={samples} lambda={penalty:g}",
        network=network,
        parameters=parameters,
        X=rng.standard_normal((samples, network.inputs)),
        y=rng.integers(max(network.classes, 2), size=samples),
        penalty=penalty,
        masks=random_masks(network, samples, seed),
    )


def random_masks(network: Network, samples: int, seed: int) -> Masks:
    """Dropout masks from a separate stream, so that the samples do not depend on dropout."""
    return {
        name: stream(seed, "check masks", l).random((samples, *width)) >= network.dropout
        for l, (name, width) in enumerate(network.mask_shapes.items(), start=1)
    }


NORMALIZATION_WORDS = {"batch": " BN", "batch-after": " BN after", "layer": " LN"}


def described(network: Network) -> str:
    """A short description: "10-9-8-10 BN leaky dropout 0.3"."""
    words = "-".join(str(width) for width in network.widths)
    if not network.hidden:
        return words + end_words(network)
    words += NORMALIZATION_WORDS.get(network.normalization, "")
    if network.activation != "relu":
        words += f" {network.activation.replace('_', ' ')}"
    if network.dropout:
        words += f" dropout {network.dropout:g}"
    return words + end_words(network)


def end_words(network: Network) -> str:
    loss = "" if network.loss == "cross_entropy" else f" {network.loss.replace('_', ' ')}"
    return loss + (f" smoothing {network.smoothing:g}" if network.smoothing else "")


def standard_cases(seed: int) -> Iterator[Case]:
    """Small networks in which every parameter is probed: 1 to 9 layers, and special sizes.

    The special sizes are two samples, for which batch norm leaves no gradient; a width of 1; and no
    penalty. At least one network for every other kind of layer, and one with all of them, follow.
    """
    for batch_norm in (False, True):
        for hidden, samples, penalty in [
            ((), 7, 0.1),
            ((7,), 2, 0.005),
            ((1,), 5, 0.1),
            ((9, 8), 20, 0.0),
            ((12, 9, 8), 20, 0.005),
            ((10, 8, 7, 6), 30, 0.1),
            ((9, 8, 7, 6, 6, 6, 6, 6), 40, 0.005),
        ]:
            if hidden or not batch_norm:
                network = Network(10, hidden, 10, "batch" if batch_norm else "none")
                yield random_case(network, samples, penalty=penalty, seed=seed)
    for network, samples in further_networks():
        yield random_case(network, samples, penalty=0.005, seed=seed)


def further_networks() -> Iterator[tuple[Network, int]]:
    """Networks with the other kinds of layer, and their numbers of samples."""
    plain = Network(10, (9, 8), 10)
    for change, samples in [
        ({"normalization": "batch-after"}, 20),
        ({"normalization": "layer"}, 20),
        ({"normalization": "layer", "hidden": (2,)}, 7),
        ({"activation": "leaky_relu", "slope": 0.1}, 20),
        ({"dropout": 0.3}, 20),
        ({"smoothing": 0.1}, 20),
        ({"smoothing": 0.2, "hidden": ()}, 7),
        ({"loss": "binary_cross_entropy"}, 20),
        ({"loss": "squared_error", "normalization": "batch"}, 20),
        ({"loss": "squared_error", "classes": 1}, 20),
        ({"normalization": "batch", "dropout": 0.5, "smoothing": 0.1}, 20),
    ]:
        yield replace(plain, **change), samples  # type: ignore[arg-type]
    for normalization in ("batch-after", "layer"):
        yield (
            Network(10, (10, 8, 7, 6), 10, normalization, "leaky_relu", 0.2, 0.3, 0.1),
            30,
        )
