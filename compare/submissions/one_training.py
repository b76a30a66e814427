"""An adapter's learner of one training, in the place of one of many side by side."""

from collections.abc import Iterable, Sequence
from typing import Any

from twingrad.dataset import Dataset
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe


class OneTraining:
    """An adapter whose `learner(recipe, network, dataset, parameters)` is of one training.

    Its learner has `run_epoch(order, learning_rates)` with rows (updates, n) and rates (updates,),
    `evaluate(part)` and `state()`, none of them of several networks.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self.learning_rates = getattr(module, "learning_rates", None)

    def learner(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> "OneLearner":
        """The only training."""
        [recipe], [initial] = recipes, list(parameters)
        return OneLearner(self.module.learner(recipe, network, dataset, initial))


class OneLearner:
    """Adapt a single training to the interface of a stack."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def run_epoch(self, inputs: EpochInputs) -> Any:
        return self.inner.run_epoch(inputs.order, inputs.learning_rates[0])

    def evaluate(self, part: str) -> list[Any]:
        return [self.inner.evaluate(part)]

    def state(self) -> list[Any]:
        return [self.inner.state()]
