"""The task of the GPU benchmark: what is trained, how much of it, and its timing."""

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
    """Sizes of the benchmark.

    Arguments:
        samples: in the training set; a round is one epoch.
        stacks: numbers of networks in the two stacks.
        settings: number of settings of the sweep.
        at_once: settings of the sweep in one stack.
        epochs: of the sweep, and of the single run.
        rounds: of every comparison.
        inputs: values per sample.
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
    """A [50, 50] network with batch norm and equal initial parameters for all contenders.

    Arguments:
        sizes: of the benchmark.
        dataset: in float32.
        device: the device that trains.
        eta: the learning rate.
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
        """Seconds until the device has finished the run."""
        self.wait()
        started = time.perf_counter()
        run()
        self.wait()
        return time.perf_counter() - started

    def wait(self) -> None:
        """Wait for everything that torch has queued on the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def load(data: str | None, sizes: Sizes, output: Output) -> Dataset:
    """CIFAR-10 if its path is given and it can be read, otherwise noise of the same shape."""
    data = data or os.environ.get("TWINGRAD_DATA")
    if data and sizes is FULL:
        try:
            from twingrad.cifar.loading import load_dataset

            return load_dataset(data)
        except ImportError as error:
            output.print(f"cannot read {data} ({error}); using noise instead")
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        X = rng.standard_normal((n, sizes.inputs), dtype=np.float32)
        return Split(X, rng.integers(10, size=n))

    return Dataset(
        split(sizes.samples), split(sizes.samples // 9), split(sizes.samples // 9), 10, {}
    )
