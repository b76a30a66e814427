"""Faults outside the catalogue in gradients that are passed down: all layers below inherit them."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Inapplicable, hidden, last, normalised
from validation.outside import elsewhere, outside
from validation.planting import OutsideFault


def loss_gradient(at: Place, Y: np.ndarray) -> np.ndarray:
    """Gradient of the logits for other classes."""
    return (at.trace["p"] - Y) / at.n


@outside(last, "backward softmax")
def labels_off_by_one(at: Place, right: np.ndarray) -> np.ndarray:
    """Every class in G is one too high, as with labels counted from 1."""
    return loss_gradient(at, np.roll(at.one_hot, 1, axis=1))


@outside(last, "backward softmax")
def labels_permuted(at: Place, right: np.ndarray) -> np.ndarray:
    """G uses the samples' classes in reverse order."""
    return loss_gradient(at, at.one_hot[::-1])


@outside(last, "backward softmax")
def labels_smoothed(at: Place, right: np.ndarray) -> np.ndarray:
    """G smooths the labels by 0.1, but the loss does not."""
    return loss_gradient(at, 0.9 * at.one_hot + 0.1 / at.case.network.classes)


@outside(last, "backward softmax")
def last_sample_dropped(at: Place, right: np.ndarray) -> np.ndarray:
    """G is zero for the last sample."""
    return elsewhere(right, -1, np.zeros_like(right))


@outside(last, "backward softmax")
def divided_by_n_less_1(at: Place, right: np.ndarray) -> np.ndarray:
    """G is divided by n - 1 instead of n."""
    return right * (at.n / (at.n - 1))


@outside(last, "backward softmax")
def p_not_normalised(at: Place, right: np.ndarray) -> np.ndarray:
    """G uses the exponentials as p, not divided by their sum."""
    return (np.exp(at.s - at.s.max(axis=1, keepdims=True)) - at.one_hot) / at.n


@outside(last, "backward softmax")
def one_sample_counted_twice(at: Place, right: np.ndarray) -> np.ndarray:
    """G of sample 0 is doubled."""
    return elsewhere(right, 0, 2 * right)


@outside(last, "backward softmax")
def one_class_with_the_wrong_sign(at: Place, right: np.ndarray) -> np.ndarray:
    """G of the last class has the wrong sign."""
    return elsewhere(right, (slice(None), -1), -right)


@outside(hidden, "backward mask")
def leaky_slope(at: Place, right: np.ndarray) -> np.ndarray:
    """The backward pass of a ReLU uses a leaky ReLU's slope of 0.01."""
    return np.where(at.input > 0, at.G_x, 0.01 * at.G_x)


@outside(hidden, "backward mask")
def sigmoid_slope(at: Place, right: np.ndarray) -> np.ndarray:
    """The backward pass of a ReLU uses a sigmoid's slope x (1 - x)."""
    x = np.maximum(at.input, 0)
    return at.G_x * x * (1 - x)


