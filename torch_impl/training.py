"""Minibatch gradient descent in torch, for one network or many side by side, on a CPU or GPU."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from torch_impl.capture import require_compiler
from torch_impl.layers import Pass, Tensors, build, run_layers, squared_norm
from torch_impl.losses import mean_loss
from torch_impl.network import as_tensors
from torch_impl.stack import Stack
from twingrad.allocation import keep_freed_memory
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.history import Evaluation, Part
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.training import (
    EVERY_EPOCH,
    PARTS,
    Checkpoint,
    Diverged,
    OnEpoch,
    OnStackEpoch,
    Run,
    State,
    require_memory,
    train_one,
    train_stack,
)

UNSHARED_STACK = 8
"""Networks updated at a time on a CPU if each has its own minibatches of 1.2 MB. This limits
memory; updating all at once would be somewhat faster."""

CHUNK = {"cpu": 8_000, "cuda": 250_000}
"""Samples times networks evaluated at a time: on a CPU few enough for the cache, on a GPU about as
much memory as the networks take."""

MAX_SAMPLES = {"cpu": 500, "cuda": 10_000}
"""Maximum number of samples evaluated at a time."""


class TorchLearner:
    """N trainings on the same data, all on one device.

    Arguments:
        recipes: of one stack.
        network: the architecture of all of them.
        dataset: in the recipes' dtype, or in a narrower one from which each minibatch is converted.
        parameters: initial values of each network, read one network at a time and copied.
        device: the device that trains and evaluates.
        compiled: compile the update: faster after half a minute of compiling.

    Raises:
        UserError: there is no such device, or no C++ compiler for `compiled`.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
        device: str | torch.device = "cpu",
        *,
        compiled: bool = False,
    ) -> None:
        keep_freed_memory()
        self.network, self.device = network, find_device(str(device))
        self.dtype: torch.dtype = getattr(torch, recipes[0].dtype)
        if compiled:
            require_compiler()
        self.data = {part: on_device(getattr(dataset, part), self.device) for part in PARTS}
        shared = len({recipe.draws for recipe in recipes}) == 1
        self.stack_size = len(recipes) if shared or self.device.type == "cuda" else UNSHARED_STACK
        training = cast(tuple[Tensor, Tensor], (self.data["training"].X, self.data["training"].y))
        kernels = Stack.compiled() if compiled else None
        self.stacks = [
            Stack(recipes[i : i + self.stack_size], network, training, kernels)
            for i in range(0, len(recipes), self.stack_size)
        ]
        self.diverged = np.zeros(len(recipes), dtype=bool)
        self.restore(parameters)

    def run_epoch(self, inputs: EpochInputs) -> Float[np.ndarray, "networks updates"]:
        """Run the updates of an epoch, without waiting for the device before the end."""
        draws = {"order": inputs.order, **inputs.masks}
        if inputs.augmentation is not None:
            draws |= vars(inputs.augmentation)
        rates, costs = inputs.learning_rates.T, np.empty(inputs.learning_rates.shape)
        for i, stack in enumerate(self.stacks):
            networks = slice(i * self.stack_size, (i + 1) * self.stack_size)
            stack_draws = draws
            if not inputs.shared:  # (networks, updates, ...)
                stack_draws = {
                    name: np.swapaxes(value[networks], 0, 1) for name, value in draws.items()
                }
                if not stack.penalty.shape:
                    stack_draws = {name: value[:, 0] for name, value in stack_draws.items()}
            stack_costs = stack.run_epoch(stack_draws, rates[:, networks], self.diverged[networks])
            costs[networks] = stack_costs.double().cpu().numpy().reshape(len(rates), -1).T
        self.updates += len(rates)
        diverged = np.logical_or.accumulate(~np.isfinite(costs), axis=1)
        diverged_before = np.pad(diverged, ((0, 0), (1, 0)))[:, :-1] | self.diverged[:, None]
        self.diverged |= diverged[:, -1]
        return np.where(diverged_before, np.nan, costs)

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Evaluate every network with its running statistics; NaN for a diverged network.

        Raises:
            RuntimeError: the network has batch norm but no running statistics yet.
        """
        if self.network.statistic_shapes and not self.updates:
            raise RuntimeError("evaluation needs running statistics: train on a minibatch first")
        evaluations: list[Evaluation] = []
        for stack in self.stacks:
            kind, networks = self.device.type, stack.penalty.numel()
            evaluations += evaluate(
                self.network,
                stack.parameters,
                stack.statistics,
                self.data[part],
                penalty=stack.penalty,
                chunk=max(100, min(MAX_SAMPLES[kind], CHUNK[kind] // networks)),
            )
        for i in np.flatnonzero(self.diverged):
            evaluations[i] = Evaluation(np.nan, np.nan, np.nan)
        return evaluations

    @torch.no_grad()
    def take_precise_statistics(self) -> None:
        """Replace the running statistics by those of the training set as a single minibatch."""
        X = torch.as_tensor(self.data["training"].X).to(self.dtype)
        for stack in self.stacks:
            for i in range(stack.penalty.numel()):
                run = Pass(of_network(stack, stack.parameters, i))
                run_layers(build(self.network), X, run)
                for name, value in of_network(stack, stack.statistics, i).items():
                    value.copy_(run.trace[name])

    def state(self) -> list[State]:
        """Copies of every network's state, without running statistics before the first update."""
        states: list[State] = []
        for stack in self.stacks:
            values = stack.parameters | (stack.statistics if self.updates else {}) | stack.memory
            values = {name: value.cpu() for name, value in values.items()}
            for i in range(stack.penalty.numel()):
                views = of_network(stack, values, i)
                state = {name: np.array(value.numpy(), order="C") for name, value in views.items()}
                states.append(state | {"updates": np.array(self.updates)})
        return states

    @torch.no_grad()
    def restore(self, states: Iterable[State]) -> None:
        """Continue from the networks' states, read one at a time; no network is marked."""
        # the state of a network that diverged at its first update has no running statistics
        self.updates, source = 0, iter(states)
        for stack in self.stacks:
            values = stack.parameters | stack.statistics | stack.memory
            for i in range(stack.penalty.numel()):
                state = next(source)
                require_memory(state, stack.memory)
                for name, view in of_network(stack, values, i).items():
                    view.copy_(torch.as_tensor(state.get(name, 0)))
                started = bool(stack.statistics) and stack.statistics.keys() <= state.keys()
                self.updates = max(self.updates, int(state.get("updates", started)))
        for stack in self.stacks:
            stack.updates = self.updates
        self.diverged[:] = False


