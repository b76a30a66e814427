"""All that a training needs to be run again: one frozen dataclass, and the named presets."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from twingrad.errors import UserError
from twingrad.initialization import initial_sigma
from twingrad.network import Network
from twingrad.schedule import learning_rates, stale_rates

LONGEST = 20_000_000
"""Updates of a training: 44,000 epochs of CIFAR-10. A learning rate is kept for each."""


@dataclass(frozen=True)
class Recipe:
    """A training run, resolved: nothing about it is decided elsewhere.

    Arguments:
        name: the preset it came from, or "custom".
        hidden: widths of the hidden layers.
        batch_norm: batch normalisation before every ReLU.
        initialization: "he", "xavier", or a sigma such as "0.01".
        penalty: lambda; the cost is loss + lambda * sum ||W||^2.
        eta_min, eta_max: the range of the cyclical learning rate.
        half_cycle: n_s in updates; None for 5 epochs' worth.
        cycles: how many cycles to train for.
        epochs: stop after so many epochs instead, mid-cycle or beyond; None for whole cycles.
        batch_size: samples per minibatch.
        alpha: share of the old value in a running statistic.
        dtype: "float32" or "float64".
        seed: of the initial parameters and the order of the samples.
        order_seed: of the order of the samples; None takes `seed`.
        batches: training files in use; below 5 the next file is the validation set.
        train_size: keep so many training samples; None for all.
        unpenalised_first_layer: a defect: the gradient of W1 lacks 2 lambda W1, while the cost
            keeps lambda ||W1||^2.
        unshuffled: a defect: every epoch takes the samples in the order of the files.
        per_file_standardization: a defect: every file by its own mean and standard deviation
            (divided by N - 1), so the test images by theirs.
        stale_eta: a defect: the update at which a cycle begins anew keeps the rate of the one
            before it.

    The defects are those of the published report's code; its numbers cannot be had without them.

    Raises:
        UserError: a value outside its range, named with what was expected.
    """

    name: str = "custom"
    hidden: tuple[int, ...] = (50, 50)
    batch_norm: bool = True
    initialization: str = "he"
    penalty: float = 0.005
    eta_min: float = 1e-5
    eta_max: float = 1e-1
    half_cycle: int | None = None
    cycles: int = 2
    epochs: int | None = None
    batch_size: int = 100
    alpha: float = 0.9
    dtype: str = "float32"
    seed: int = 0
    order_seed: int | None = None
    batches: int = 5
    train_size: int | None = None
    unpenalised_first_layer: bool = False
    unshuffled: bool = False
    per_file_standardization: bool = False
    stale_eta: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        object.__setattr__(self, "initialization", str(self.initialization))
        self.network(inputs=1, classes=2)
        initial_sigma(self.initialization, fan_in=1)
        for option, value, least in [
            ("half-cycle", self.half_cycle, 1),
            ("cycles", self.cycles, 1),
            ("epochs", self.epochs, 1),
            ("batch-size", self.batch_size, 1),
            ("seed", self.seed, 0),
            ("order-seed", self.order_seed, 0),
            ("batches", self.batches, 1),
            ("train-size", self.train_size, 1),
        ]:
            if value is not None and value < least:
                raise UserError(f"--{option} is {value}, but at least {least} was expected")
        for option, number, low, high in [
            ("penalty", self.penalty, 0, math.inf),
            ("eta-min", self.eta_min, 0, math.inf),
            ("eta-max", self.eta_max, self.eta_min, math.inf),
            ("alpha", self.alpha, 0, 1),
        ]:
            if not (low <= number <= high and math.isfinite(number)):
                raise UserError(
                    f"--{option} is {number}, but a finite number in {low} .. {high} was expected"
                )
        if self.batches > 5:
            raise UserError(f"--batches is {self.batches}, but CIFAR-10 has 5 training batches")
        if self.dtype not in ("float32", "float64"):
            raise UserError(f"--dtype is {self.dtype!r}, but float32 or float64 was expected")
        if self.batch_norm and self.hidden and self.batch_size == 1:
            raise UserError(
                "--batch-size is 1, but batch norm needs at least 2 samples: over a single one "
                "every s equals its mean; take a larger minibatch or --no-batch-norm"
            )

    def network(self, inputs: int, classes: int) -> Network:
        """The network for data of this shape."""
        return Network(inputs, self.hidden, classes, self.batch_norm)

    @property
    def shuffle_seed(self) -> int | None:
        """The seed that the order of the samples is drawn from; None for no shuffling."""
        if self.unshuffled:
            return None
        return self.seed if self.order_seed is None else self.order_seed

    def plan(self, samples: int) -> "Plan":
        """The updates and epochs of a training on so many samples.

        Raises:
            UserError: fewer samples than one minibatch holds, or more updates than `LONGEST`.
        """
        per_epoch = samples // self.batch_size
        if per_epoch == 0:
            raise UserError(
                f"--batch-size is {self.batch_size}, but there are only {samples} training samples"
            )
        half_cycle = self.half_cycle or 5 * per_epoch
        updates = self.epochs * per_epoch if self.epochs else 2 * half_cycle * self.cycles
        if max(updates, half_cycle) > LONGEST:
            raise UserError(
                f"a training of {updates} updates with half cycles of {half_cycle} was asked for, "
                f"but at most {LONGEST} was expected of either; give fewer --epochs, --cycles or "
                "--half-cycle"
            )
        rates = learning_rates(updates, half_cycle, self.eta_min, self.eta_max)
        if self.stale_eta:
            rates = stale_rates(rates, half_cycle)
        return Plan(per_epoch, half_cycle, rates)

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any], source: str) -> "Recipe":
        """The recipe that `as_json` described.

        Raises:
            UserError: an unknown field or a value of the wrong type, named with the source.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(fields) - known):
            raise UserError(f"{source}: unknown recipe field {unknown[0]!r}")
        try:
            return cls(**fields)
        except TypeError as error:
            raise UserError(f"{source}: a recipe field has the wrong type ({error})") from error


@dataclass(frozen=True)
class Plan:
    """A recipe on a data set of known size.

    Arguments:
        updates_per_epoch: whole minibatches in the training set.
        half_cycle: n_s, in updates.
        learning_rates: of every update of the whole training.
    """

    updates_per_epoch: int
    half_cycle: int
    learning_rates: Float[np.ndarray, " updates"]

    @property
    def epochs(self) -> int:
        """How many epochs there are; the last may be cut short by the end of a cycle."""
        return -(-len(self.learning_rates) // self.updates_per_epoch)


PRESETS = {
    "three-layer": Recipe(name="three-layer", hidden=(50, 50)),
    "nine-layer": Recipe(name="nine-layer", hidden=(50, 30, 20, 20, 10, 10, 10, 10)),
}
"""The report's two baselines, with batch norm."""


def preset(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    if name not in PRESETS:
        raise UserError(f"--preset is {name!r}, but there are only: {', '.join(PRESETS)}")
    return PRESETS[name]
