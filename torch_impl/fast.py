"""The update that trainings run: as in `torch_impl.training`, in fewer kernels and passes.

Plain twin: `sgd_update` there, which this is tested against. On small nets the
launches of kernels and the passes over W1 cost as much as the products, hence:

- torch's fused batch norm, forward and backward, with running statistics of our own;
- autograd from s1 on: s1 = X W1' + b1 is linear, so that W1 can take its step, eta ds1' X, as a
  product that adds onto it, and its gradient is never stored;
- all other parameters in one vector, so that their step is that of one tensor;
- the penalty as weight decay, like torch's optimisers: a pass over the weights instead of four.

Nothing here waits for the device: what depends on a cost is decided there, by masks.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from torch_impl.layers import Tensors
from twingrad.network import Network
from twingrad.recipe import Recipe


class FlatState:
    """Parameters and running statistics of a network in three tensors, changed in place.

    A captured graph keeps the addresses, so the tensors live as long as the training.

    Arguments:
        recipe: penalty and alpha.
        network: gives names and shapes.
        dtype, device: of everything.
    """

    def __init__(
        self, recipe: Recipe, network: Network, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.network, self.penalty, self.alpha = network, recipe.penalty, recipe.alpha
        self.first_penalty = 0.0 if recipe.unpenalised_first_layer else recipe.penalty
        """lambda in the step of W1; its cost has the whole penalty all the same."""
        self.W1 = torch.zeros(network.parameter_shapes["W1"], dtype=dtype, device=device)
        self.shapes = {k: shape for k, shape in network.parameter_shapes.items() if k != "W1"}
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.vector = self.W1.new_zeros(sum(sizes))
        """b1, gamma1, ..., all but W1."""
        self.averages = self.W1.new_zeros(statistic_size(network))
        named = {name: piece.detach() for name, piece in self.pieces(self.vector).items()}
        self.parameters: Tensors = {"W1": self.W1, **named}
        self.above = {name: named[name].requires_grad_() for name in named if name != "b1"}
        """What the loss is a function of, beside s1; the same memory as the vector."""
        self.statistics = statistic_views(network, self.averages)
        self.decay = torch.zeros_like(self.vector)
        """What the penalty's gradient multiplies an entry of the vector with: 2 lambda or 0."""
        for name, piece in self.pieces(self.decay).items():
            piece.fill_(2 * self.penalty if name.startswith("W") else 0)
        self.share = self.W1.new_ones(())
        """Of the new statistics in the running ones: 1 at the first update, then 1 - alpha."""
        self.started = False
        """Whether the running statistics, if there are any, have had their first minibatch."""
        self.diverged = torch.zeros((), dtype=torch.bool, device=device)

    def pieces(self, vector: Tensor) -> Tensors:
        """A vector like `self.vector` as b1, gamma1, ...: views."""
        split = vector.split([math.prod(shape) for shape in self.shapes.values()])
        return {
            name: piece.view(shape)
            for (name, shape), piece in zip(self.shapes.items(), split, strict=True)
        }

    @torch.no_grad()
    def load(self, values: Tensors) -> None:
        """Takes over parameters and, where there are any, running statistics; copies."""
        for name, value in self.parameters.items():
            value.copy_(values[name])
        self.started = all(name in values for name in self.statistics)
        for name, value in self.statistics.items():
            value.copy_(values[name]) if self.started else value.zero_()
        self.share.fill_(1 - self.alpha if self.started else 1)
        self.diverged.fill_(False)

    def start(self) -> None:
        """Says that the first minibatch is done: from now on old statistics count."""
        if not self.started:
            self.share.fill_(1 - self.alpha)
            self.started = True


