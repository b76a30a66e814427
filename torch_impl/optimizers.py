"""From a gradient to a step: each optimiser in its published form, on tensors of N networks.

Parameters come as (networks, size), or (size,) of one network; what each network has one of, as
(networks, 1) or (1,): on the device, so that a captured graph can go on with other values.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_impl.layers import Tensors
from twingrad.recipe import Recipe


@dataclass
class Now:
    """What all steps of an update go by: the optimiser's constants, the learning rate, and the
    number of the update, from 1."""

    constants: Tensors
    eta: Tensor
    t: Tensor


Step = Callable[[Tensor, Tensor, Tensors, Now], None]
"""(w, G, memory, now): moves w in place, and what is remembered of it."""


def sgd(w: Tensor, G: Tensor, memory: Tensors, now: Now) -> None:
    """w <- w - eta G."""
    w.addcmul_(G, now.eta, value=-1)


def momentum(w: Tensor, G: Tensor, memory: Tensors, now: Now) -> None:
    """u <- rho u + G, w <- w - eta u (Polyak 1964, as torch.optim.SGD has it)."""
    u = memory["velocity"].mul_(now.constants["momentum"]).add_(G)
    w.addcmul_(u, now.eta, value=-1)


def nesterov(w: Tensor, G: Tensor, memory: Tensors, now: Now) -> None:
    """u <- rho u + G, w <- w - eta (G + rho u) (Sutskever et al. 2013, as torch has it)."""
    u = memory["velocity"].mul_(now.constants["momentum"]).add_(G)
    w.addcmul_(torch.addcmul(G, u, now.constants["momentum"]), now.eta, value=-1)


def adam(w: Tensor, G: Tensor, memory: Tensors, now: Now) -> None:
    """Decaying means m of G and r of G^2, both corrected for their start at 0:
    w <- w - eta m_hat / (sqrt(r_hat) + eps) (Kingma and Ba 2015)."""
    beta1, beta2 = now.constants["beta1"], now.constants["beta2"]
    m = memory["moment1"].mul_(beta1).addcmul_(G, 1 - beta1)
    r = memory["moment2"].mul_(beta2).addcmul_(G * (1 - beta2), G)
    # m_hat = m / (1 - beta1^t) and r_hat = r / (1 - beta2^t): what the zeros at the start lack
    missing1, missing2 = (-torch.expm1(now.t * beta.log()) for beta in (beta1, beta2))
    root = r.sqrt().div_(missing2.sqrt()).add_(now.constants["adam_eps"])
    w.addcmul_(m.div(root), now.eta / missing1, value=-1)


OPTIMIZERS: Mapping[str, tuple[Step, tuple[str, ...]]] = {
    "sgd": (sgd, ()),
    "momentum": (momentum, ("velocity",)),
    "nesterov": (nesterov, ("velocity",)),
    "adam": (adam, ("moment1", "moment2")),
}
"""The step, and what it remembers of every parameter."""

CONSTANTS = ("momentum", "beta1", "beta2", "adam_eps")


def constants_of(recipes: Sequence[Recipe], like: Tensor) -> Tensors:
    """The constants of each recipe's optimiser, in shape and dtype of `like`, (networks, 1)."""
    return {
        name: like.new_tensor([getattr(one, name) for one in recipes]).view_as(like)
        for name in CONSTANTS
    }


class Group:
    """Parameters that move together: one row of each network, in tensors that stay in place.

    Arguments:
        shapes: name and shape of each parameter, in the order of the row.
        decay: 2 lambda of what is penalised, else 0: (networks, 1) or (networks, size); without
            the first axis of one network.
        optimizer: what is remembered of them.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], decay: Tensor, optimizer: str
    ) -> None:
        self.shapes, self.decay = shapes, decay
        self.sizes = [math.prod(shape) for shape in shapes.values()]
        self.values = decay.new_zeros((*decay.shape[:-1], sum(self.sizes)))
        self.memory = {kind: torch.zeros_like(self.values) for kind in OPTIMIZERS[optimizer][1]}

    def views(self, row: Tensor) -> Tensors:
        """A tensor like the values, by the parameters' names."""
        pieces = [row] if len(self.sizes) == 1 else row.split_with_sizes(self.sizes, -1)
        return {
            name: piece if len(shape) == 1 else piece.view(*row.shape[:-1], *shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def named(self) -> Tensors:
        """Values and memory by name: W2, ..., velocity.W2, ...; the same memory."""
        remembered = {
            f"{kind}.{name}": view
            for kind, row in self.memory.items()
            for name, view in self.views(row).items()
        }
        return self.views(self.values) | remembered


def descend(recipe: Recipe, group: Group, G: Tensor, now: Now) -> None:
    """One step of a group, in place.

    Arguments:
        recipe: names the optimiser, and says whether the weights' decay is decoupled: then they
            shrink by 2 eta lambda first (Loshchilov and Hutter 2019), beside the step.
        G: the gradient of the loss; overwritten.
        now: of this update.
    """
    if recipe.decoupled:
        group.values.mul_(1 - now.eta * group.decay)
    else:
        G.addcmul_(group.values, group.decay)
    OPTIMIZERS[recipe.optimizer][0](group.values, G, group.memory, now)
