"""Minibatch gradient descent in torch, on the CPU or a GPU, with the data on the device.

`train` runs the fast form of the update (`torch_impl.learner`); `sgd_update` and `evaluate` are
the same on the module, plainly, and the fast form is tested against them.
"""

import contextlib
import os
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from torch_impl.layers import loss_and_cost
from torch_impl.learner import EVALUATION_CHUNK, TorchLearner
from torch_impl.network import TorchNetwork
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.history import Evaluation
from twingrad.initialization import initialize
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.training import OnEpoch, Run, run_training


def train(
    recipe: Recipe,
    dataset: Dataset,
    *,
    folder: RunFolder | None = None,
    on_epoch: OnEpoch | None = None,
    device: str = "cpu",
    deterministic: bool = False,
    tf32: bool = False,
    compiled: bool = False,
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
        compiled: compiles the update first, see `TorchLearner`.

    Raises:
        DivergedError: the cost became NaN or infinite.
        UserError: the device is not there, or no compiler where one is asked for.
    """
    place = find_device(device)
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    parameters = initialize(network, recipe.initialization, recipe.seed)
    with arithmetic(deterministic=deterministic, tf32=tf32):
        learner = TorchLearner(recipe, network, dataset, parameters, place, compiled=compiled)
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
    module: TorchNetwork,
    X: Tensor,
    y: Tensor,
    *,
    penalty: float,
    learning_rate: float,
    unpenalised_first_layer: bool = False,
) -> Float[Tensor, ""]:
    """One update of a module in training mode, running statistics included.

    Arguments:
        module: changed in place.
        X, y: the minibatch, on the module's device.
        penalty: lambda.
        learning_rate: eta.
        unpenalised_first_layer: leaves 2 lambda W1 out of the gradient of W1.

    Returns:
        The minibatch's cost before the update, on the device.
    """
    parameters = module.parameters_by_name()
    _, cost = loss_and_cost(module.network, module(X), y, parameters, penalty)
    derivatives = torch.autograd.grad(cost, list(parameters.values()))
    with torch.no_grad():
        for (name, value), derivative in zip(parameters.items(), derivatives, strict=True):
            if name == "W1" and unpenalised_first_layer:
                derivative = derivative - 2 * penalty * value
            value -= learning_rate * derivative
    return cost.detach()


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