def loss_and_statistics(
    network: Network, above: Tensors, s1: Float[Tensor, "n m1"], y: Int[Tensor, " n"]
) -> tuple[Float[Tensor, ""], Float[Tensor, " all"]]:
    """Mean cross-entropy of a minibatch; its statistics in one vector, apart from the graph.

    Arguments:
        network: gives the layers.
        above: every parameter but W1 and b1.
        s1: what these make of the minibatch.
        y: its classes.
    """
    s, means, inverses = s1, [], []
    for l in range(1, network.depth):
        if network.batch_norm:
            gamma, beta = above[f"gamma{l}"], above[f"beta{l}"]
            s, mu, inverse = normalize(s, gamma, beta, network.eps)
            means.append(mu)
            inverses.append(inverse)
        s = F.linear(F.relu(s), above[f"W{l + 1}"], above[f"b{l + 1}"])  # (n, m)
    return F.cross_entropy(s, y), statistics_of(s, means, inverses, network.eps)


def normalize(
    s: Float[Tensor, "n m"], gamma: Float[Tensor, " m"], beta: Float[Tensor, " m"], eps: float
) -> tuple[Float[Tensor, "n m"], Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Batch norm by the minibatch: s_tilde, mu and 1 / sqrt(v + eps)."""
    return torch.native_batch_norm(s, gamma, beta, None, None, True, 0.0, eps)


@torch.no_grad()
def statistics_of(
    like: Tensor, means: Sequence[Tensor], inverses: Sequence[Tensor], eps: float
) -> Float[Tensor, "*models all"]:
    """What `normalize` returned as mu1, mu2, ..., v1, v2, ... along the last axis.

    v comes from the 1 / sqrt(v + eps) that torch keeps for its backward pass: a second reduction
    over s would cost more than the layer.
    """
    if not means:
        return like.new_empty(0)
    found = torch.cat([*means, *inverses], -1)
    found[..., found.shape[-1] // 2 :].pow_(-2).sub_(eps).clamp_min_(0)
    return found


def statistic_size(network: Network) -> int:
    """Entries of all running statistics."""
    return sum(shape[0] for shape in network.statistic_shapes.values())


def statistic_views(network: Network, values: Float[Tensor, "*models all"]) -> Tensors:
    """mu1, v1, mu2, ... by name, of a tensor laid out as `statistics_of` does."""
    if not network.statistic_shapes:
        return {}
    mus, vs = (half.split(network.hidden, -1) for half in values.chunk(2, -1))
    pairs = enumerate(zip(mus, vs, strict=True), start=1)
    return {name: each for l, (mu, v) in pairs for name, each in ((f"mu{l}", mu), (f"v{l}", v))}


@torch.no_grad()
def descend(
    state: FlatState,
    X: Float[Tensor, "n d"],
    loss: Float[Tensor, ""],
    gradients: Sequence[Tensor],
    statistics: Float[Tensor, " all"],
    learning_rate: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """One step of parameters and running statistics; none once a cost was not finite.

    Arguments:
        state: changed in place. A cost that is NaN or infinite freezes it, this step included.
        X: the minibatch.
        loss: of the minibatch.
        gradients: of the loss: of s1, then of all in `state.above`; may be NaN.
        statistics: the minibatch's.
        learning_rate: eta, on the device.

    Returns:
        The cost before the step.
    """
    pull = state.decay * state.vector  # the penalty's gradient: half of it times W is the penalty
    W1 = state.W1.view(-1)
    cost = torch.add(loss, torch.dot(pull, state.vector), alpha=0.5)
    cost = torch.add(cost, torch.dot(W1, W1), alpha=state.penalty)
    state.diverged.logical_or_((cost - cost).ne(0))  # NaN for NaN and for infinity
    ds1 = torch.where(state.diverged, 0, gradients[0])  # 0 times NaN would be NaN
    rate = torch.where(state.diverged, 0, learning_rate)
    state.W1.mul_(1 - 2 * state.first_penalty * rate)
    state.W1.addmm_((-rate * ds1).t(), X)
    gradient = torch.cat([ds1.sum(dim=0), *(piece.reshape(-1) for piece in gradients[1:])])
    gradient = torch.where(state.diverged, 0, gradient.add_(pull))
    state.vector.addcmul_(gradient, rate, value=-1)
    if state.statistics:
        # not lerp: where both are infinite it would make NaN of them
        moved = state.averages * (1 - state.share) + statistics * state.share
        torch.where(state.diverged, state.averages, moved, out=state.averages)
    return cost
