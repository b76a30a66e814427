"""A recipe, which is everything needed to repeat a training, and the named presets.

Each field defines its default, its range and its help in one place. The options of `twingrad
train` and the fields of `twingrad sweep` are generated from them.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from twingrad.augmentation import draw_augmentation, image_side
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.initialization import initial_sigma
from twingrad.layers import ACTIVATIONS, BATCH_NORMS, LOSSES, NORMALIZATIONS
from twingrad.minibatches import EpochInputs, draw_masks, minibatch_order
from twingrad.network import Network
from twingrad.schedule import SCHEDULES, Plan, learning_rates
from twingrad.settings import require_in_range, setting

MAX_UPDATES = 20_000_000
"""Maximum number of updates, 44,000 epochs of CIFAR-10: a learning rate is stored for each."""

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam")
DTYPES = ("float32", "float64")


ADAM = ("optimizer", ("adam",))
BATCH_NORM = ("normalization", BATCH_NORMS)


@dataclass(frozen=True)
class Recipe:
    """The complete specification of a training.

    Raises:
        UserError: a value is out of range.
    """

    name: str = setting("custom", "The preset it came from.")
    hidden: tuple[int, ...] = setting((50, 50), "Widths of the hidden layers, such as 50,50.")
    normalization: str = setting(
        "batch",
        "Batch norm before or after every activation, layer norm before it, or none.",
        choices=tuple(NORMALIZATIONS),
    )
    activation: str = setting(
        "relu", "Activation function of the hidden layers.", choices=ACTIVATIONS
    )
    slope: float = setting(
        0.01, "Slope of the leaky ReLU below 0.", only_with=("activation", ("leaky_relu",))
    )
    dropout: float = setting(0.0, "Probability that a hidden unit is dropped.", low=0, below=1)
    initialization: str = setting("he", "he, xavier, or a sigma such as 0.01.")
    penalty: float = setting(0.005, "lambda: the cost is loss + lambda * sum ||W||^2.", low=0)
    smoothing: float = setting(
        0.0, "Label smoothing: share of a target spread over all classes.", low=0, below=1
    )
    loss: str = setting(
        "cross_entropy",
        "Cross-entropy of a softmax; binary cross-entropy or squared error of sigmoids.",
        choices=LOSSES,
    )
    optimizer: str = setting(
        "sgd", "Plain gradient descent, momentum, Nesterov's momentum or Adam.", choices=OPTIMIZERS
    )
    momentum: float = setting(
        0.9,
        "Momentum, for --optimizer momentum and nesterov.",
        low=0,
        below=1,
        only_with=("optimizer", ("momentum", "nesterov")),
    )
    beta1: float = setting(0.9, "Adam's decay of the first moment.", low=0, below=1, only_with=ADAM)
    beta2: float = setting(
        0.999, "Adam's decay of the second moment.", low=0, below=1, only_with=ADAM
    )
    adam_eps: float = setting(
        1e-8, "Added to the root of Adam's second moment.", low=0, only_with=ADAM
    )
    decoupled: bool = setting(
        False, "Apply the decay 2 eta lambda directly to the weights, as in AdamW."
    )
    schedule: str = setting("cyclical", "Schedule of the learning rate.", choices=SCHEDULES)
    eta_min: float = setting(1e-5, "Smallest learning rate.", low=0)
    eta_max: float = setting(1e-1, "Largest learning rate.", low=0)
    half_cycle: int | None = setting(
        None, "n_s: half a cycle in updates. Default: 5 epochs.", low=1
    )
    cycles: int = setting(2, "Number of cycles of 2 n_s updates.", low=1)
    step_factor: float = setting(
        0.1,
        "Factor by which the schedule 'step' multiplies the rate after every cycle.",
        low=0,
        high=1,
        only_with=("schedule", ("step",)),
    )
    epochs: int | None = setting(
        None, "Number of epochs. Default: as many as the cycles take.", low=1
    )
    batch_size: int = setting(100, "Samples per minibatch.", low=1)
    flip: bool = setting(False, "Flip each image left to right with probability 1/2.")
    shift: int = setting(0, "Shift images by up to this many pixels.", low=0)
    jitter: float = setting(
        0.0, "Standard deviation of random brightness and contrast, in standardised units.", low=0
    )
    alpha: float = setting(
        0.9,
        "Weight of the old value in a running statistic.",
        low=0,
        high=1,
        only_with=BATCH_NORM,
    )
    precise_statistics: bool = setting(
        False,
        "At the end, replace running statistics by those of the whole training set.",
        only_with=BATCH_NORM,
    )
    dtype: str = setting("float32", "Precision of all arithmetic.", choices=DTYPES)
    seed: int = setting(
        0, "Seed of initial parameters, sample order, dropout and augmentation.", low=0
    )
    order_seed: int | None = setting(None, "Seed of the sample order. Default: --seed.", low=0)
    batches: int = setting(
        5, "Training files to use; below 5 the next one is for validation.", low=1, high=5
    )
    train_size: int | None = setting(None, "Number of training images to use. Default: all.", low=1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        object.__setattr__(self, "initialization", str(self.initialization))
        for field in dataclasses.fields(self):
            require_in_range(field, getattr(self, field.name))
        self.network(inputs=1, classes=2)
        initial_sigma(self.initialization, fan_in=1)
        if self.eta_max < self.eta_min:
            raise UserError(
                f"--eta-max is {self.eta_max}, but expected at least --eta-min, {self.eta_min}"
            )
        if self.schedule == "range" and not 0 < self.eta_min < self.eta_max:
            raise UserError(
                f"--eta-min is {self.eta_min} and --eta-max is {self.eta_max}, but the range test "
                "multiplies the rate by a constant factor: expected 0 < eta-min < eta-max"
            )
        if self.batch_norm and self.hidden and self.batch_size == 1:
            raise UserError(
                "--batch-size is 1, but batch norm needs at least 2 samples: a single s always "
                "equals its mean; take a larger minibatch or --normalization none"
            )

    @property
    def batch_norm(self) -> bool:
        """Whether batch norm is used, before or after the activation."""
        return self.normalization in BATCH_NORMS

    @property
    def unpenalised(self) -> tuple[str, ...]:
        """Weights without a penalty in their gradient; not empty only in recipes with defects."""
        return ()

    @property
    def per_file_standardization(self) -> bool:
        """Whether every file is standardised on its own; True only in recipes with defects."""
        return False

    def network(self, inputs: int, classes: int) -> Network:
        """The network for data of this shape."""
        return Network(
            inputs,
            self.hidden,
            classes,
            self.normalization,
            self.activation,
            self.slope,
            self.dropout,
            self.smoothing,
            loss=self.loss,
        )

    @property
    def shuffle_seed(self) -> int | None:
        """The seed of the sample order; None for no shuffling."""
        return self.seed if self.order_seed is None else self.order_seed

    @property
    def augments(self) -> bool:
        """Whether images are augmented."""
        return bool(self.flip or self.shift or self.jitter)

    @property
    def draws(self) -> tuple[object, ...]:
        """Everything that the minibatches depend on: recipes with equal draws can share them."""
        augmentation = (self.flip, self.shift, self.jitter, self.seed) if self.augments else None
        return (self.shuffle_seed, augmentation, self.seed if self.dropout else None)

    def inputs(self, network: Network, epoch: int, plan: Plan) -> EpochInputs:
        """Draw the inputs of one epoch.

        Arguments:
            network: defines the dropout masks.
            epoch: from 0.
            plan: of this recipe.
        """
        rates = plan.of_epoch(epoch)
        order = minibatch_order(self.shuffle_seed, epoch, plan.samples, self.batch_size)
        order = order[: len(rates)]
        augmentation = None
        if self.augments:
            augmentation = draw_augmentation(
                self.seed, epoch, order.shape, flip=self.flip, shift=self.shift, jitter=self.jitter
            )
        masks = draw_masks(network, self.seed, epoch, order.shape)
        return EpochInputs(order, rates[None], masks, augmentation)

    def plan(self, samples: int) -> Plan:
        """The updates and epochs of a training on this many samples.

        Raises:
            UserError: there are fewer samples than in a minibatch, or more updates than
                `MAX_UPDATES`.
        """
        per_epoch = samples // self.batch_size
        if per_epoch == 0:
            raise UserError(
                f"--batch-size is {self.batch_size}, but there are only {samples} training samples"
            )
        half_cycle = self.half_cycle or 5 * per_epoch
        updates = self.epochs * per_epoch if self.epochs else 2 * half_cycle * self.cycles
        if max(updates, half_cycle) > MAX_UPDATES:
            raise UserError(
                f"the training has {updates} updates and half cycles of {half_cycle}, but expected "
                f"at most {MAX_UPDATES} each; reduce --epochs, --cycles or --half-cycle"
            )
        rates = learning_rates(
            self.schedule, updates, half_cycle, self.eta_min, self.eta_max, self.step_factor
        )
        return Plan(samples, per_epoch, half_cycle, rates)

    def plan_for(self, dataset: Dataset) -> Plan:
        """`plan` for this dataset.

        Raises:
            UserError: as `plan`, or the samples are not images that can be augmented.
        """
        if self.augments:
            image_side(dataset.training.X.shape[1], self.shift)
        return self.plan(len(dataset.training))

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any], source: str) -> "Recipe":
        """Read the output of `as_json`, also of versions before layers had kinds.

        Raises:
            UserError: a field is unknown or has the wrong type; the message starts with `source`.
        """
        fields = modernised(fields, source)
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(fields) - known):
            raise UserError(f"{source}: unknown recipe field {unknown[0]!r}")
        try:
            return cls(**fields)
        except TypeError as error:
            raise UserError(f"{source}: a recipe field has the wrong type ({error})") from error


FORMER_DEFECTS = (
    "unpenalised_first_layer",
    "unshuffled",
    "per_file_standardization",
    "stale_eta",
)
"""Fields of the first recipes, for defects that only `reproduction` still has."""


def modernised(fields: dict[str, Any], source: str) -> dict[str, Any]:
    """Convert the fields of the first recipes, in which batch norm was a flag.

    Raises:
        UserError: the recipe has one of the report's defects.
    """
    if "batch_norm" not in fields:
        return fields
    fields = dict(fields)
    fields["normalization"] = "batch" if fields.pop("batch_norm") else "none"
    for defect in FORMER_DEFECTS:
        if fields.pop(defect, False):
            raise UserError(
                f"{source}: has the defect {defect!r}, which `train` no longer has; "
                "`twingrad reproduce` trains with it"
            )
    return fields


PRESETS = {
    "three-layer": Recipe(name="three-layer", hidden=(50, 50)),
    "nine-layer": Recipe(name="nine-layer", hidden=(50, 30, 20, 20, 10, 10, 10, 10)),
}
"""The report's two baselines, with batch norm."""


def preset(name: str) -> Recipe:
    """The preset of that name.

    Raises:
        UserError: there is no such preset.
    """
    if name not in PRESETS:
        raise UserError(f"--preset is {name!r}, but expected one of: {', '.join(PRESETS)}")
    return PRESETS[name]
