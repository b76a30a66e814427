"""The candidates of `benchmarks.torch_speed`: our updates, matrix products and the usual loop.

A `Work` runs some updates when called and returns the number of net-updates.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import torch_impl
from benchmarks.workload import at_rate
from twingrad.dataset import Dataset
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.recipe import Recipe

UPDATES, STACK, STACKED_UPDATES, BATCH = 50, 32, 8, 100

Work = Callable[[], int]


def ours(recipe: Recipe, dataset: Dataset, *, compiled: bool) -> Work:
    """Updates of a single net."""
    network = recipe.network(3072, 10)
    parameters = initialize(network, "he", seed=0)
    learner = torch_impl.learner([recipe], network, dataset, [parameters], compiled=compiled)
    order = minibatch_order(0, 0, len(dataset.training), BATCH)[:UPDATES]
    return lambda: learner.run_epoch(at_rate(order, 0.001)).size


def stacked(recipe: Recipe, dataset: Dataset) -> Work:
    """Updates of a stack whose nets share their minibatches."""
    network = recipe.network(3072, 10)
    parameters = [initialize(network, "he", seed=0)] * STACK
    learner = torch_impl.learner([recipe] * STACK, network, dataset, parameters)
    order = minibatch_order(0, 0, len(dataset.training), BATCH)[:STACKED_UPDATES]
    return lambda: learner.run_epoch(at_rate(order, 0.001, STACK)).size


def products(recipe: Recipe) -> Work:
    """Only the eight matrix products of an update, written into buffers."""
    widths, rng = (3072, *recipe.hidden, 10), np.random.default_rng(0)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))

    layers = [
        (tensor(BATCH, m), tensor(out, m), tensor(BATCH, out))
        for m, out in itertools.pairwise(widths)
    ]
    results = [[torch.empty_like(tensor) for tensor in layer] for layer in layers]

    def run() -> int:
        for _ in range(UPDATES):
            for number, ((x, W, g), (dx, dW, s)) in enumerate(zip(layers, results, strict=True)):
                torch.mm(x, W.t(), out=s)
                torch.mm(g.t(), x, out=dW)
                if number:
                    torch.mm(g, W, out=dx)
        return UPDATES

    return run


class Images(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """uint8 images that are converted and standardised one at a time, as in CIFAR-10 tutorials."""

    def __init__(self, n: int) -> None:
        from twingrad.vision import transforms

        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        self.classes = rng.integers(10, size=n).tolist()
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[i]), self.classes[i]


def usual(recipe: Recipe) -> Work:
    """The loop of a PyTorch tutorial: nn.Sequential, DataLoader, transforms, SGD."""
    layers: list[nn.Module] = [nn.Flatten()]
    for m, out in zip((3072, *recipe.hidden), recipe.hidden, strict=False):
        layers += [nn.Linear(m, out), nn.BatchNorm1d(out), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(recipe.hidden[-1], 10))
    loader = torch.utils.data.DataLoader(Images(UPDATES * BATCH), BATCH, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, weight_decay=2 * recipe.penalty)
    criterion = nn.CrossEntropyLoss()

    def run() -> int:
        model.train()
        for X, y in loader:
            optimizer.zero_grad()
            criterion(model(X), y).backward()
            optimizer.step()
        return UPDATES

    return run
