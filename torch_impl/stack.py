"""N networks that are updated together: what they hold, and one update of all of them.

Nothing here waits for the device: what depends on a cost is decided there, by masks.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from torch_impl.augmentation import augment
from torch_impl.capture import Epoch, Repeated, compile_afresh, differentiate
from torch_impl.first_layer import Blocks, OneByOne, Straight, block_length
from torch_impl.layers import Pass, Tensors, build, cross_entropy, of_units, run_layers
from torch_impl.optimizers import Group, Now, constants_of, descend
from twingrad.network import Network
from twingrad.recipe import Recipe

Forms = tuple[Callable[..., None], Callable[..., tuple[Tensor, Tensor | None]]]
"""`Stack._updates` and `Stack._step`, as they are or compiled."""


class Stack:
    """Parameters, running statistics and optimiser of N networks.

    A captured graph keeps addresses, so every tensor stays where it is as long as the training.
    All have a leading axis for the networks; with a single network they lack it.

    Arguments:
        recipes: of each network.
        network: what the parameters belong to.
        data: X and y of the training set, on the device that everything is to be on.
        forms: `Stack.compiled()`, to run what the compiler made of an update.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        data: tuple[Tensor, Tensor],
        forms: Forms | None = None,
    ) -> None:
        self.recipe, self.network, self.data = recipes[0], network, data
        self.layers = build(network)[1:]
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
        self.parameters = {name: named[name] for name in network.parameter_shapes}
        self.memory = {
            f"{kind}.{name}": named[f"{kind}.{name}"]
            for kind in self.first.memory
            for name in network.parameter_shapes
        }
        widths = [width for (width,) in network.statistic_shapes.values()]
        self.averages = self.penalty.new_zeros((*lead, sum(widths)))
        self.statistics = dict(
            zip(network.statistic_shapes, self.averages.split(widths, -1), strict=True)
        )
        self.updates = 0
        self.frozen = torch.zeros(lead, dtype=torch.bool, device=device)
        """Networks that no longer move."""
        self.masks = forms is not None or device.type == "cuda"
        """Whether to mask in every update; a CPU can ask whether there is anything to mask."""
        self.forms = forms or (Stack._updates, Stack._step)
        self.epoch: Epoch | None = None
        self.first_layers: dict[int, OneByOne] = {}
        self.repeated: dict[tuple[int, int], Repeated] = {}

    @staticmethod
    def compiled() -> Forms:
        """What single updates run as a whole, and what a block runs between its products."""
        return compile_afresh(Stack._updates), compile_afresh(Stack._step)

    def _group(self, names: Sequence[str]) -> Group:
        """Parameters that move together. Alone, one has the same decay everywhere."""
        shapes = {name: self.network.parameter_shapes[name] for name in names}
        decays = []
        for name, shape in shapes.items():
            pull = 2 if name[0] == "W" and name not in self.recipe.unpenalised else 0
            size = math.prod(shape) if len(names) > 1 else 1
            decays.append((pull * self.penalty[..., None]).expand(*self.penalty.shape, size))
        return Group(shapes, torch.cat(decays, -1), self.recipe.optimizer)

    @torch.no_grad()
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
        updates, lead = len(rates), self.penalty.shape
        length = 1
        if inputs["order"].ndim == 2:
            length = block_length(self.recipe, self.penalties, rates, self.frozen.device)
        inputs = {**inputs, "settings": self._settings(rates).reshape(updates, *lead, -1)}
        if self.epoch is None or not self.epoch.holds(inputs):
            self.epoch, self.repeated = Epoch(inputs, self.penalty), {}
        self.epoch.begin(inputs)
        self.frozen.copy_(torch.from_numpy(frozen).view(lead))
        single = Straight if self.recipe.optimizer == "sgd" else OneByOne
        kind = Blocks if length > 1 else single
        first = self.first_layers.setdefault(length, kind(self.recipe, self.first))
        first.start()
        updates_of = Stack._updates if length > 1 else self.forms[0]
        for done in range(0, updates, length):
            number = min(length, updates - done)
            repeated = self.repeated.setdefault((length, number), Repeated(self.frozen.device))
            repeated(partial(updates_of, self, first, number))
        first.finish()
        self.updates += updates
        return self.epoch.costs[:updates]

    def _settings(
        self, rates: Float[np.ndarray, "updates networks"]
    ) -> Float[np.ndarray, "updates networks 4"]:
        """For each update: the learning rate, the weights of the old running statistics and of the
        minibatch's in the new ones, and its number, from 1."""
        t = self.updates + 1 + np.arange(len(rates))
        keep = np.where(t == 1, 0, self.recipe.alpha)
        alike = [np.broadcast_to(each[:, None], rates.shape) for each in (keep, 1 - keep, t)]
        return np.stack([rates, *alike], -1).astype(self.recipe.dtype)

    def _updates(self, first: OneByOne, number: int) -> None:
        """The next updates of the epoch."""
        assert self.epoch is not None
        inputs = self.epoch.take(number)
        rows = inputs["order"].view(-1)
        X, y = self.data
        X = X.index_select(0, rows).to(self.penalty.dtype)
        X = X.view(*inputs["order"].shape, -1)  # (updates, ..., n, d)
        y = y.index_select(0, rows).view(inputs["order"].shape)
        if "flip" in inputs:
            X = augment(X, inputs["flip"], inputs["shift"], inputs["jitter"])
        first.begin(X)
        step, costs = (self.forms[1] if isinstance(first, Blocks) else Stack._step), []
        for k in range(number):
            masks = {name: inputs[name][k] for name in self.network.mask_shapes} or None
            given = first.given(X, k)
            cost, made = step(self, first, given, y[k], masks, inputs["settings"][k])
            first.keep(k, made)
            costs.append(cost)
        first.end()
        self.epoch.record(torch.stack(costs))

    def _step(
        self,
        first: OneByOne,
        given: tuple[Tensor, ...],
        y: Tensor,
        masks: Tensors | None,
        settings: Tensor,
    ) -> tuple[Float[Tensor, "*networks"], Tensor | None]:
        """An update. Networks whose cost is not finite are frozen, this step included.

        Returns the costs before it, and what the first layer is to keep.
        """

        def loss(source: Tensor, row: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            parameters = self.above.views(row)
            s1 = first.linear(source, *given) + of_units(parameters["b1"])
            run = Pass(parameters, masks=masks)
            s = run_layers(self.layers, s1, run)
            losses = cross_entropy(s, y, self.network.smoothing)
            found = [run.trace[name].detach() for name in self.statistics]
            statistics = torch.cat(found, -1) if found else self.averages
            # networks do not mix: the gradient of the sum is that of each by its own parameters
            return losses.sum(), (losses.detach(), statistics)

        source = first.source(*given)
        (G, above), (losses, found) = differentiate(loss, source, self.above.values)
        eta, keep, share, t = settings.split_with_sizes([1] * 4, -1)
        squares = first.squares() + self.above.values[..., : self.above_weights].square().sum(-1)
        costs = torch.addcmul(losses, self.penalty, squares)
        self.frozen.logical_or_((costs - costs).ne(0))  # NaN for NaN and for infinity
        if self.masks or self.frozen.any():
            frozen = self.frozen[..., None]
            G = torch.where(frozen.view(-1, *[1] * (G.dim() - 1)), 0, G)  # 0 times NaN is NaN
            above, eta = torch.where(frozen, 0, above), torch.where(frozen, 0, eta)
            keep = torch.where(frozen, 1, keep)
            found, share = torch.where(frozen, 0, found), torch.where(frozen, 0, share)
        if self.statistics:
            # not lerp: where both are infinite it would make NaN of them
            self.averages.mul_(keep).addcmul_(found, share)
        now = Now(self.constants, eta, t)
        made = first.step(G, source, now, *given)
        descend(self.recipe, self.above, above, now)
        return costs, made
