"""What is trained in the GPU benchmark, how much of it, and the seconds it takes."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from scripts.output import Output
from twingrad.dataset import Dataset, Split
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe, preset


@dataclass(frozen=True)
class Sizes:
    """How much is done.

    Arguments:
        samples: in the training set; a round is one epoch of them.
        stacks: networks of the two stacks.
        settings, at_once: of the sweep: how many, and how many of them in a stack.
        epochs: of the sweep, and of the run that is timed alone.
        rounds: of every comparison.
    """

    samples: int
    stacks: tuple[int, int]
    settings: int
    at_once: int
    epochs: int
    rounds: int
    inputs: int = 3072


FULL = Sizes(45_000, (256, 500), settings=1000, at_once=500, epochs=20, rounds=5)
QUICK = Sizes(600, (4, 5), settings=6, at_once=4, epochs=2, rounds=2, inputs=48)


@dataclass(frozen=True)
class Task:
    """[50, 50] with batch norm, the same start for every network and every contender.

    Arguments:
        sizes: how much is done.
        dataset: in float32.
        device: where.
    """

    sizes: Sizes
    dataset: Dataset
    device: torch.device
    eta: float = 0.001

    @property
    def recipe(self) -> Recipe:
        return preset("three-layer")

    @property
    def network(self) -> Network:
        return self.recipe.network(self.dataset.training.X.shape[1], 10)

    @property
    def start(self) -> Parameters:
        return initialize(self.network, "he", 0)

    @property
    def order(self) -> np.ndarray:
        """The rows of an epoch, (updates, n)."""
        return minibatch_order(0, 0, len(self.dataset.training), self.recipe.batch_size)

    def seconds(self, run: Callable[[], object]) -> float:
        """Until the device has done it."""
        self.wait()
        started = time.perf_counter()
        run()
        self.wait()
        return time.perf_counter() - started

    def wait(self) -> None:
        """For all that was queued on the device by torch."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def load(data: str | None, sizes: Sizes, output: Output) -> Dataset:
    """CIFAR-10 where it is named and readable, noise of the same shape otherwise."""
    data = data or os.environ.get("TWINGRAD_DATA")
    if data and sizes is FULL:
        try:
            from twingrad.cifar.loading import load_dataset

            return load_dataset(data)
        except ImportError as error:
            output.print(f"{data} is not read, for want of a module ({error}); noise instead")
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        X = rng.standard_normal((n, sizes.inputs), dtype=np.float32)
        return Split(X, rng.integers(10, size=n))

    return Dataset(
        split(sizes.samples), split(sizes.samples // 9), split(sizes.samples // 9), 10, {}
    )
