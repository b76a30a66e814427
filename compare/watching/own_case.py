"""The network of a pass as one of ours."""

from collections.abc import Sequence

import numpy as np

from compare.cases import Case
from compare.derivation import ACTIVATIONS
from compare.watching.activations import RELU
from compare.watching.labels import Labels
from compare.watching.rebuilt import Layer, Pass
from compare.watching.values import Values
from twingrad.network import EPS, Network, Parameters

WORKED_OUT = 1e-4
"""Largest error of a gamma or beta that was worked out of normalised values."""


def case_of(found: Pass, labels: Labels, name: str) -> Case:
    """The rebuilt network with its minibatch, without a penalty."""
    hidden = found.layers[:-1]
    activation = hidden[0].activation if hidden else RELU
    norms = {norm_name(layer.norm) for layer in hidden}
    eps = next((layer.norm.eps for layer in hidden if layer.norm is not None), EPS)
    dropout = share_dropped(hidden)
    network = Network(
        inputs=found.X.shape[1],
        hidden=tuple(len(layer.W) for layer in hidden),
        classes=len(found.layers[-1].W),
        normalization=norms.pop() if len(norms) == 1 else "none",
        activation=activation.kind,
        slope=activation.slope or 0.01,
        dropout=dropout,
        eps=eps,
        loss=labels.loss,
    )
    parameters: Parameters = {}
    masks = {}
    for l, layer in enumerate(found.layers, start=1):
        parameters[f"W{l}"], parameters[f"b{l}"] = layer.W, layer.b
        if f"gamma{l}" in network.parameter_shapes and layer.norm is not None:
            parameters[f"gamma{l}"], parameters[f"beta{l}"] = layer.norm.gamma, layer.norm.beta
        if network.dropout and l <= len(hidden):
            masks[f"mask{l}"] = mask_of(layer, 1 - dropout)
    return Case(name, network, parameters, found.X, labels.y, 0.0, masks)


def share_dropped(hidden: Sequence[Layer]) -> float:
    """The dropout probability; 0 without dropout.

    It is that by which the program divides, or about the share of units dropped if it does not
    divide.
    """
    dropping = [layer for layer in hidden if layer.mask is not None]
    dropout = max((1 - 1 / layer.factor for layer in dropping), default=0.0)
    if dropping and not 0 < dropout < 1:
        alive = [layer.x is None or layer.x.rows != 0 for layer in dropping]
        kept = [layer.mask[at].mean() for layer, at in zip(dropping, alive, strict=True)]  # type: ignore[index]
        dropout = round(1 - float(np.mean(kept)), 2) or 0.01  # any will do: see `mask_of`
    return dropout if 0 < dropout < 1 else 0.0


def mask_of(layer: Layer, keep: float) -> np.ndarray:
    """The mask (n, out) that gives the layer's output if what is kept is divided by `keep`."""
    mask = np.ones(layer.s.shape, bool) if layer.mask is None else layer.mask
    factor = 1.0 if layer.mask is None else layer.factor
    return mask if abs(factor * keep - 1) < 1e-6 else mask * (factor * keep)


def absent(values: Values, case: Case) -> frozenset[str]:
    """The parameters that the program does not have: b and beta of 0, and gamma of 1, where no
    array of the recording is that."""

    def held(vector: np.ndarray) -> bool:
        if vector.size == 1:  # recorded as a number
            return vector[0] in values.numbers(len(values.recording.events))
        seen = values.of_shape(vector.shape)
        return any(np.array_equal(value.array, vector) for value in seen)

    def near(vector: np.ndarray, number: float) -> bool:
        return bool(np.abs(vector - number).max() < WORKED_OUT)

    found = set()
    for name, array in case.parameters.items():
        kind = name.rstrip("0123456789")
        neutral = kind in ("b", "gamma") and near(array, float(kind == "gamma"))
        if neutral and not held(array):
            found.add(name)
            beta = name.replace("gamma", "beta")
            if kind == "gamma" and near(case.parameters[beta], 0.0):
                found.add(beta)
    return frozenset(found)


def different_kinds(found: Pass) -> str:
    """What differs between the hidden layers, in words; "" if they are alike.

    A ReLU beside a leaky ReLU may be a mistake, and is judged as one.
    """
    hidden = found.layers[:-1]
    kinds = list(dict.fromkeys(layer.activation.kind for layer in hidden))
    if len(kinds) > 1 and not set(kinds) <= {"relu", "leaky_relu"}:
        return f"activations ({', '.join(ACTIVATIONS[kind].name for kind in kinds)})"
    norms = list(dict.fromkeys(norm_name(layer.norm) for layer in hidden))
    return f"normalisations ({', '.join(norms)})" if len(norms) > 1 else ""


def norm_name(norm: object) -> str:
    """The recipe's name of a normalisation."""
    if norm is None:
        return "none"
    kind, after = norm.kind, norm.after  # type: ignore[attr-defined]
    return "batch-after" if kind == "batch" and after else kind
