"""Optimisers in their published form, for tensors of N networks.

Parameters have shape (networks, size), or (size,) for one network. Values with one entry for each
network have shape (networks, 1) or (1,); they are on the device, so that a captured graph can be
replayed with other values.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_impl.layers import Tensors
from twingrad.recipe import Recipe


@dataclass
class StepInputs:
    """The optimiser's constants, the learning rate eta and the number t of an update, from 1."""

    constants: Tensors
    eta: Tensor
    t: Tensor


Step = Callable[[Tensor, Tensor, Tensors, StepInputs], None]
"""(w, G, memory, now): update w and its memory in place."""


def sgd(w: Tensor, G: Tensor, memory: Tensors, now: StepInputs) -> None:
    """w <- w - eta G."""
    w.addcmul_(G, now.eta, value=-1)


def momentum(w: Tensor, G: Tensor, memory: Tensors, now: StepInputs) -> None:
    """u <- rho u + G, w <- w - eta u (Polyak 1964, in the form of torch.optim.SGD)."""
    u = memory["velocity"].mul_(now.constants["momentum"]).add_(G)
    w.addcmul_(u, now.eta, value=-1)


def nesterov(w: Tensor, G: Tensor, memory: Tensors, now: StepInputs) -> None:
    """u <- rho u + G, w <- w - eta (G + rho u) (Sutskever et al. 2013, in torch's form)."""
    u = memory["velocity"].mul_(now.constants["momentum"]).add_(G)
    w.addcmul_(torch.addcmul(G, u, now.constants["momentum"]), now.eta, value=-1)


def adam(w: Tensor, G: Tensor, memory: Tensors, now: StepInputs) -> None:
    """w <- w - eta m_hat / (sqrt(r_hat) + eps), with m_hat and r_hat the bias-corrected moving
    averages of G and G^2 (Kingma and Ba 2015)."""
    beta1, beta2 = now.constants["beta1"], now.constants["beta2"]
    m = memory["moment1"].mul_(beta1).addcmul_(G, 1 - beta1)
    r = memory["moment2"].mul_(beta2).addcmul_(G * (1 - beta2), G)
    # m_hat = m / (1 - beta1^t) and r_hat = r / (1 - beta2^t), since m and r started at 0
    bias1, bias2 = (-torch.expm1(now.t * beta.log()) for beta in (beta1, beta2))
    root = r.sqrt().div_(bias2.sqrt()).add_(now.constants["adam_eps"])
    w.addcmul_(m.div(root), now.eta / bias1, value=-1)


OPTIMIZERS: Mapping[str, tuple[Step, tuple[str, ...]]] = {
    "sgd": (sgd, ()),
    "momentum": (momentum, ("velocity",)),
    "nesterov": (nesterov, ("velocity",)),
    "adam": (adam, ("moment1", "moment2")),
}
"""The step of each optimiser, and the kinds of memory it keeps for every parameter."""

CONSTANTS = ("momentum", "beta1", "beta2", "adam_eps")


def constants_of(recipes: Sequence[Recipe], template: Tensor) -> Tensors:
    """The optimiser constants of each recipe, with the shape, dtype and device of the template."""
    return {
        name: template.new_tensor([getattr(recipe, name) for recipe in recipes]).view_as(template)
        for name in CONSTANTS
    }


class Group:
    """Parameters that are updated together: one row per network, in tensors that never move.

    Arguments:
        shapes: name and shape of each parameter, in their order within a row.
        decay: 2 lambda for penalised entries, 0 for others: (networks, 1) or (networks, size);
            for one network (1,) or (size,).
        optimizer: the name of the optimiser.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], decay: Tensor, optimizer: str
    ) -> None:
        self.shapes, self.decay = shapes, decay
        self.sizes = [math.prod(shape) for shape in shapes.values()]
        self.values = decay.new_zeros((*decay.shape[:-1], sum(self.sizes)))
        self.memory = {kind: torch.zeros_like(self.values) for kind in OPTIMIZERS[optimizer][1]}

    def views(self, row: Tensor) -> Tensors:
        """Views of a row for each parameter, by name and in its shape."""
        parts = [row] if len(self.sizes) == 1 else row.split_with_sizes(self.sizes, -1)
        return {
            name: part if len(shape) == 1 else part.view(*row.shape[:-1], *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def named(self) -> Tensors:
        """Views of values and memory by name: W2, ..., velocity.W2, ..."""
        memory = {
            f"{kind}.{name}": view
            for kind, row in self.memory.items()
            for name, view in self.views(row).items()
        }
        return self.views(self.values) | memory


def descend(recipe: Recipe, group: Group, G: Tensor, now: StepInputs) -> None:
    """Update a group in place.

    Arguments:
        recipe: selects the optimiser, and whether the decay is decoupled: then the weights are
            first multiplied by 1 - 2 eta lambda (Loshchilov and Hutter 2019).
        G: the gradient of the loss; overwritten.
        now: the inputs of this update.
    """
    if recipe.decoupled:
        group.values.mul_(1 - now.eta * group.decay)
    else:
        G.addcmul_(group.values, group.decay)
    OPTIMIZERS[recipe.optimizer][0](group.values, G, group.memory, now)
