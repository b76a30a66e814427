"""N networks that are updated together: what they hold, and one update of all of them.

Nothing here waits for the device: what depends on a cost is decided there, by masks.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from torch_impl.augmentation import augment
from torch_impl.capture import Epoch, Repeated, differentiable
from torch_impl.first_layer import Blocks, FirstLayer, OneByOne, block_length
from torch_impl.layers import Pass, Tensors, build, cross_entropy, of_units, run_layers
from torch_impl.optimizers import Group, constants_of, descend
from twingrad.network import Network
from twingrad.recipe import Recipe


class Stack:
    """Parameters, running statistics and optimiser of N networks.

    A captured graph keeps addresses, so every tensor stays where it is as long as the training.
    All have a leading axis for the networks; with a single network they lack it.

    Arguments:
        recipes: of each network.
        network: what the parameters belong to.
        data: X and y of the training set, on the device that everything is to be on.
        compiled: whether to compile the update.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        data: tuple[Tensor, Tensor],
        *,
        compiled: bool,
    ) -> None:
        self.recipe, self.network, self.data = recipes[0], network, data
        lead, device = ((len(recipes),) if len(recipes) > 1 else ()), data[0].device
        dtype: torch.dtype = getattr(torch, self.recipe.dtype)
        self.penalties = np.array([recipe.penalty for recipe in recipes])
        self.penalty = torch.tensor(self.penalties, dtype=dtype, device=device).view(lead)
        self.constants = constants_of(recipes, self.penalty[..., None])
        weights = network.weights[1:]
        others = [name for name in network.parameter_shapes if name[0] != "W"]
        self.first, self.above = self._group(["W1"]), self._group([*weights, *others])
        """W1, nearly all of a network; and the rest of it, weights first."""
        self.above_weights = sum(self.above.sizes[: len(weights)])
        named = self.first.named() | self.above.named()
        self.parameters = {name: named.pop(name) for name in network.parameter_shapes}
        self.memory = named
        widths = [width for (width,) in network.statistic_shapes.values()]
        self.averages = self.penalty.new_zeros((*lead, sum(widths)))
        self.statistics = dict(
            zip(network.statistic_shapes, self.averages.split(widths, -1), strict=True)
        )
        self.share = self.penalty.new_ones(())
        """Weight of the minibatch in the running statistics: 1 at first, then 1 - alpha."""
        self.t = torch.zeros((), dtype=torch.int64, device=device)
        """Updates done."""
        self.frozen = torch.zeros(lead, dtype=torch.bool, device=device)
        """Networks that no longer move."""
        self.epoch: Epoch | None = None
        self.first_layers: dict[int, FirstLayer] = {}
        self.repeated: dict[tuple[int, int], Repeated] = {}
        self.masks = compiled or device.type == "cuda"
        """Whether to mask in every update; a CPU can ask whether there is anything to mask."""
        self.step: Callable[..., tuple[Tensor, Any]] = Stack._step
        if compiled:
            self.step = torch.compile(Stack._step, fullgraph=True, dynamic=False)

    def _group(self, names: Sequence[str]) -> Group:
        """Parameters that move together. Alone, one has the same decay everywhere."""
        shapes = {name: self.network.parameter_shapes[name] for name in names}
        decays = []
        for name, shape in shapes.items():
            pull = 2 if name[0] == "W" and name not in self.recipe.unpenalised else 0
            size = math.prod(shape) if len(names) > 1 else 1
            decays.append((pull * self.penalty[..., None]).expand(*self.penalty.shape, size))
        return Group(shapes, torch.cat(decays, -1), self.recipe.optimizer)

    def set_updates(self, updates: int) -> None:
        """Says how many updates have been done."""
        self.t.fill_(updates)
        self.share.fill_(1 - self.recipe.alpha if updates else 1)

    def run_epoch(
        self,
        inputs: Mapping[str, np.ndarray],
        rates: Float[np.ndarray, "updates networks"],
        frozen: Bool[np.ndarray, " networks"],
    ) -> Float[Tensor, "updates *networks"]:
        """Does the updates of an epoch; returns the costs before them, still on the device.

        Arguments:
            inputs: "order" (updates, *networks, n), masks of dropout, and "flip", "shift" and
                "jitter" of an augmentation.
            rates: learning rates.
            frozen: networks that stay as they are.
        """
        lead, updates = self.penalty.shape, len(rates)
        inputs = {**inputs, "rates": rates.reshape(updates, *lead, 1).astype(self.recipe.dtype)}
        if self.epoch is None or not self.epoch.holds(inputs):
            self.epoch, self.repeated = Epoch(inputs, self.penalty), {}
        self.epoch.begin(inputs)
        self.frozen.copy_(torch.from_numpy(frozen).view(lead))
        length = 1
        if inputs["order"].ndim == 2:
            length = block_length(self.recipe, self.penalties, rates, self.t.device)
        first = self._first_layer(length)
        first.start()
        for done in range(0, updates, length):
            number = min(length, updates - done)
            repeated = self.repeated.setdefault((length, number), Repeated(self.t.device))
            repeated(partial(self._updates, first, number))
        first.finish()
        return self.epoch.costs[:updates]

    def _first_layer(self, length: int) -> FirstLayer:
        if length not in self.first_layers:
            self.first_layers[length] = (
                Blocks(self.first, length)
                if length > 1
                else OneByOne(self.recipe, self.first, self.constants)
            )
        return self.first_layers[length]

    @torch.no_grad()
    def _updates(self, first: FirstLayer, number: int) -> None:
        """The next updates of the epoch."""
        assert self.epoch is not None
        inputs = self.epoch.take(number)
        X, y = (part.index_select(0, inputs["order"].flatten()) for part in self.data)
        X = X.view(*inputs["order"].shape, -1).to(self.penalty.dtype)  # (updates, ..., n, d)
        if "flip" in inputs:
            X = augment(X, inputs["flip"], inputs["shift"], inputs["jitter"])
        y = y.view(inputs["order"].shape)
        first.begin(X)
        costs = []
        for k in range(number):
            masks = {name: inputs[name][k] for name in self.network.mask_shapes}
            eta = inputs["rates"][k]
            cost, made = self.step(self, first, first.inputs(k), y[k], masks or None, eta)
            first.keep(k, made)
            costs.append(cost)
        first.end()
        self.epoch.record(torch.stack(costs))

    def _step(
        self,
        first: FirstLayer,
        given: tuple[Tensor, ...],
        y: Tensor,
        masks: Tensors | None,
        eta: Tensor,
    ) -> tuple[Float[Tensor, "*networks"], Any]:
        """An update: the costs before it, and what the first layer made.

        Networks whose cost is not finite are frozen, this step included.
        """
        linear, known = first.forward(*given)

        def loss(linear: Tensor, above: Tensor) -> tuple[Tensor, Tensor]:
            return self._loss(linear, above, y, masks)

        losses, pull, statistics = differentiable(loss, linear, self.above.values)
        squares = self.above.values[..., : self.above_weights].square().sum(-1)
        costs = losses + self.penalty * (first.squares() + squares)
        self.frozen.logical_or_((costs - costs).ne(0))  # NaN for NaN and for infinity
        # networks do not mix: the gradient of all losses is that of each by its own parameters
        G, above = pull(torch.ones_like(losses))
        moved = self.averages
        if self.statistics:
            # not lerp: where both are infinite it would make NaN of them
            moved = torch.addcmul(self.averages * (1 - self.share), statistics, self.share)
            self.share.fill_(1 - self.recipe.alpha)
        if self.masks or self.frozen.any():
            frozen = self.frozen[..., None]
            G = torch.where(frozen[..., None], 0, G)  # 0 times NaN would be NaN
            above, eta = torch.where(frozen, 0, above), torch.where(frozen, 0, eta)
            moved = torch.where(frozen, self.averages, moved)
        self.t.add_(1)
        made = first.step(G, known, eta, self.t)
        descend(self.recipe, self.above, above, self.constants, eta, self.t)
        self.averages.copy_(moved)
        return costs, made

    def _loss(
        self, linear: Tensor, row: Tensor, y: Tensor, masks: Tensors | None
    ) -> tuple[Float[Tensor, "*networks"], Float[Tensor, "*networks all"]]:
        """Loss and minibatch statistics, from X W1' and all other parameters."""
        parameters = self.above.views(row)
        s1 = linear + of_units(parameters["b1"])
        run = Pass(parameters, masks=masks, trace={"s1": s1})
        s = run_layers(build(self.network)[1:], s1, run)
        found = [run.trace[name].detach() for name in self.statistics]
        statistics = torch.cat(found, -1) if found else linear.new_empty(0)
        return cross_entropy(s, y, self.network.smoothing), statistics