def of_network(stack: Stack, values: Tensors, i: int) -> Tensors:
    """Views of the values of one network of a stack."""
    return {name: value[i] for name, value in values.items()} if stack.penalty.shape else values


@torch.no_grad()
def evaluate(
    network: Network,
    parameters: Mapping[str, Any],
    statistics: Mapping[str, Any],
    split: Split,
    *,
    penalty: Any,
    chunk: int = MAX_SAMPLES["cpu"],
) -> list[Evaluation]:
    """Cost, loss and accuracy with the running statistics; waits for the device only at the end.

    Arguments:
        parameters, statistics: of one network, or of many along a leading axis; not changed.
        split: the samples, arrays or tensors; converted to the parameters' dtype.
        penalty: lambda, or one for each network.
        chunk: samples at a time.

    Returns:
        One evaluation for each network.
    """
    run = Pass(as_tensors(parameters), as_tensors(statistics))
    squares = torch.stack([squared_norm(run.parameters[name]) for name in network.weights]).sum(0)
    squares = squares.double()
    loss, correct = torch.zeros_like(squares), torch.zeros_like(squares)
    X, y = torch.as_tensor(split.X), torch.as_tensor(split.y)
    for x, classes in zip(X.split(chunk), y.split(chunk), strict=True):
        s = run_layers(build(network), x.to(run.parameters["b1"].dtype), run)
        loss += mean_loss(network, s, classes).double() * len(classes)
        correct += (s.argmax(-1) == classes).sum(-1)
    loss, accuracy = loss / len(y), correct / len(y)
    factor = torch.as_tensor(penalty, dtype=squares.dtype, device=squares.device)
    cost = loss + factor * squares
    numbers = torch.stack([cost, loss, accuracy], -1).reshape(-1, 3)
    return [Evaluation(*each) for each in numbers.tolist()]


def on_device(split: Split, device: torch.device) -> Split:
    """A split as tensors on the device; on a CPU they share memory with its arrays.

    Standardised float32 is used rather than uint8: all of CIFAR-10 is then 737 MB, little for a
    GPU, and the minibatches equal those of the other implementation bit for bit.
    """
    X, y = (torch.from_numpy(values).to(device) for values in (split.X, split.y))
    return Split(cast(Any, X), cast(Any, y))


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
    """Train one network; see `twingrad.training.train_one`.

    Arguments:
        device: "cpu", "cuda" or "cuda:N"; the data are copied there once.
        deterministic: use only kernels that give the same bits every time, or raise an error.
        tf32: let the GPU round the factors of float32 products to 10 bits.
        compiled: compile the update first, see `TorchLearner`.

    Raises:
        DivergedError: the cost became NaN or infinite.
        UserError: there is no such device, or no C++ compiler for `compiled`.
    """
    with arithmetic(deterministic=deterministic, tf32=tf32):
        make = partial(TorchLearner, device=device, compiled=compiled)
        return train_one(make, recipe, dataset, folder=folder, on_epoch=on_epoch)


def train_stacked(
    recipes: Sequence[Recipe],
    dataset: Dataset,
    *,
    start: Checkpoint | None = None,
    save: Callable[[Checkpoint], None] | None = None,
    on_epoch: OnStackEpoch | None = None,
    evaluate: Sequence[Part] = EVERY_EPOCH,
    device: str = "cpu",
    deterministic: bool = False,
    tf32: bool = False,
    compiled: bool = False,
) -> list[Run | Diverged]:
    """Train networks side by side; see `twingrad.training.train_stack`.

    Arguments:
        device, deterministic, tf32, compiled: as in `train`.

    Raises:
        UserError: the recipes cannot be stacked, or as in `train`.
    """
    with arithmetic(deterministic=deterministic, tf32=tf32):
        return train_stack(
            partial(TorchLearner, device=device, compiled=compiled),
            recipes,
            dataset,
            start=start,
            save=save,
            on_epoch=on_epoch,
            evaluate=evaluate,
        )


def find_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        UserError: the name is not valid, or there is no such device.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in CHUNK:
        raise UserError(f"--device is {name!r}, but expected cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"--device is {name!r}, but torch {torch.__version__} finds "
            f"{torch.cuda.device_count()} CUDA devices here; use --device cpu"
        )
    return device


@contextlib.contextmanager
def arithmetic(*, deterministic: bool, tf32: bool) -> Iterator[None]:
    """Set torch's global switches for arithmetic, and restore them afterwards."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    precision = torch.get_float32_matmul_precision()
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # required by cuBLAS
    torch.use_deterministic_algorithms(deterministic)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        torch.set_float32_matmul_precision(precision)
