"""What makes an update faster and knows nothing of it: torch.compile, and captured CUDA graphs.

The host puts an epoch on the device in one go and asks for its costs at the end. In between it
only says "again", and on a GPU a captured graph answers, which launches all kernels of a block of
updates at once: launching them one by one takes several times as long as running them.
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
"""Runs before the capture: libraries allocate and choose kernels in the first ones."""


def differentiate(
    f: Callable[..., tuple[Tensor, Any]], *sources: Tensor
) -> tuple[tuple[Tensor, ...], Any]:
    """The gradients of a function's value by its sources, and what else it returns.

    By autograd; the compiler, which takes gradients of functions alone, by torch.func.

    Arguments:
        f: returns a scalar, and what is not differentiated.
    """
    if torch.compiler.is_compiling():
        return torch.func.grad(f, argnums=tuple(range(len(sources))), has_aux=True)(*sources)
    with torch.enable_grad():
        leaves = [source.detach().requires_grad_() for source in sources]
        value, rest = f(*leaves)
    return torch.autograd.grad(value, leaves), rest


def compile_afresh(f: Callable[..., Any]) -> Callable[..., Any]:
    """torch.compile of a copy: it compiles one and the same code for so many shapes only, which
    several learners may exceed together."""
    copy = FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__)
    return torch.compile(copy, fullgraph=True, dynamic=False)


def keep_freed_memory() -> None:
    """Makes the process reuse the memory of freed tensors instead of returning it to the system.

    glibc maps each array of more than 128 KB anew, and the first write to each of its pages is
    then a page fault; but it raises this limit to the size of any such array it frees, up to
    32 MB. Other systems are not affected.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


class Epoch:
    """What the updates of an epoch take and the costs they make, and where the updates stand.

    Arguments:
        inputs: by name, (updates, ...); its shapes are those of every epoch, its updates the most.
        costs: an empty tensor in the shape of an update's costs.
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
        """Whether an epoch like this has room here."""
        return inputs.keys() == self.inputs.keys() and all(
            len(value) <= self.updates and value.shape[1:] == self.inputs[name].shape[1:]
            for name, value in inputs.items()
        )

    def begin(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Takes over an epoch."""
        for name, value in inputs.items():
            self.inputs[name][: len(value)].copy_(torch.from_numpy(np.ascontiguousarray(value)))
        self.next.zero_()

    def take(self, updates: int) -> Tensors:
        """What the next updates need, (updates, ...)."""
        rows = self._rows(updates)
        return {name: value.index_select(0, rows) for name, value in self.inputs.items()}

    def record(self, costs: Tensor) -> None:
        """Keeps the costs of these updates, and goes on behind them."""
        self.costs.index_copy_(0, self._rows(len(costs)), costs)
        self.next.add_(len(costs))

    def _rows(self, updates: int) -> Tensor:
        if updates == 1:
            return self.next
        return self.next + torch.arange(updates, device=self.next.device)


class Repeated:
    """What is done again and again; on a GPU it is captured and replayed.

    Warming up and capturing happen on one stream of its own: every stream that a product ran on
    keeps a workspace of cuBLAS, and torch's own capture stream belongs to the first device used.

    Arguments:
        device: of the tensors that it reads and writes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, work: Callable[[], None]) -> None:
        """Does it once more: queued on a GPU, done on a CPU.

        Arguments:
            work: the same in every call, and not kept, so that it may belong to who keeps this.
                Takes and returns nothing, reads and writes tensors that stay where they are, and
                never waits for the device.
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
        """Once on the stream that will capture it, after all that was queued before."""
        with torch.cuda.device(self.device):
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                work()
            torch.cuda.current_stream().wait_stream(stream)


def require_compiler() -> None:
    """Raises UserError unless torch.compile finds a C++ compiler, which it needs on any device."""
    compiler = os.environ.get("CXX", "c++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise UserError(
            f"--compiled needs a C++ compiler, but {compiler!r} is not here; install one, name "
            "another in CXX, or train without compiling"
        )
