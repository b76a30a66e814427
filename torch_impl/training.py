"""Minibatch gradient descent in torch, on the CPU or a GPU, with the data on the device."""

import contextlib
import os
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.dataset import Dataset
from common.errors import UserError
from common.history import Evaluation, Part
from common.initialization import initialize
from common.network import Network, Parameters
from common.recipe import Recipe
from common.run_folder import RunFolder
from common.training import OnEpoch, Run, run_training
from torch_impl.layers import Tensors, loss_and_cost
from torch_impl.network import TorchNetwork

CPU = torch.device("cpu")
EVALUATION_CHUNK = {"cpu": 500, "cuda": 10_000}
"""Samples evaluated at a time: on a CPU few enough for the cache, on a GPU enough to fill it."""


def train(
    recipe: Recipe,
    dataset: Dataset,
    *,
    folder: RunFolder | None = None,
    on_epoch: OnEpoch | None = None,
    device: str = "cpu",
    deterministic: bool = False,
    tf32: bool = False,
) -> Run:
    """Trains the recipe's network.

    Arguments:
        recipe: what to train and how.
        dataset: in the recipe's dtype; copied to the device once.
        folder: saves every epoch there, and continues from what it holds.
        on_epoch: called after each.
        device: "cpu", "cuda" or "cuda:N".
        deterministic: only kernels that give the same bits every time, or an error.
        tf32: lets the GPU round the factors of float32 products to 10 bits.

    Raises:
        DivergedError: the cost became NaN or infinite.
        UserError: the device is not there.
    """
    place = find_device(device)
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    parameters = initialize(network, recipe.initialization, recipe.seed)
    with arithmetic(deterministic=deterministic, tf32=tf32):
        learner = TorchLearner(recipe, network, dataset, parameters, place)
        return run_training(learner, recipe, network, dataset, folder=folder, on_epoch=on_epoch)


def find_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        UserError: no such name, or no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in EVALUATION_CHUNK:
        raise UserError(f"--device is {name!r}, but cpu, cuda or cuda:N was expected")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"--device is {name!r}, but torch {torch.__version__} finds "
            f"{torch.cuda.device_count()} CUDA devices here; use --device cpu"
        )
    return device


@contextlib.contextmanager
def arithmetic(*, deterministic: bool, tf32: bool) -> Iterator[None]:
    """torch's global switches for the time of a training."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    precision = torch.get_float32_matmul_precision()
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    torch.use_deterministic_algorithms(deterministic)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        torch.set_float32_matmul_precision(precision)


def sgd_update(
    module: TorchNetwork, X: Tensor, y: Tensor, *, penalty: float, learning_rate: float
) -> Float[Tensor, ""]:
    """One update of a module in training mode, running statistics included.

    Arguments:
        module: changed in place.
        X, y: the minibatch, on the module's device.
        penalty: lambda.
        learning_rate: eta.

    Returns:
        The minibatch's cost before the update, on the device.
    """
    parameters = module.parameters_by_name()
    _, cost = loss_and_cost(module.network, module(X), y, parameters, penalty)
    derivatives = torch.autograd.grad(cost, list(parameters.values()))
    with torch.no_grad():
        for value, derivative in zip(parameters.values(), derivatives, strict=True):
            value -= learning_rate * derivative
    return cost.detach()


class TorchLearner:
    """The module and the data of one training, all on one device.

    Arguments:
        recipe: dtype, penalty and alpha.
        network: what the parameters belong to.
        dataset: in the recipe's dtype, or a narrower one that each minibatch is widened from.
        parameters: to start from; copied.
        device: where everything is computed.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        dataset: Dataset,
        parameters: Parameters,
        device: torch.device = CPU,
    ) -> None:
        self.recipe, self.network, self.device = recipe, network, device
        self.dtype: torch.dtype = getattr(torch, recipe.dtype)
        self.data: dict[Part, tuple[Tensor, Tensor]] = {}
        for part in ("training", "validation", "test"):
            split = getattr(dataset, part)
            X, y = torch.from_numpy(split.X), torch.from_numpy(split.y)
            self.data[part] = (X.to(device), y.to(device))
        self._set_module(parameters, None)

    def _set_module(self, parameters: Parameters, statistics: Parameters | None) -> None:
        self.module = TorchNetwork(
            self.network,
            parameters,
            statistics,
            alpha=self.recipe.alpha,
            dtype=self.dtype,
            device=self.device,
        )

    def run_epoch(
        self,
        order: Int[np.ndarray, "updates batch"],
        learning_rates: Float[np.ndarray, " updates"],
    ) -> Float[np.ndarray, " updates"]:
        """Does the updates. The costs stay on the device until the end, so nothing waits."""
        X, y = self.data["training"]
        rows_on_device = torch.from_numpy(order).to(self.device)
        self.module.train()
        costs = [
            sgd_update(
                self.module,
                X[rows].to(self.dtype),
                y[rows],
                penalty=self.recipe.penalty,
                learning_rate=learning_rate,
            )
            for rows, learning_rate in zip(rows_on_device, learning_rates.tolist(), strict=True)
        ]
        return torch.stack(costs).double().cpu().numpy()

    def evaluate(self, part: Part) -> Evaluation:
        """Cost, loss and accuracy of one part, with the running statistics."""
        return evaluate(
            self.module,
            *self.data[part],
            penalty=self.recipe.penalty,
            chunk=EVALUATION_CHUNK[self.device.type],
        )

    def state(self) -> dict[str, np.ndarray]:
        """Copies of parameters and running statistics, as arrays."""
        tensors: Tensors = self.module.parameters_by_name() | self.module.statistics()
        return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from a state."""
        self._set_module(state, {name: state[name] for name in self.network.statistic_shapes})


@torch.no_grad()
def evaluate(
    module: TorchNetwork, X: Tensor, y: Tensor, *, penalty: float, chunk: int
) -> Evaluation:
    """Cost, loss and accuracy with the running statistics, a chunk of samples at a time.

    Arguments:
        module: not changed, but for being left in evaluation mode.
        X, y: samples and classes, on the module's device.
        penalty: lambda.
        chunk: samples at a time.
    """
    module.eval()
    total = torch.zeros((), dtype=torch.float64, device=X.device)
    correct = torch.zeros((), dtype=torch.int64, device=X.device)
    parameters = module.parameters_by_name()
    for X_chunk, y_chunk in zip(X.split(chunk), y.split(chunk), strict=True):
        logits = module(X_chunk)
        loss, cost = loss_and_cost(module.network, logits, y_chunk, parameters, penalty)
        total += loss.double() * len(y_chunk)
        correct += (logits.argmax(dim=1) == y_chunk).sum()
    mean = float(total) / len(y)
    return Evaluation(mean + float(cost - loss), mean, int(correct) / len(y))
