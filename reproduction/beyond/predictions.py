"""Predictions of trained networks: ensembles, averaged weights, test-time flips.

The networks are evaluated by either backend's `forward`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Shaped

from twingrad import load_backend
from twingrad.augmentation import CHANNELS, image_side
from twingrad.dataset import Split
from twingrad.network import Network
from twingrad.training import State

CHUNK = 500
"""Number of samples evaluated at a time."""


def probabilities(
    network: Network, state: State, X: Shaped[np.ndarray, "n d"], backend: str, *, flips: bool
) -> Float[np.ndarray, "n classes"]:
    """What one network predicts with its running statistics, float64.

    Arguments:
        state: parameters and running statistics.
        backend: "manual" or "torch".
        flips: averages over each image and its mirror image.
    """
    forward = load_backend(backend).forward
    parameters = {name: state[name] for name in network.parameter_shapes}
    statistics = {name: state[name] for name in network.statistic_shapes}
    found = []
    for start in range(0, len(X), CHUNK):
        x = X[start : start + CHUNK]
        views = [x, mirrored(x)] if flips else [x]
        y = np.zeros(len(x), dtype=np.int64)  # the classes matter to the loss alone
        each = [
            np.asarray(
                forward(network, parameters, view, y, penalty=0.0, statistics=statistics)["p"],
                dtype=np.float64,
            )
            for view in views
        ]
        found.append(np.mean(each, axis=0))
    return np.concatenate(found)


def mirrored(X: Shaped[np.ndarray, "n d"]) -> Shaped[np.ndarray, "n d"]:
    """Each image mirrored left to right."""
    side = image_side(X.shape[1], 0)
    return X.reshape(len(X), CHANNELS, side, side)[..., ::-1].reshape(X.shape)


def accuracy(p: Float[np.ndarray, "n classes"], y: Int[np.ndarray, " n"]) -> float:
    """The fraction of samples whose class has the largest probability."""
    return float((p.argmax(axis=1) == y).mean())


def ensemble_accuracy(
    network: Network, members: Sequence[State], split: Split, backend: str, *, flips: bool
) -> float:
    """The accuracy of the members' mean probabilities."""
    each = [probabilities(network, one, split.X, backend, flips=flips) for one in members]
    return accuracy(np.mean(each, axis=0), split.y)


@dataclass
class Average:
    """The running mean of parameters over the ends of epochs (Izmailov et al. 2018).

    Arguments:
        count: states that it holds.
        total: the sum of each parameter, float64.
    """

    count: int = 0
    total: State = field(default_factory=dict)

    def add(self, state: State, names: Sequence[str]) -> None:
        """Add a state to the mean."""
        for name in names:
            value = state[name].astype(np.float64)
            self.total[name] = self.total[name] + value if self.count else value
        self.count += 1

    def mean(self, dtype: str) -> State:
        """The mean of every parameter.

        Running statistics are not included: those of the mean are not the mean of the running
        statistics, and must be computed from the data.
        """
        return {name: (value / self.count).astype(dtype) for name, value in self.total.items()}
