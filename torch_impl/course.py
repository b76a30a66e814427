"""One epoch on the device: its order, learning rates and costs, and the updates repeated over it.

The host hands over an epoch in one go and asks for its costs at the end. In between it only says
"another update", and on a GPU a captured CUDA graph answers, which launches all the kernels of an
update at once: launching them one by one takes several times as long as running them.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

WARM_UP = 3
"""Updates done before the capture: libraries allocate and choose kernels in the first ones."""


class Course:
    """Order, learning rates and costs of an epoch, and the number of the update it stands at.

    Arguments:
        updates: as many as any epoch has.
        order: (..., batch) of one update.
        rates: shape of one update's learning rates: () or (models,).
        dtype: of learning rates and costs.
        device: where all of it stays.
    """

    def __init__(
        self,
        updates: int,
        order: tuple[int, ...],
        rates: tuple[int, ...],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.order = torch.zeros((updates, *order), dtype=torch.int64, device=device)
        self.rates = torch.zeros((updates, *rates), dtype=dtype, device=device)
        self.costs = torch.zeros((updates, *rates), dtype=dtype, device=device)
        self.update = torch.zeros(1, dtype=torch.int64, device=device)

    def holds(self, order: np.ndarray) -> bool:
        """Whether an epoch of this order, (updates, ..., batch), has room here."""
        return len(order) <= len(self.order) and order.shape[1:] == self.order.shape[1:]

    def begin(self, order: np.ndarray, rates: np.ndarray) -> None:
        """Takes over an epoch: order (updates, ..., batch), rates (updates, ...)."""
        self.order[: len(order)].copy_(torch.from_numpy(np.ascontiguousarray(order)))
        self.rates[: len(rates)].copy_(torch.from_numpy(np.ascontiguousarray(rates)))
        self.update.zero_()

    def now(self) -> tuple[Tensor, Tensor]:
        """Rows (..., batch) and learning rates of the update it stands at."""
        return self.order.index_select(0, self.update)[0], self.rates.index_select(0, self.update)[
            0
        ]

    def record(self, cost: Tensor) -> None:
        """Keeps the update's cost, and goes on to the next."""
        self.costs.index_copy_(0, self.update, cost[None])
        self.update.add_(1)


class Repeated:
    """An update that is done again and again; on a GPU it is captured and replayed.

    Warming up and capturing happen on one stream of its own: every stream that a product ran on
    keeps a workspace of cuBLAS, and torch's own capture stream belongs to the first device used.

    Arguments:
        device: of the tensors that the update reads and writes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, update: Callable[[], None]) -> None:
        """One update, queued on a GPU, done on a CPU.

        Arguments:
            update: the same in every call, and not kept, so that it may belong to who keeps this.
                Takes and returns nothing, reads and writes tensors that stay where they are, and
                never waits for the device.
        """
        if self.stream is None:
            update()
        elif self.graph is not None:
            self.graph.replay()
        elif self.calls < WARM_UP:
            self._warm_up(update, self.stream)
        else:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.device(self.device), torch.cuda.graph(graph, stream=self.stream):
                update()  # recorded, not run
            self.graph = graph
            graph.replay()
        self.calls += 1

    def _warm_up(self, update: Callable[[], None], stream: torch.cuda.Stream) -> None:
        """An update on the stream that will capture it, after all that was queued before."""
        with torch.cuda.device(self.device):
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                update()
            torch.cuda.current_stream().wait_stream(stream)