@outside(hidden, "backward mask")
def slope_of_1_1(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient that passes the ReLU is multiplied by 1.1, as inverted dropout would do."""
    return 1.1 * right


@outside(hidden, "backward mask")
def mask_in_one_unit_missing(at: Place, right: np.ndarray) -> np.ndarray:
    """Unit 0 is not masked."""
    return elsewhere(right, (slice(None), 0), at.G_x)


@outside(hidden, "backward mask")
def mask_in_one_sample_missing(at: Place, right: np.ndarray) -> np.ndarray:
    """Sample 0 is not masked."""
    return elsewhere(right, 0, at.G_x)


@outside(hidden, "backward mask")
def mask_of_the_sample_before(at: Place, right: np.ndarray) -> np.ndarray:
    """Each sample is masked by the one before it."""
    return np.where(np.roll(at.input, 1, axis=0) > 0, at.G_x, 0)


@outside(hidden, "backward mask")
def mask_above_a_half(at: Place, right: np.ndarray) -> np.ndarray:
    """The mask passes the gradient where the input is above 0.5 instead of 0."""
    return np.where(at.input > 0.5, at.G_x, 0)


@outside(hidden, "backward down")
def down_without_one_unit(at: Place, right: np.ndarray) -> np.ndarray:
    """Unit 0 of the layer above passes no gradient down."""
    return at.G_s[:, 1:] @ at.W[1:]


@outside(hidden, "backward down")
def down_through_magnitudes(at: Place, right: np.ndarray) -> np.ndarray:
    """G is multiplied by |W| on the way down."""
    return at.G_s @ np.abs(at.W)


@outside(hidden, "backward down")
def down_through_rounded_W(at: Place, right: np.ndarray) -> np.ndarray:
    """W is rounded to three decimals on the way down."""
    return at.G_s @ np.round(at.W, 3)


@outside(hidden, "backward down")
def down_through_W_in_reverse(at: Place, right: np.ndarray) -> np.ndarray:
    """The units of the layer above are in reverse order on the way down."""
    return at.G_s @ at.W[::-1]


@outside(hidden, "backward down")
def down_with_a_penalty_on_x(at: Place, right: np.ndarray) -> np.ndarray:
    """A penalty's part is added to x's gradient, as if x were a weight; right if lambda = 0."""
    return right + 2 * at.penalty * np.maximum(at.input, 0)


@outside(normalised, "backward s_hat")
def gamma_squared(at: Place, right: np.ndarray) -> np.ndarray:
    """G is multiplied by gamma twice on the way down; right if gamma = 1."""
    return right * at.gamma


@outside(normalised, "backward s_hat")
def gamma_of_the_next_unit(at: Place, right: np.ndarray) -> np.ndarray:
    """Every unit uses the gamma of the next unit on the way down."""
    return at.G_s_tilde * np.roll(at.gamma, -1)


@outside(normalised, "backward v")
def variance_without_its_power(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient of v lacks a factor 1 / (v + eps): the power is -1/2 instead of -3/2."""
    return right * at.variance


@outside(normalised, "backward v")
def sign_of_the_variance(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient of v has the wrong sign."""
    return -right


@outside(normalised, "backward mu")
def sign_of_the_mean(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient of mu has the wrong sign."""
    return -right


@outside(normalised, "backward mu")
def mean_in_one_unit_missing(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient of mu is zero in the last unit."""
    return elsewhere(right, -1, np.zeros_like(right))


@outside(normalised, "backward s")
def root_forgotten(at: Place, right: np.ndarray) -> np.ndarray:
    """The direct term is divided by v + eps instead of its root."""
    return right + at.G_s_hat * (1 / at.variance - 1 / at.root)


@outside(normalised, "backward s")
def not_centred(at: Place, right: np.ndarray) -> np.ndarray:
    """The variance's term uses s instead of s - mu."""
    return right + at.G_v * (2 / at.n) * at.mu


@outside(normalised, "backward s")
def mean_over_units(at: Place, right: np.ndarray) -> np.ndarray:
    """The terms of mean and variance are divided by the number of units instead of samples."""
    n, m = at.s.shape
    if n == m:
        raise Inapplicable
    direct = at.G_s_hat / at.root
    return direct + (right - direct) * (n / m)


@outside(normalised, "backward s")
def first_sample_without_terms(at: Place, right: np.ndarray) -> np.ndarray:
    """The terms of mean and variance are missing for sample 0."""
    return elsewhere(right, 0, at.G_s_hat / at.root)


def root_with_eps(at: Place) -> np.ndarray:
    """The root with an eps of 1e-5. (m,)"""
    return np.sqrt(at.v + 1e-5)


def v_with_eps(at: Place, right: np.ndarray) -> np.ndarray:
    return -0.5 * (at.G_s_hat * (at.s - at.mu)).sum(axis=0) / root_with_eps(at) ** 3


def mu_with_eps(at: Place, right: np.ndarray) -> np.ndarray:
    return -at.G_s_hat.sum(axis=0) / root_with_eps(at)


def s_with_eps(at: Place, right: np.ndarray) -> np.ndarray:
    return right + at.G_s_hat * (1 / root_with_eps(at) - 1 / at.root)


eps_going_back_alone = OutsideFault(
    "eps going back alone",
    "eps is 1e-5 in the backward pass alone.",
    normalised,
    {("backward", "v"): v_with_eps, ("backward", "mu"): mu_with_eps, ("backward", "s"): s_with_eps},
)
