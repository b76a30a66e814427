"""Minibatch descent in torch, of one network or of many side by side, on the CPU or a GPU."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from torch_impl.capture import keep_freed_memory, require_compiler
from torch_impl.layers import Pass, Tensors, build, cross_entropy, run_layers, squared_norm
from torch_impl.network import as_tensors
from torch_impl.stack import Stack
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

OWN_AT_ONCE = 8
"""Networks updated at a time on a CPU where each has its own minibatch, which is 1.2 MB and shared
with nobody. It keeps memory small; all at once would be somewhat faster."""

CHUNK = {"cpu": 8_000, "cuda": 250_000}
"""Samples times networks evaluated at a time: few enough for the cache, or to take about as much
of a GPU's memory as the networks do."""

CHUNK_OF_ONE = {"cpu": 500, "cuda": 10_000}
"""The same of a single network, at most."""


class TorchLearner:
    """N trainings on the same data, all on one device.

    Arguments:
        recipes: of one stack.
        network: what the parameters belong to.
        dataset: in the recipes' dtype, or a narrower one that each minibatch is widened from.
        parameters: to start from, of each network; copied one after another.
        device: where everything is computed.
        compiled: compiles the update: faster after half a minute of compiling.

    Raises:
        UserError: no such device, or compiled without a C++ compiler.
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
        self.at_once = len(recipes) if shared or self.device.type == "cuda" else OWN_AT_ONCE
        training = cast(tuple[Tensor, Tensor], (self.data["training"].X, self.data["training"].y))
        forms = Stack.compiled() if compiled else None
        self.stacks = [
            Stack(recipes[i : i + self.at_once], network, training, forms)
            for i in range(0, len(recipes), self.at_once)
        ]
        self.diverged = np.zeros(len(recipes), dtype=bool)
        self.restore(parameters)

    def _pieces(self) -> Iterator[tuple[slice, Stack]]:
        """Each stack, and which networks are in it."""
        for i, stack in enumerate(self.stacks):
            yield slice(i * self.at_once, (i + 1) * self.at_once), stack

    def run_epoch(self, inputs: EpochInputs) -> Float[np.ndarray, "networks updates"]:
        """Does the updates; nothing waits for the device before the end."""
        drawn = {"order": inputs.order, **inputs.masks}
        if inputs.augmentation is not None:
            drawn |= vars(inputs.augmentation)
        rates, costs = inputs.learning_rates.T, np.empty(inputs.learning_rates.shape)
        for which, stack in self._pieces():
            own = drawn
            if not inputs.shared:  # (networks, updates, ...)
                own = {name: np.swapaxes(value[which], 0, 1) for name, value in drawn.items()}
                if not stack.penalty.shape:
                    own = {name: value[:, 0] for name, value in own.items()}
            found = stack.run_epoch(own, rates[:, which], self.diverged[which])
            costs[which] = found.double().cpu().numpy().reshape(len(rates), -1).T
        self.updates += len(rates)
        ends = np.logical_or.accumulate(~np.isfinite(costs), axis=1)
        gone = np.pad(ends, ((0, 0), (1, 0)))[:, :-1] | self.diverged[:, None]
        self.diverged |= ends[:, -1]
        return np.where(gone, np.nan, costs)

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Evaluates every network with its running statistics; NaN for one that has diverged.

        Raises:
            RuntimeError: with batch norm, before there are running statistics.
        """
        if self.network.statistic_shapes and not self.updates:
            raise RuntimeError("evaluation needs running statistics: train on a minibatch first")
        found: list[Evaluation] = []
        for _, stack in self._pieces():
            kind, networks = self.device.type, stack.penalty.numel()
            found += evaluate(
                self.network,
                stack.parameters,
                stack.statistics,
                self.data[part],
                penalty=stack.penalty,
                chunk=max(100, min(CHUNK_OF_ONE[kind], CHUNK[kind] // networks)),
            )
        nothing = Evaluation(np.nan, np.nan, np.nan)
        return [nothing if gone else one for gone, one in zip(self.diverged, found, strict=True)]

    @torch.no_grad()
    def take_precise_statistics(self) -> None:
        """Replaces the running statistics by those of the whole training set, as one minibatch."""
        X = torch.as_tensor(self.data["training"].X).to(self.dtype)
        for _, stack in self._pieces():
            for i in range(stack.penalty.numel()):
                run = Pass(of_network(stack, stack.parameters, i))
                run_layers(build(self.network), X, run)
                for name, value in of_network(stack, stack.statistics, i).items():
                    value.copy_(run.trace[name])

    def state(self) -> list[State]:
        """Copies of every network's state; without running statistics before the first update."""
        states: list[State] = []
        for _, stack in self._pieces():
            values = stack.parameters | (stack.statistics if self.updates else {}) | stack.memory
            values = {name: value.cpu() for name, value in values.items()}
            for i in range(stack.penalty.numel()):
                slots = of_network(stack, values, i)
                state = {name: np.array(value.numpy(), order="C") for name, value in slots.items()}
                states.append(state | {"updates": np.array(self.updates)})
        return states

    @torch.no_grad()
    def restore(self, states: Iterable[State]) -> None:
        """Continues from the networks' states, read one after another; no network marked.

        A network that diverged before it had running statistics has none in its state.
        """
        self.updates, source = 0, iter(states)
        for _, stack in self._pieces():
            for i in range(stack.penalty.numel()):
                state = next(source)
                require_memory(state, stack.memory)
                for name, slot in of_network(
                    stack, stack.parameters | stack.statistics | stack.memory, i
                ).items():
                    slot.copy_(torch.as_tensor(state.get(name, 0)))
                begun = bool(stack.statistics) and stack.statistics.keys() <= state.keys()
                self.updates = max(self.updates, int(state.get("updates", begun)))
        for _, stack in self._pieces():
            stack.updates = self.updates
        self.diverged[:] = False


def of_network(stack: Stack, values: Tensors, i: int) -> Tensors:
    """Views of what one network of a stack has."""
    return {name: value[i] for name, value in values.items()} if stack.penalty.shape else values


@torch.no_grad()
def evaluate(
    network: Network,
    parameters: Mapping[str, Any],
    statistics: Mapping[str, Any],
    split: Split,
    *,
    penalty: Any,
    chunk: int = CHUNK_OF_ONE["cpu"],
) -> list[Evaluation]:
    """Cost, loss and accuracy with the running statistics; waits for the device once, at its end.

    Arguments:
        parameters, statistics: of one network, or of many along a leading axis; not changed.
        split: what to evaluate, arrays or tensors; widened to the parameters' dtype.
        penalty: lambda, or that of each network.
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
        loss += cross_entropy(s, classes, network.smoothing).double() * len(classes)
        correct += (s.argmax(-1) == classes).sum(-1)
    loss, accuracy = loss / len(y), correct / len(y)
    factor = torch.as_tensor(penalty, dtype=squares.dtype, device=squares.device)
    cost = loss + factor * squares
    found = torch.stack([cost, loss, accuracy], -1).reshape(-1, 3).tolist()
    return [Evaluation(*each) for each in found]


def on_device(split: Split, device: torch.device) -> Split:
    """Samples and classes there, as tensors; on the CPU they are the split's own arrays.

    Standardised float32 rather than uint8: all of CIFAR-10 is 737 MB, little on a GPU, and the
    minibatches are bit for bit those of the other implementation.
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
    """Trains one network; see `twingrad.training.train_one`.

    Arguments:
        device: "cpu", "cuda" or "cuda:N"; the data are copied there once.
        deterministic: only kernels that give the same bits every time, or an error.
        tf32: lets the GPU round the factors of float32 products to 10 bits.
        compiled: compiles the update first, see `TorchLearner`.

    Raises:
        DivergedError: the cost became NaN or infinite.
        UserError: the device is not there, or no compiler where one is asked for.
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
    """Trains networks side by side; see `twingrad.training.train_stack`.

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
        UserError: no such name, or no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in CHUNK:
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
