"""Minibatch gradient descent in NumPy: an update and an evaluation as one reads them, and the
learner, which does both by `manual_impl.fast` and `manual_impl.folded`."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from manual_impl.fast import Workspace, quietly
from manual_impl.folded import CHUNK, evaluate_folded
from manual_impl.network import backward, forward
from twingrad.dataset import Dataset, Split
from twingrad.history import Evaluation, Part
from twingrad.initialization import initialize
from twingrad.network import Network, Parameters, RunningStatistics, Trace
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.training import OnEpoch, Run, run_training


def train(
    recipe: Recipe,
    dataset: Dataset,
    *,
    folder: RunFolder | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Trains the recipe's network on the CPU.

    Arguments:
        recipe: what to train and how.
        dataset: in the recipe's dtype.
        folder: saves every epoch there, and continues from what it holds.
        on_epoch: called after each.

    Raises:
        DivergedError: the cost became NaN or infinite.
    """
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    parameters = initialize(network, recipe.initialization, recipe.seed)
    learner = ManualLearner(recipe, network, dataset, parameters)
    return run_training(learner, recipe, network, dataset, folder=folder, on_epoch=on_epoch)


def sgd_update(
    network: Network,
    parameters: Parameters,
    statistics: RunningStatistics,
    X: Float[np.ndarray, "n d"],
    y: Int[np.ndarray, " n"],
    *,
    penalty: float,
    learning_rate: float,
    alpha: float,
    unpenalised_first_layer: bool = False,
) -> float:
    """One update of parameters and running statistics, in place.

    Arguments:
        parameters: moved against the gradient.
        statistics: moved towards the minibatch's; empty before the first update.
        X, y: the minibatch.
        penalty: lambda.
        learning_rate: eta.
        alpha: share of the old value in a running statistic.
        unpenalised_first_layer: leaves 2 lambda W1 out of the gradient of W1.

    Returns:
        The minibatch's cost before the update. If it is NaN or infinite nothing is changed.
    """
    trace = forward(network, parameters, X, y, penalty=penalty)
    cost = float(trace["cost"])
    if not np.isfinite(cost):
        return cost
    gradients = backward(network, parameters, X, y, trace, penalty=penalty)
    if unpenalised_first_layer:
        gradients["W1"] = gradients["W1"] - 2 * penalty * parameters["W1"]
    for name, value in parameters.items():
        value -= learning_rate * gradients[name]
    update_statistics(network, statistics, trace, alpha)
    return cost


def update_statistics(
    network: Network, statistics: RunningStatistics, trace: Trace, alpha: float
) -> None:
    """Running mean and biased variance, in place: the first minibatch's at the first update."""
    for name in network.statistic_shapes:
        if name in statistics:
            statistics[name] = alpha * statistics[name] + (1 - alpha) * trace[name]
        else:
            statistics[name] = trace[name]


class ManualLearner:
    """Parameters, running statistics and data of one training.

    Its updates are those of `sgd_update` and its evaluations those of `evaluate`, by faster ways.

    Arguments:
        recipe: dtype, penalty and alpha.
        network: what the parameters belong to.
        dataset: in the recipe's dtype, or a narrower one that each minibatch is widened from.
        parameters: to start from; copied.
    """

    def __init__(
        self, recipe: Recipe, network: Network, dataset: Dataset, parameters: Parameters
    ) -> None:
        self.recipe, self.network, self.dataset = recipe, network, dataset
        self.parameters = {
            name: np.array(value, recipe.dtype, order="C") for name, value in parameters.items()
        }
        self.statistics: RunningStatistics = {}
        self.penalty = np.array([recipe.penalty])
        self.first_penalty = first_penalties([recipe])
        self.workspace = Workspace(network, 1, recipe.batch_size, recipe.dtype)

    def run_epoch(
        self,
        order: Int[np.ndarray, "updates batch"],
        learning_rates: Float[np.ndarray, " updates"],
    ) -> Float[np.ndarray, " updates"]:
        """Does the updates; stops at the first cost that is not finite."""
        training, costs, penalty = self.dataset.training, [], self.penalty
        workspace, parameters = self.workspace, stack_of_one(self.parameters)
        with quietly():
            workspace.begin(parameters)
            for rows, rate in zip(order, learning_rates, strict=True):
                workspace.load(training.X, training.y, rows)
                costs.append(workspace.costs(parameters, penalty)[0])
                if not np.isfinite(costs[-1]):
                    break
                workspace.descend(parameters, rate[None], penalty, self.first_penalty)
                minibatch = {name: value[0] for name, value in workspace.statistics.items()}
                update_statistics(self.network, self.statistics, minibatch, self.recipe.alpha)
        return np.array(costs)

    def evaluate(self, part: Part) -> Evaluation:
        """Cost, loss and accuracy of one part, with the running statistics."""
        split: Split = getattr(self.dataset, part)
        parameters, statistics = stack_of_one(self.parameters), stack_of_one(self.statistics)
        with quietly():
            [found] = evaluate_folded(self.network, parameters, statistics, split, self.penalty)
        return found

    def state(self) -> dict[str, np.ndarray]:
        """Copies of parameters and running statistics."""
        return {name: value.copy() for name, value in (self.parameters | self.statistics).items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from a state."""
        self.parameters = {name: state[name].copy() for name in self.network.parameter_shapes}
        self.statistics = {name: state[name].copy() for name in self.network.statistic_shapes}


def first_penalties(recipes: Sequence[Recipe]) -> Float[np.ndarray, " models"]:
    """lambda in the step of W1: 0 where a recipe leaves the penalty out of its gradient."""
    return np.array([0.0 if one.unpenalised_first_layer else one.penalty for one in recipes])


def stack_of_one(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Views with a leading model axis."""
    return {name: value[None] for name, value in values.items()}


def evaluate(
    network: Network,
    parameters: Parameters,
    statistics: RunningStatistics,
    split: Split,
    *,
    penalty: float,
    chunk: int = CHUNK,
) -> Evaluation:
    """Cost, loss and accuracy with the running statistics, a chunk of samples at a time.

    Arguments:
        statistics: of every layer with batch norm; not changed.
        split: what to evaluate.
        chunk: samples at a time.
    """
    loss, correct = 0.0, 0
    for start in range(0, len(split), chunk):
        X, y = split.X[start : start + chunk], split.y[start : start + chunk]
        trace = forward(network, parameters, X, y, penalty=penalty, statistics=statistics)
        loss += float(trace["loss"]) * len(y)
        correct += int((trace["p"].argmax(axis=1) == y).sum())
    loss /= len(split)
    return Evaluation(loss + float(trace["cost"] - trace["loss"]), loss, correct / len(split))
