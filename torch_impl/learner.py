"""One training in torch: data, parameters and running statistics on one device."""

import os
import shutil
import sys
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from torch_impl.course import Course, Repeated
from torch_impl.fast import FlatState, descend, loss_and_statistics
from torch_impl.folded import evaluate_folded
from torch_impl.layers import Tensors
from torch_impl.network import as_tensors
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.history import Evaluation, Part
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe

CPU = torch.device("cpu")
EVALUATION_CHUNK = {"cpu": 500, "cuda": 10_000}
"""Samples evaluated at a time: on a CPU few enough for the cache, on a GPU enough to fill it."""

PARTS: tuple[Part, ...] = ("training", "validation", "test")
Data = dict[Part, tuple[Tensor, Tensor]]


class TorchLearner:
    """The parameters and the data of one training, all on one device.

    Arguments:
        recipe: dtype, penalty and alpha.
        network: what the parameters belong to.
        dataset: in the recipe's dtype, or a narrower one that each minibatch is widened from.
        parameters: to start from; copied.
        device: where everything is computed.
        compiled: gather, gradient and step compiled into one function (CPU only; a GPU replays
            a captured graph): about a fifth faster after half a minute of compiling.

    Raises:
        UserError: compiled without a C++ compiler, or on a GPU.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        dataset: Dataset,
        parameters: Parameters,
        device: torch.device = CPU,
        *,
        compiled: bool = False,
    ) -> None:
        self.recipe, self.network, self.device = recipe, network, device
        self.dtype: torch.dtype = getattr(torch, recipe.dtype)
        self.data = on_device(dataset, device)
        self.flat = FlatState(recipe, network, self.dtype, device)
        self.restore(parameters)
        self.course: Course | None = None
        self.compiled: Callable[[TorchLearner], None] | None = None
        if compiled:
            require_compiler(device)
            self.compiled = torch.compile(TorchLearner._traced_step, fullgraph=True)

    def run_epoch(
        self,
        order: Int[np.ndarray, "updates batch"],
        learning_rates: Float[np.ndarray, " updates"],
    ) -> Float[np.ndarray, " updates"]:
        """Does the updates; the costs end with the first that is not finite.

        From that one on nothing is changed. Nothing waits for the device before the end.
        """
        if self.course is None or not self.course.holds(order):
            X, y = self.data["training"]
            batch = order.shape[1]
            self.X, self.y = X.new_empty(batch, X.shape[1]), y.new_empty(batch)
            self.course = Course(len(order), (batch,), (), self.dtype, self.device)
            self.repeated = Repeated(self.device)
        self.course.begin(order, learning_rates)
        for _ in order:
            self.repeated(self.step)
            self.flat.start()
        # a copy: the next epoch writes into the same buffer
        costs = self.course.costs[: len(order)].double().cpu().numpy().copy()
        broken = np.flatnonzero(~np.isfinite(costs))
        return costs[: broken[0] + 1] if len(broken) else costs

    def step(self) -> None:
        """The update that the course stands at."""
        if self.compiled is not None:
            self.compiled(self)
        else:
            self._eager_step()

    def _eager_step(self) -> None:
        """Rows gathered into a buffer, gradient by autograd."""
        assert self.course is not None
        rows, learning_rate = self.course.now()
        X, y = self.data["training"]
        torch.index_select(X, 0, rows, out=self.X)
        torch.index_select(y, 0, rows, out=self.y)
        x, flat = self.X.to(self.dtype), self.flat
        s1 = F.linear(x, flat.W1, flat.parameters["b1"]).requires_grad_()  # (n, m1)
        loss, statistics = loss_and_statistics(self.network, flat.above, s1, self.y)
        gradients = torch.autograd.grad(loss, [s1, *flat.above.values()])
        self.course.record(descend(flat, x, loss.detach(), gradients, statistics, learning_rate))

    def _traced_step(self) -> None:
        """The same for the compiler, which takes gradients of functions and needs no buffer."""
        assert self.course is not None
        rows, learning_rate = self.course.now()
        X, y = self.data["training"]
        x, classes, flat = X[rows].to(self.dtype), y[rows], self.flat
        above = flat.pieces(flat.vector)  # not flat.above: of inputs that share memory the
        s1 = F.linear(x, flat.W1, above.pop("b1"))  # compiler makes copies; (n, m1)

        def loss_of(s1: Tensor, above: Tensors) -> tuple[Tensor, Tensor]:
            return loss_and_statistics(self.network, above, s1, classes)

        differentiated = torch.func.grad_and_value(loss_of, argnums=(0, 1), has_aux=True)
        (ds1, others), (loss, statistics) = differentiated(s1, above)
        gradients = [ds1, *others.values()]
        self.course.record(descend(flat, x, loss, gradients, statistics, learning_rate))

    def evaluate(self, part: Part) -> Evaluation:
        """Cost, loss and accuracy of one part, with the running statistics.

        Raises:
            RuntimeError: with batch norm, before there are running statistics.
        """
        if not self.flat.started:
            raise RuntimeError("evaluation needs running statistics: train on a minibatch first")
        return evaluate_folded(
            self.network,
            self.flat.parameters | self.flat.statistics,
            *self.data[part],
            penalty=self.recipe.penalty,
            chunk=EVALUATION_CHUNK[self.device.type],
        )

    def state(self) -> dict[str, np.ndarray]:
        """Copies of parameters and, after the first minibatch, running statistics, as arrays."""
        tensors = self.flat.parameters | (self.flat.statistics if self.flat.started else {})
        return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from a state; without running statistics from before the first minibatch."""
        self.flat.load(as_tensors(state))


def on_device(dataset: Dataset, device: torch.device) -> Data:
    """Every part's samples and classes there; on the CPU they are the data set's own arrays.

    Standardised float32 rather than uint8: all of CIFAR-10 is 737 MB, little on a GPU, and the
    minibatches are bit for bit those of the other implementation.
    """
    splits = {part: getattr(dataset, part) for part in PARTS}
    return {
        part: (torch.from_numpy(split.X).to(device), torch.from_numpy(split.y).to(device))
        for part, split in splits.items()
    }


def require_compiler(device: torch.device) -> None:
    """Raises UserError unless torch.compile can build for this device here."""
    if device.type != "cpu":
        raise UserError(
            f"--compiled is for the CPU, but --device is {device}; a GPU replays a captured graph"
        )
    compiler = os.environ.get("CXX", "c++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise UserError(
            f"--compiled needs a C++ compiler, but {compiler!r} is not here; install one, name "
            "another in CXX, or train without compiling"
        )
