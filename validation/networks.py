"""The small networks in which faults are planted."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compare.cases import Case, random_case
from compare.derivation import forward_pass
from compare.numerics.derivatives import kinked
from twingrad.network import Network

CLASSES = 4


def networks(seed: int = 0) -> list[Case]:
    """2 to 5 layers with and without batch norm, and 3 layers with every other kind of layer.

    Some minibatches are smaller than the layers, so that G can be recovered from the gradient of W.
    Some layers have equal widths, so that W can be transposed or taken from another layer. The
    penalty is 0.1 or 0.
    """
    plain = [
        ((6,), False, 11, 0.1),
        ((6, 6), False, 5, 0.1),
        ((7, 6, 5), False, 7, 0.0),
        ((6,), True, 11, 0.1),
        ((6, 6), True, 5, 0.1),
        ((5, 6), True, 10, 0.0),
        ((5, 5, 5, 5), True, 13, 0.1),
    ]
    cases = [
        random_case(
            Network(8, hidden, CLASSES, "batch" if norm else "none"),
            samples,
            penalty=penalty,
            seed=seed,
        )
        for hidden, norm, samples, penalty in plain
    ]
    return [*cases, *special(seed), *of_further_kinds(seed)]


def of_further_kinds(seed: int) -> Iterator[Case]:
    """Networks with the kinds of layer other than batch norm before a ReLU."""
    plain = Network(8, (6, 6), CLASSES)
    for kinds, samples in [
        ({"normalization": "batch-after"}, 11),
        ({"normalization": "layer", "activation": "leaky_relu", "slope": 0.15}, 5),
        ({"normalization": "batch-after", "activation": "leaky_relu", "slope": 0.15}, 11),
        ({"normalization": "batch", "dropout": 0.3, "smoothing": 0.1}, 11),
        ({"normalization": "batch", "activation": "gelu"}, 11),
        ({"normalization": "batch-after", "activation": "gelu"}, 11),
        ({"normalization": "batch", "loss": "binary_cross_entropy"}, 11),
        ({"activation": "sigmoid", "loss": "squared_error"}, 5),
    ]:
        network = replace(plain, **kinds)  # type: ignore[arg-type]
        yield random_case(network, samples, penalty=0.1, seed=seed)


def is_further(network: Network) -> bool:
    """Whether it has kinds of layer that the other formulas and the outside faults do not cover."""
    batch_norm_or_none = network.normalization in ("none", "batch")
    softmax = network.loss == "cross_entropy" and not network.smoothing
    plain = network.activation == "relu" and not network.dropout and softmax
    return not (batch_norm_or_none and plain)


def special(seed: int) -> Iterator[Case]:
    """Networks with ReLU inputs of exactly 0, and with inputs so small that every eps matters."""
    for norm in (False, True):
        network = Network(8, (6, 5), CLASSES, "batch" if norm else "none")
        yield at_kink(random_case(network, 11, penalty=0.1, seed=seed))
    yield small_inputs(
        random_case(Network(7, (6,), CLASSES, "batch"), 10, penalty=0.1, seed=seed), 1e-4
    )


def at_kink(case: Case) -> Case:
    """The case with a ReLU input of exactly 0 in unit 0 of every hidden layer, for every sample."""
    parameters = {name: value.copy() for name, value in case.parameters.items()}
    kinds = ("gamma", "beta") if case.network.batch_norm else ("W", "b")
    for l in range(1, case.network.depth):
        for kind in kinds:
            parameters[f"{kind}{l}"][0] = 0
    return replace(case, name=f"{case.name} at a kink", parameters=parameters)


def touches_kink(case: Case) -> bool:
    """Whether a ReLU's input is exactly 0, so that the cost has no derivative there."""
    trace = forward_pass(case)
    return any(bool(np.any(trace[layer.input] == 0)) for layer in kinked(case.network))


def small_inputs(case: Case, factor: float) -> Case:
    """The case with the inputs and b of layer 1 multiplied by a factor."""
    parameters = case.parameters | {"b1": factor * case.parameters["b1"]}
    name = f"{case.name} inputs x {factor:g}"
    return replace(case, name=name, parameters=parameters, X=factor * case.X)
