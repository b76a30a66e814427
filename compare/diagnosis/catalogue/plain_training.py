"""A plain minibatch training, split into methods that a mistake can replace.

It is implemented separately for the catalogue and shares no arithmetic with either implementation;
otherwise it would share their mistakes. It supports what the settings of `compare.diagnosis.states`
use: batch norm before every activation or none, ReLU, and every optimiser.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from twingrad.dataset import Dataset
from twingrad.history import Evaluation, Part
from twingrad.minibatches import EpochInputs
from twingrad.network import Gradients, Network, Parameters, RunningStatistics, Trace
from twingrad.recipe import Recipe


class PlainLearner:
    """One training; subclasses override a method to make a mistake."""

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> None:
        [self.recipe], [start] = recipes, parameters
        self.network, self.dataset = network, dataset
        self.parameters = {name: value.copy() for name, value in start.items()}
        self.statistics: RunningStatistics = self.start()
        self.memory: dict[str, np.ndarray] = {}
        self.rates: list[float] = []

    def start(self) -> RunningStatistics:
        """The running statistics before the first minibatch: none."""
        return {}

    def run_epoch(self, inputs: EpochInputs) -> Float[np.ndarray, "1 updates"]:
        """Run the updates of an epoch and return their costs."""
        costs = []
        for rows, rate in zip(inputs.order, inputs.learning_rates[0].tolist(), strict=True):
            self.rates.append(rate)
            X, y = self.dataset.training.X[rows], self.dataset.training.y[rows]
            trace = self.trained_forward(X, y)
            costs.append(float(trace["cost"]))
            self.step(self.gradients(X, y, trace), self.rate())
            self.average(trace)
        return np.array([costs])

    # the network

    def trained_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        """The forward pass of a minibatch, with its own statistics."""
        return self.forward(X, y, {})

    def evaluated_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        """The forward pass with the running statistics."""
        return self.forward(X, y, self.statistics)

    def forward(self, X: np.ndarray, y: np.ndarray, statistics: RunningStatistics) -> Trace:
        """Every intermediate; with `statistics` instead of the minibatch's, if given."""
        P, k, x, trace = self.parameters, self.network.depth, X, {}
        for l in range(1, k + 1):
            trace[f"s{l}"] = z = x @ P[f"W{l}"].T + P[f"b{l}"]  # (n, m)
            if l == k:
                break
            if self.network.batch_norm:
                mu = statistics.get(f"mu{l}", z.mean(axis=0))  # (m,)
                v = statistics.get(f"v{l}", ((z - mu) ** 2).mean(axis=0))  # (m,)
                s_hat = (z - mu) / np.sqrt(v + self.network.eps)  # (n, m)
                z = P[f"gamma{l}"] * s_hat + P[f"beta{l}"]  # (n, m)
                trace |= {f"mu{l}": mu, f"v{l}": v, f"s_hat{l}": s_hat, f"s_tilde{l}": z}
            trace[f"x{l}"] = x = np.where(z <= 0, 0, z)  # (n, m)
        shifted = trace[f"s{k}"] - trace[f"s{k}"].max(axis=1, keepdims=True)  # (n, classes)
        total = np.exp(shifted).sum(axis=1)  # (n,)
        trace["p"] = np.exp(shifted) / total[:, None]  # (n, classes)
        trace["loss"] = np.mean(np.log(total) - shifted[np.arange(len(y)), y])
        norms = sum((P[f"W{l}"] ** 2).sum() for l in range(1, k + 1))
        trace["cost"] = trace["loss"] + self.recipe.penalty * norms
        return trace

    def gradients(self, X: np.ndarray, y: np.ndarray, trace: Trace) -> Gradients:
        """Gradients of the loss, without the penalty."""
        P, k, n, found = self.parameters, self.network.depth, len(y), {}
        G = trace["p"].copy()  # (n, classes)
        G[np.arange(n), y] -= 1
        G /= n
        for l in range(k, 0, -1):
            if l < k:
                z = trace.get(f"s_tilde{l}", trace[f"s{l}"])  # (n, m)
                G = np.where(z <= 0, 0, G)
            if l < k and self.network.batch_norm:
                s_hat, v = trace[f"s_hat{l}"], trace[f"v{l}"]  # (n, m), (m,)
                found[f"gamma{l}"], found[f"beta{l}"] = (G * s_hat).sum(axis=0), G.sum(axis=0)
                across = G.mean(axis=0) + s_hat * (G * s_hat).mean(axis=0)  # (n, m)
                G = P[f"gamma{l}"] / np.sqrt(v + self.network.eps) * (G - across)
            found[f"W{l}"] = G.T @ (X if l == 1 else trace[f"x{l - 1}"])  # (out, in)
            found[f"b{l}"] = G.sum(axis=0)  # (out,)
            G = G @ self.passed_through(f"W{l}", found[f"W{l}"])
        return found

    def passed_through(self, name: str, gradient: np.ndarray) -> np.ndarray:
        """The weights through which the gradient is passed down."""
        return self.parameters[name]

    # the update

    def rate(self) -> float:
        """The learning rate of this update."""
        return self.rates[-1]

    def step(self, gradients: Gradients, eta: float) -> None:
        """Update every parameter, given the gradients of the loss."""
        for name, w in self.parameters.items():
            G, decay = gradients[name], self.decay(name)
            if self.in_gradient():
                G = G + decay * w
            shrunk = self.shrunk(w, eta, decay) if self.decoupled() else w
            self.parameters[name] = self.moved(name, shrunk, self.direction(name, G, eta))

    def decay(self, name: str) -> float:
        """The factor of a parameter in the gradient of the penalty."""
        return 2 * self.recipe.penalty if name.startswith("W") else 0.0

    def in_gradient(self) -> bool:
        """Whether the gradient includes the penalty's part."""
        return not self.recipe.decoupled

    def decoupled(self) -> bool:
        """Whether weight decay is decoupled."""
        return self.recipe.decoupled

    def shrunk(self, w: np.ndarray, eta: float, decay: float) -> np.ndarray:
        """The parameter after a decoupled decay."""
        return w * (1 - eta * decay)

    def moved(self, name: str, w: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The parameter after its update."""
        return w - direction

    def direction(self, name: str, G: np.ndarray, eta: float) -> np.ndarray:
        """The optimiser's step, which is subtracted."""
        if self.recipe.optimizer == "momentum":
            return eta * self.velocity(name, G)
        if self.recipe.optimizer == "nesterov":
            return eta * self.looking_ahead(G, self.velocity(name, G))
        if self.recipe.optimizer == "adam":
            beta1, beta2 = self.betas()
            m = self.kept(f"m.{name}", beta1, (1 - beta1) * G)
            r = self.kept(f"r.{name}", beta2, (1 - beta2) * self.squared(G))
            first, second = self.corrections()
            return eta * (m / first) / self.root(r, second)
        return eta * G

    def kept(self, name: str, decay: float, new: np.ndarray) -> np.ndarray:
        """A decaying sum that starts at 0: decay times the old sum, plus the new value."""
        self.memory[name] = decay * self.memory.get(name, np.zeros_like(new)) + new
        return self.memory[name]

    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        """The decaying sum of the gradients."""
        return self.kept(name, self.recipe.momentum, G)

    def looking_ahead(self, G: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        """Nesterov's step: the gradient plus momentum times the velocity."""
        return G + self.recipe.momentum * velocity

    def betas(self) -> tuple[float, float]:
        """Adam's decay rates of the first and the second moment."""
        return self.recipe.beta1, self.recipe.beta2

    def squared(self, G: np.ndarray) -> np.ndarray:
        """The values that Adam's second moment averages."""
        return G**2

    def count(self) -> int:
        """Adam's t: the number of this update."""
        return len(self.rates)

    def corrections(self) -> tuple[float, float]:
        """The divisors that correct Adam's moments for their start at 0."""
        (beta1, beta2), t = self.betas(), self.count()
        return 1 - beta1**t, 1 - beta2**t

    def root(self, r: np.ndarray, correction: float) -> np.ndarray:
        """The denominator of Adam's step."""
        return np.sqrt(r / correction) + self.recipe.adam_eps

    # running statistics and evaluation

    def average(self, trace: Trace) -> None:
        """Update the running statistics."""
        alpha = self.alpha()
        for name in self.network.statistic_shapes:
            new = self.collected(name, trace)
            if name in self.statistics:
                new = alpha * self.statistics[name] + (1 - alpha) * new
            self.statistics[name] = new

    def alpha(self) -> float:
        """Weight of the old value in a running statistic."""
        return self.recipe.alpha

    def collected(self, name: str, trace: Trace) -> np.ndarray:
        """The minibatch's contribution to a running statistic."""
        return trace[name]

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Cost, loss and accuracy."""
        split = getattr(self.dataset, part)
        trace = self.evaluated_forward(self.given(part, split.X), split.y)
        accuracy = float((trace["p"].argmax(axis=1) == split.y).mean())
        return [self.reported(Evaluation(float(trace["cost"]), float(trace["loss"]), accuracy))]

    def given(self, part: Part, X: np.ndarray) -> np.ndarray:
        """The samples as they are given to the network."""
        return X

    def reported(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation as it is reported."""
        return evaluation

    def state(self) -> list[dict[str, np.ndarray]]:
        """Copies of parameters and running statistics."""
        return [{name: value.copy() for name, value in (self.parameters | self.statistics).items()}]
