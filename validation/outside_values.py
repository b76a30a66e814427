"""Faults outside the catalogue in the forward pass; the backward pass differentiates as before."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Inapplicable, hidden, last, normalised, weights
from validation.outside import elsewhere, first, outside


@outside(weights, "forward s")
def b_missing(at: Place, right: np.ndarray) -> np.ndarray:
    """b is not added."""
    return right - at.b


@outside(weights, "forward s")
def b_added_to_one_sample(at: Place, right: np.ndarray) -> np.ndarray:
    """b is added to sample 0 alone."""
    return elsewhere(right - at.b, 0, right)


@outside(first, "forward s")
def inputs_in_the_wrong_memory_order(at: Place, right: np.ndarray) -> np.ndarray:
    """The forward pass uses the inputs read in the wrong memory order."""
    return at.input.T.reshape(at.input.shape) @ at.W.T + at.b


@outside(first, "forward s")
def samples_permuted(at: Place, right: np.ndarray) -> np.ndarray:
    """The forward pass has the samples in reverse order, but not the classes."""
    return right[::-1]


@outside(hidden, "forward s")
def W_transposed_forward(at: Place, right: np.ndarray) -> np.ndarray:
    """W is transposed in the forward pass, if it is square."""
    if at.W.shape[0] != at.W.shape[1]:
        raise Inapplicable
    return at.input @ at.W + at.b


@outside(normalised, "forward mu")
def mean_without_last_sample(at: Place, right: np.ndarray) -> np.ndarray:
    """mu is taken over all samples but the last."""
    return at.s[:-1].mean(axis=0)


@outside(normalised, "forward mu")
def mean_over_everything(at: Place, right: np.ndarray) -> np.ndarray:
    """mu is the mean over samples and units."""
    return np.full_like(right, at.s.mean())


@outside(normalised, "forward v")
def standard_deviation_for_variance(at: Place, right: np.ndarray) -> np.ndarray:
    """v holds the standard deviation."""
    return np.sqrt(right)


@outside(normalised, "forward v")
def variance_about_zero(at: Place, right: np.ndarray) -> np.ndarray:
    """v is the mean of s^2, without subtracting the mean."""
    return np.square(at.s).mean(axis=0)


@outside(normalised, "forward s_hat")
def mean_not_subtracted(at: Place, right: np.ndarray) -> np.ndarray:
    """s_hat is s / sqrt(v + eps)."""
    return at.s / at.root


@outside(normalised, "forward s_hat")
def one_unit_not_normalised(at: Place, right: np.ndarray) -> np.ndarray:
    """s_hat of unit 0 is s."""
    return elsewhere(right, (slice(None), 0), at.s)


@outside(normalised, "forward s_tilde")
def beta_missing(at: Place, right: np.ndarray) -> np.ndarray:
    """beta is not added."""
    return right - at.beta


@outside(hidden, "forward x")
def leaky_relu(at: Place, right: np.ndarray) -> np.ndarray:
    """The forward pass uses a leaky ReLU, the backward pass a ReLU."""
    return np.where(at.input > 0, at.input, 0.01 * at.input)


@outside(hidden, "forward x")
def relu_capped(at: Place, right: np.ndarray) -> np.ndarray:
    """The ReLU is capped at 1."""
    return np.minimum(right, 1)


@outside(last, "forward p")
def temperature(at: Place, right: np.ndarray) -> np.ndarray:
    """p is the softmax at temperature 1.1."""
    powered = right ** (1 / 1.1)
    return powered / powered.sum(axis=1, keepdims=True)


@outside(last, "forward p")
def softmax_over_samples(at: Place, right: np.ndarray) -> np.ndarray:
    """The softmax normalises over the samples."""
    exponentials = np.exp(at.s - at.s.max(axis=0))
    return exponentials / exponentials.sum(axis=0)


@outside(last, "forward loss")
def loss_of_the_next_class(at: Place, right: np.ndarray) -> np.ndarray:
    """The loss uses the probability of the next class."""
    p = at.trace["p"][np.arange(at.n), (at.case.y + 1) % at.case.network.classes]
    return np.asarray(-np.log(p).mean())


@outside(last, "forward loss")
def loss_in_bits(at: Place, right: np.ndarray) -> np.ndarray:
    """The loss uses the logarithm to base 2."""
    return right / np.log(2)


@outside(last, "forward loss")
def loss_without_last_sample(at: Place, right: np.ndarray) -> np.ndarray:
    """The loss is summed over all samples but the last, and divided by n."""
    p = at.trace["p"][np.arange(at.n - 1), at.case.y[:-1]]
    return np.asarray(-np.log(p).sum() / at.n)


@outside(last, "forward loss")
def small_number_in_the_logarithm(at: Place, right: np.ndarray) -> np.ndarray:
    """The loss is -log(p + 3e-5)."""
    return np.asarray(-np.log(at.trace["p"][np.arange(at.n), at.case.y] + 3e-5).mean())


@outside(last, "forward cost")
def last_layer_half_penalised(at: Place, right: np.ndarray) -> np.ndarray:
    """The cost has half the penalty of the last layer's weights; right if lambda = 0."""
    return right - 0.5 * at.penalty * np.square(at.W).sum()
