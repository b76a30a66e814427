"""Our network and update with torch.func: a plain function of one network, differentiated,
vectorised by vmap and compiled."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad_and_value, vmap

from torch_impl.capture import Repeated
from twingrad.dataset import Dataset
from twingrad.network import Network, Parameters

Tensors = dict[str, Tensor]


class FuncTraining:
    """Updates of many networks that share their minibatches.

    Arguments:
        network: with batch norm.
        start: initial parameters, the same for all; converted to float32.
        dataset: its training samples are used.
        eta, penalty: learning rate and lambda; stored for each network.
        alpha: weight of the old running statistics.
        networks: number of networks.
        device: the device that trains; on a GPU the update is captured and replayed.
        compiled: whether to compile the update.
    """

    def __init__(
        self,
        network: Network,
        start: Parameters,
        dataset: Dataset,
        *,
        eta: float,
        penalty: float,
        alpha: float,
        networks: int,
        device: torch.device,
        compiled: bool = True,
    ) -> None:
        def many(value: float) -> Tensor:
            return torch.full((networks,), value, device=device)

        self.network, self.alpha = network, alpha
        self.X = torch.from_numpy(dataset.training.X).to(device)
        self.y = torch.from_numpy(dataset.training.y).to(device)
        self.parameters = {
            name: torch.as_tensor(value, dtype=torch.float32, device=device).repeat(
                networks, *[1] * value.ndim
            )
            for name, value in start.items()
        }
        self.running = {
            name: torch.zeros(networks, *shape, device=device)
            for name, shape in network.statistic_shapes.items()
        }
        self.eta, self.penalty = many(eta), many(penalty)
        self.share, self.costs = torch.ones((), device=device), many(0.0)
        self.rows = torch.empty(0, dtype=torch.int64, device=device)
        gradients = grad_and_value(self.cost, has_aux=True)
        self.gradients: Callable[..., tuple[Tensors, tuple[Tensor, Tensors]]] = vmap(
            gradients, in_dims=(0, None, None, 0)
        )
        self.update = torch.compile(self.plain_update) if compiled else self.plain_update
        self.repeated = Repeated(device)

    def cost(
        self, parameters: Tensors, X: Tensor, y: Tensor, penalty: Tensor
    ) -> tuple[Tensor, Tensors]:
        """Cost and batch statistics of one network."""
        x, depth = X, self.network.depth
        moments: Tensors = {}
        for l in range(1, depth):
            s = F.linear(x, parameters[f"W{l}"], parameters[f"b{l}"])
            mu, v = s.mean(0), s.var(0, unbiased=False)
            moments |= {f"mu{l}": mu, f"v{l}": v}
            s_hat = (s - mu) / (v + self.network.eps).sqrt()
            x = F.relu(parameters[f"gamma{l}"] * s_hat + parameters[f"beta{l}"])
        logits = F.linear(x, parameters[f"W{depth}"], parameters[f"b{depth}"])
        squares = torch.stack([parameters[f"W{l}"].square().sum() for l in range(1, depth + 1)])
        return F.cross_entropy(logits, y) + penalty * squares.sum(), moments

    def plain_update(self, X: Tensor, y: Tensor) -> None:
        """One update of all networks, in place."""
        gradients, (costs, moments) = self.gradients(self.parameters, X, y, self.penalty)
        for name, value in self.parameters.items():
            value.sub_(self.eta.view(-1, *[1] * (value.dim() - 1)) * gradients[name])
        for name, value in self.running.items():
            value.mul_(1 - self.share).add_(self.share * moments[name])
        self.costs.copy_(costs)

    def once(self) -> None:
        """One update on the samples in `rows`."""
        self.update(self.X[self.rows], self.y[self.rows])
        self.share.fill_(1 - self.alpha)

    @torch.no_grad()
    def run(self, order: Tensor) -> Tensor:
        """Run updates on the rows of an order (updates, batch); return the costs of the last."""
        if self.rows.shape != order[0].shape:
            self.rows = torch.empty_like(order[0])
        for rows in order:
            self.rows.copy_(rows)
            self.repeated(self.once)
        return self.costs
