"""Speed up any update without knowing what it computes: torch.compile and captured CUDA graphs.

The host copies the inputs of an epoch to the device at its start and reads the costs at its end.
In between, on a GPU, it only replays a captured graph, which launches all kernels of a block of
updates at once. Launching them one by one takes several times as long as running them.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_impl.layers import Tensors
from twingrad.errors import UserError

WARM_UP = 3
"""Runs before the capture, in which libraries allocate memory and choose kernels."""


def differentiate(
    f: Callable[..., tuple[Tensor, Any]], *sources: Tensor
) -> tuple[tuple[Tensor, ...], Any]:
    """The gradients of a function with respect to its arguments, and its auxiliary output.

    Under torch.compile, which supports only gradients of functions, torch.func computes them;
    otherwise autograd.

    Arguments:
        f: returns a scalar and an auxiliary output, which is not differentiated.
    """
    if torch.compiler.is_compiling():
        return torch.func.grad(f, argnums=tuple(range(len(sources))), has_aux=True)(*sources)
    with torch.enable_grad():
        leaves = [source.detach().requires_grad_() for source in sources]
        value, rest = f(*leaves)
    return torch.autograd.grad(value, leaves), rest


def compile_afresh(f: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a copy of the function: torch.compile limits the number of shapes per code object,
    and several learners together may exceed that limit."""
    copy = FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__)
    return torch.compile(copy, fullgraph=True, dynamic=False)


class Epoch:
    """Buffers on the device for the inputs and costs of an epoch, and the number of updates done.

    Arguments:
        inputs: of the first epoch by name, (updates, ...). Later epochs may have fewer updates, but
            must have the same shapes otherwise.
        costs: a tensor with the shape, dtype and device of one update's costs.
    """

    def __init__(self, inputs: Mapping[str, np.ndarray], costs: Tensor) -> None:
        self.inputs = {
            name: torch.from_numpy(np.zeros(value.shape, value.dtype)).to(costs.device)
            for name, value in inputs.items()
        }
        self.updates = len(next(iter(inputs.values())))
        self.costs = costs.new_zeros((self.updates, *costs.shape))
        self.next = torch.zeros(1, dtype=torch.int64, device=costs.device)

    def holds(self, inputs: Mapping[str, np.ndarray]) -> bool:
        """Whether an epoch with these inputs fits in the buffers."""
        return inputs.keys() == self.inputs.keys() and all(
            len(value) <= self.updates and value.shape[1:] == self.inputs[name].shape[1:]
            for name, value in inputs.items()
        )

    def begin(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Copy the inputs of an epoch to the device."""
        for name, value in inputs.items():
            self.inputs[name][: len(value)].copy_(torch.from_numpy(np.ascontiguousarray(value)))
        self.next.zero_()

    def take(self, updates: int) -> Tensors:
        """The inputs of the next updates, (updates, ...)."""
        rows = self._rows(updates)
        return {name: value.index_select(0, rows) for name, value in self.inputs.items()}

    def record(self, costs: Tensor) -> None:
        """Store the costs of these updates and advance past them."""
        self.costs.index_copy_(0, self._rows(len(costs)), costs)
        self.next.add_(len(costs))

    def _rows(self, updates: int) -> Tensor:
        if updates == 1:
            return self.next
        return self.next + torch.arange(updates, device=self.next.device)


class Repeated:
    """Runs the same work repeatedly; on a GPU it is captured once and then replayed.

    Warm-up and capture use a stream of this object: cuBLAS keeps a workspace for every stream
    that has run a product, and torch's default capture stream belongs to the first device used.

    Arguments:
        device: of the tensors that the work reads and writes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, work: Callable[[], None]) -> None:
        """Run the work once more; on a GPU it is only queued.

        Arguments:
            work: the same function in every call. It must read and write tensors whose addresses
                never change, and must not wait for the device. No reference is kept, so the
                function may refer to the owner of this object.
        """
        if self.stream is None:
            work()
        elif self.graph is not None:
            self.graph.replay()
        elif self.calls < WARM_UP:
            self._warm_up(work, self.stream)
        else:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.device(self.device), torch.cuda.graph(graph, stream=self.stream):
                work()  # recorded, not run
            self.graph = graph
            graph.replay()
        self.calls += 1

    def _warm_up(self, work: Callable[[], None], stream: torch.cuda.Stream) -> None:
        """Run the work once on the capture stream, after everything queued before."""
        with torch.cuda.device(self.device):
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                work()
            torch.cuda.current_stream().wait_stream(stream)


def require_compiler() -> None:
    """Raise UserError if there is no C++ compiler, which torch.compile needs on any device."""
    compiler = os.environ.get("CXX", "c++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise UserError(
            f"--compiled needs a C++ compiler, but {compiler!r} was not found; install it, set CXX "
            "to another compiler, or leave out --compiled"
        )
