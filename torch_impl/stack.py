"""N networks that are updated together: their tensors, and one update of all of them.

Nothing here waits for the device: decisions that depend on a cost are made there, by masks.
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
from torch_impl.first_layer import Blocks, EveryUpdate, FusedUpdate, block_length
from torch_impl.layers import Pass, Tensors, build, over_samples, run_layers
from torch_impl.losses import mean_loss
from torch_impl.optimizers import Group, StepInputs, constants_of, descend
from twingrad.network import Network
from twingrad.recipe import Recipe

Kernels = tuple[Callable[..., None], Callable[..., tuple[Tensor, Tensor | None]]]
"""`Stack._updates` and `Stack._step`, plain or compiled."""


class Stack:
    """Parameters, running statistics and optimiser of N networks.

    A captured graph refers to addresses, so every tensor keeps its address during the training.
    All have a leading axis for the networks, except for a single network.

    Arguments:
        recipes: one for each network.
        network: the architecture of all of them.
        data: X and y of the training set, on the device to use.
        kernels: `Stack.compiled()`, to run compiled updates.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        data: tuple[Tensor, Tensor],
        kernels: Kernels | None = None,
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
        self.first, self.others = self._group(["W1"]), self._group([*weights, *others])
        """W1, which is most of a network, and all other parameters, weights first."""
        self.other_weights = sum(self.others.sizes[: len(weights)])
        """Entries of W2, W3, ... in a row of `others`."""
        named = self.first.named() | self.others.named()
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
        """Networks that are no longer updated."""
        self.always_mask = kernels is not None or device.type == "cuda"
        """Whether to mask frozen networks in every update; on a CPU it is cheap to test first
        whether any network is frozen."""
        self.kernels = kernels or (Stack._updates, Stack._step)
        self.epoch: Epoch | None = None
        self.first_layers: dict[int, EveryUpdate] = {}
        self.repeated: dict[tuple[int, int], Repeated] = {}

    @staticmethod
    def compiled() -> Kernels:
        """The compiled kernels: a whole update, and its part between the products of a block."""
        return compile_afresh(Stack._updates), compile_afresh(Stack._step)

    def _group(self, names: Sequence[str]) -> Group:
        """A group of these parameters. A single parameter needs only one decay per network."""
        shapes = {name: self.network.parameter_shapes[name] for name in names}
        decays = []
        for name, shape in shapes.items():
            factor = 2 if name[0] == "W" and name not in self.recipe.unpenalised else 0
            size = math.prod(shape) if len(names) > 1 else 1
            decays.append((factor * self.penalty[..., None]).expand(*self.penalty.shape, size))
        return Group(shapes, torch.cat(decays, -1), self.recipe.optimizer)

    @torch.no_grad()
    def run_epoch(
        self,
        inputs: Mapping[str, np.ndarray],
        rates: Float[np.ndarray, "updates networks"],
        frozen: Bool[np.ndarray, " networks"],
    ) -> Float[Tensor, "updates *networks"]:
        """Run the updates of an epoch; return the cost before each, still on the device.

        Arguments:
            inputs: "order" (updates, *networks, n), dropout masks, and "flip", "shift" and
                "jitter" of an augmentation.
            rates: learning rates.
            frozen: networks that are not updated.
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
        single = FusedUpdate if self.recipe.optimizer == "sgd" else EveryUpdate
        kind = Blocks if length > 1 else single
        first = self.first_layers.setdefault(length, kind(self.recipe, self.first))
        first.start()
        run_updates = Stack._updates if length > 1 else self.kernels[0]
        for done in range(0, updates, length):
            number = min(length, updates - done)
            repeated = self.repeated.setdefault((length, number), Repeated(self.frozen.device))
            repeated(partial(run_updates, self, first, number))
        first.finish()
        self.updates += updates
        return self.epoch.costs[:updates]

    def _settings(
        self, rates: Float[np.ndarray, "updates networks"]
    ) -> Float[np.ndarray, "updates networks 4"]:
        """For each update: the learning rate, the weights of the old running statistics and of the
        new batch statistics in their average, and the number of the update, from 1."""
        t = self.updates + 1 + np.arange(len(rates))
        old_weight = np.where(t == 1, 0, self.recipe.alpha)
        common = [old_weight, 1 - old_weight, t]
        common = [np.broadcast_to(values[:, None], rates.shape) for values in common]
        return np.stack([rates, *common], -1).astype(self.recipe.dtype)

    def _updates(self, first: EveryUpdate, number: int) -> None:
        """Run the next updates of the epoch."""
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
        step, costs = (self.kernels[1] if isinstance(first, Blocks) else Stack._step), []
        for k in range(number):
            masks = {name: inputs[name][k] for name in self.network.mask_shapes} or None
            first_inputs = first.inputs(X, k)
            cost, delayed = step(self, first, first_inputs, y[k], masks, inputs["settings"][k])
            first.store(k, delayed)
            costs.append(cost)
        first.end()
        self.epoch.record(torch.stack(costs))

    def _step(
        self,
        first: EveryUpdate,
        first_inputs: tuple[Tensor, ...],
        y: Tensor,
        masks: Tensors | None,
        settings: Tensor,
    ) -> tuple[Float[Tensor, "*networks"], Tensor | None]:
        """Run one update. Networks whose cost is not finite are frozen before their step.

        Returns the costs before the update, and the first layer's delayed update, if any.
        """

        def loss(source: Tensor, row: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            parameters = self.others.views(row)
            s1 = first.linear(source, *first_inputs) + over_samples(parameters["b1"])
            run = Pass(parameters, masks=masks)
            s = run_layers(self.layers, s1, run)
            losses = mean_loss(self.network, s, y)
            statistics = [run.trace[name].detach() for name in self.statistics]
            batch = torch.cat(statistics, -1) if statistics else self.averages
            # networks are independent, so the gradient of the sum holds each one's own gradient
            return losses.sum(), (losses.detach(), batch)

        source = first.source(*first_inputs)
        (G, G_others), (losses, batch) = differentiate(loss, source, self.others.values)
        eta, old_weight, new_weight, t = settings.split_with_sizes([1] * 4, -1)
        squares = first.squares() + self.others.values[..., : self.other_weights].square().sum(-1)
        costs = torch.addcmul(losses, self.penalty, squares)
        self.frozen.logical_or_((costs - costs).ne(0))  # NaN - NaN and inf - inf are NaN
        if self.always_mask or self.frozen.any():
            frozen = self.frozen[..., None]
            # not a product with the mask: 0 times NaN is NaN
            G = torch.where(frozen.view(-1, *[1] * (G.dim() - 1)), 0, G)
            G_others, eta = torch.where(frozen, 0, G_others), torch.where(frozen, 0, eta)
            batch = torch.where(frozen, 0, batch)
            old_weight = torch.where(frozen, 1, old_weight)
            new_weight = torch.where(frozen, 0, new_weight)
        if self.statistics:
            # not lerp, which gives NaN where both are infinite
            self.averages.mul_(old_weight).addcmul_(batch, new_weight)
        now = StepInputs(self.constants, eta, t)
        delayed = first.step(G, source, now, *first_inputs)
        descend(self.recipe, self.others, G_others, now)
        return costs, delayed
