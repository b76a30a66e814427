"""A plain minibatch gradient descent in small steps, each of which a mistake can replace.

The twin of `manual_impl.training`, for the catalogue alone: it is tested against it.
"""

import numpy as np
from jaxtyping import Float, Int

import manual_impl
from twingrad.dataset import Dataset
from twingrad.history import Evaluation, Part
from twingrad.network import Gradients, Network, Parameters, RunningStatistics, Trace
from twingrad.recipe import Recipe
from twingrad.schedule import learning_rates


class PlainLearner:
    """One training. Its methods are what can be got wrong."""

    def __init__(
        self, recipe: Recipe, network: Network, dataset: Dataset, parameters: Parameters
    ) -> None:
        self.recipe, self.network, self.dataset = recipe, network, dataset
        self.parameters = {name: value.copy() for name, value in parameters.items()}
        self.statistics: RunningStatistics = self.start()
        self.rates: list[float] = []

    def start(self) -> RunningStatistics:
        """Before the first minibatch there are none."""
        return {}

    def run_epoch(
        self,
        order: Int[np.ndarray, "updates batch"],
        learning_rates: Float[np.ndarray, " updates"],
    ) -> Float[np.ndarray, " updates"]:
        """Does the updates."""
        costs = []
        for rows, rate in zip(order, learning_rates.tolist(), strict=True):
            self.rates.append(rate)
            X, y = self.dataset.training.X[rows], self.dataset.training.y[rows]
            trace = self.trained_forward(X, y)
            costs.append(float(trace["cost"]))
            self.step(self.gradients(X, y, trace), self.rate())
            self.average(trace)
        return np.array(costs)

    def trained_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        """The forward pass of a minibatch, by its own statistics."""
        return manual_impl.forward(self.network, self.parameters, X, y, penalty=self.recipe.penalty)

    def gradients(self, X: np.ndarray, y: np.ndarray, trace: Trace) -> Gradients:
        """Of the cost."""
        penalty = self.recipe.penalty
        return manual_impl.backward(self.network, self.parameters, X, y, trace, penalty=penalty)

    def rate(self) -> float:
        """eta of this update."""
        return self.rates[-1]

    def step(self, gradients: Gradients, eta: float) -> None:
        """Against the gradient."""
        for name in self.parameters:
            self.parameters[name] = self.parameters[name] - eta * gradients[name]

    def average(self, trace: Trace) -> None:
        """Moves the running statistics."""
        alpha = self.alpha()
        for name in self.network.statistic_shapes:
            new = self.collected(name, trace)
            if name in self.statistics:
                new = alpha * self.statistics[name] + (1 - alpha) * new
            self.statistics[name] = new

    def alpha(self) -> float:
        """The share of the old value."""
        return self.recipe.alpha

    def collected(self, name: str, trace: Trace) -> np.ndarray:
        """What the minibatch adds to a running statistic."""
        return trace[name]

    def evaluate(self, part: Part) -> Evaluation:
        """Cost, loss and accuracy."""
        split = getattr(self.dataset, part)
        X, y = self.given(part, split.X), split.y
        trace = self.evaluated_forward(X, y)
        accuracy = float((trace["p"].argmax(axis=1) == y).mean())
        return Evaluation(float(trace["cost"]), float(trace["loss"]), accuracy)

    def given(self, part: Part, X: np.ndarray) -> np.ndarray:
        """The samples as the network gets them."""
        return X

    def evaluated_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        """The forward pass by the running statistics."""
        penalty = self.recipe.penalty
        return manual_impl.forward(
            self.network, self.parameters, X, y, penalty=penalty, statistics=self.statistics
        )

    def state(self) -> dict[str, np.ndarray]:
        """Copies of parameters and running statistics."""
        return {name: value.copy() for name, value in (self.parameters | self.statistics).items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from a state."""
        self.parameters = {name: state[name].copy() for name in self.network.parameter_shapes}
        self.statistics = {name: state[name].copy() for name in self.network.statistic_shapes}


schedule = learning_rates
"""The right one."""
