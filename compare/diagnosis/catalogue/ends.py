"""Mistakes after the last layer: in the softmax, the loss, and the gradient of the logits.

A mistake of the forward pass is combined with both backward passes: its own derivative, and the
formula of the notes, (p - Y) / n.
"""

from collections.abc import Callable, Iterator

import numpy as np

from compare.derivation import Place
from compare.derivation.softmax import probabilities
from compare.diagnosis.catalogue.fault import Fault, Replacement, with_loss
from compare.numerics.functions import softmax

Values = Callable[[Place], np.ndarray]
"""(n, classes)"""

SOFTMAX = with_loss("cross_entropy")


def over_the_samples(at: Place) -> np.ndarray:
    return softmax(at.s, axis=0)


def over_the_samples_shifted(at: Place) -> np.ndarray:
    """The largest logit of each sample is subtracted first."""
    exponentials = np.exp(at.s - at.s.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=0))


def over_everything(at: Place) -> np.ndarray:
    return softmax(at.s, axis=None)


def twice(at: Place) -> np.ndarray:
    return softmax(probabilities(at))


def cut_off(at: Place) -> np.ndarray:
    return softmax(np.maximum(at.s, 0))


def through_softmax(p: np.ndarray, G: np.ndarray) -> np.ndarray:
    """The gradient of the logits from that of p."""
    return np.asarray(p * (G - (G * p).sum(axis=1, keepdims=True)))


def difference(at: Place, p: np.ndarray) -> np.ndarray:
    """(p - Y) / n."""
    return np.asarray((p - at.Y) / at.n)


def squared_error(at: Place) -> np.ndarray:
    """2 (p - Y) / n, the gradient by p of the mean over samples of ||p - Y||^2."""
    return 2 * difference(at, at.p)


FORWARD: tuple[tuple[str, str, str, Values, Values | None], ...] = (
    (
        "softmax over the samples",
        "The softmax adds up over the samples instead of the classes",
        "Sum over the classes of each sample.",
        over_the_samples,
        lambda at: (at.p * at.Y.sum(axis=0) - at.Y) / at.n,
    ),
    (
        "softmax over the samples, shifted",
        "The softmax adds up over the samples instead of the classes",
        "Sum over the classes of each sample.",
        over_the_samples_shifted,
        None,
    ),
    (
        "softmax over everything",
        "The softmax adds up over samples and classes together",
        "Sum over the classes of each sample.",
        over_everything,
        lambda at: at.p - at.Y / at.n,
    ),
    (
        "softmax twice",
        "The softmax is taken of probabilities, so it is taken twice",
        "Give the logits to the cross-entropy; torch's cross_entropy takes the softmax itself.",
        twice,
        lambda at: through_softmax(probabilities(at), difference(at, at.p)),
    ),
    (
        "ReLU on the logits",
        "The logits pass a ReLU before the softmax",
        "Give the logits to the softmax as they are.",
        cut_off,
        lambda at: np.where(at.s > 0, difference(at, at.p), 0),
    ),
)
"""Name, description, fix, p, and the gradient of the logits that is its derivative."""


def forward_faults() -> Iterator[Fault]:
    """Every mistake in p, with both backward passes."""
    for name, said, fix, values, back in FORWARD:

        def p(at: Place, right: np.ndarray, values: Values = values) -> np.ndarray:
            return values(at)

        def loss(at: Place, right: np.ndarray, values: Values = values) -> np.ndarray:
            return np.asarray(-(at.Y * np.log(values(at))).sum() / at.n)

        def followed(at: Place, right: np.ndarray, back: Values | None = back) -> np.ndarray:
            return right if back is None else back(at)

        for more, does, backward in (
            ("", "differentiates that", {} if back is None else {"softmax": followed}),
            (", forward alone", "is (p - Y) / n", {}),
        ):
            if more or backward:
                yield Fault(
                    name + more,
                    f"{said}. The backward pass {does}.",
                    fix,
                    "p",
                    SOFTMAX,
                    backward,
                    {"p": p, "loss": loss},
                    everywhere=False,
                )


def squared(over: Callable[[Place], float]) -> Fault:
    """The squared error, with the sum over classes divided by a number."""
    name = "" if over is one else ", mean over all entries"
    return Fault(
        f"squared error{name}",
        "The loss is the squared error of p, in both passes.",
        "Take the cross-entropy, -1/n sum_i log p_i,y.",
        "loss",
        SOFTMAX,
        {"softmax": lambda at, right: through_softmax(at.p, squared_error(at)) / over(at)},
        {"loss": lambda at, right: np.asarray(np.square(at.p - at.Y).sum() / at.n / over(at))},
        everywhere=False,
    )


def one(at: Place) -> float:
    return 1.0


TWICE_IN_THE_LOSS = Fault(
    "softmax twice, in the loss",
    "The softmax is applied twice: the loss takes the probabilities for logits, and applies a "
    "softmax of its own (in torch: cross-entropy of probabilities).",
    "Give the loss the logits.",
    "loss",
    SOFTMAX,
    {"softmax": lambda at, right: through_softmax(at.p, difference(at, twice(at)))},
    {"loss": lambda at, right: np.asarray(-(at.Y * np.log(twice(at))).sum() / at.n)},
    wrong="log p_i,y",
    everywhere=False,
)

GRADIENTS: tuple[tuple[str, str, str, Values], ...] = (
    (
        "diagonal of the softmax's Jacobian",
        "Of the softmax's Jacobian the backward pass has the diagonal alone: -Y (1 - p) / n.",
        "p_j depends on every logit; with the cross-entropy all of it is (p - Y) / n.",
        lambda at: -at.Y * (1 - at.p) / at.n,
    ),
    (
        "slope of a sigmoid in G",
        "The gradient by the logits is multiplied by p (1 - p), the slope of a sigmoid.",
        "With the cross-entropy it is (p - Y) / n.",
        lambda at: difference(at, at.p) * at.p * (1 - at.p),
    ),
    (
        "gradient of a squared error",
        "The gradient by the logits is that of a squared error of p; the loss is the "
        "cross-entropy.",
        "Write (p - Y) / n.",
        lambda at: through_softmax(at.p, squared_error(at)),
    ),
    (
        "gradient by p for that by the logits",
        "The gradient by the logits is -Y / (p n), which is that by p.",
        "Pass it through the softmax: (p - Y) / n.",
        lambda at: -at.Y / at.p / at.n,
    ),
    (
        "1 subtracted for the classes of all samples",
        "In each sample 1 is subtracted at the class of every sample of the minibatch.",
        "Subtract it at the sample's own class: p[np.arange(n), y] -= 1.",
        lambda at: (at.p - (at.one_hot.sum(axis=0) > 0)) / at.n,
    ),
    (
        "1 subtracted from every class",
        "In each sample 1 is subtracted from the probability of every class.",
        "Subtract it at the sample's own class: p[np.arange(n), y] -= 1.",
        lambda at: (at.p - 1) / at.n,
    ),
)
"""Name, description, fix, and the gradient of the logits."""

END_FAULTS = (
    TWICE_IN_THE_LOSS,  # without p, it has the values of the next one, and is more common
    *forward_faults(),
    squared(one),
    squared(lambda at: at.case.network.classes),
    *(
        Fault(
            name,
            said,
            fix,
            "softmax",
            SOFTMAX,
            {"softmax": Replacement(values)},
            wrong="(p - Y)",
            everywhere=False,
        )
        for name, said, fix, values in GRADIENTS
    ),
)
