"""Faults outside the catalogue in the gradients of parameters, each by its own formula."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import (
    Inapplicable,
    activation_at,
    layer_at,
    normalised,
    weights,
)
from validation.outside import elsewhere, first, outside


@outside(weights, "backward W")
def one_entry_of_W_doubled(at: Place, right: np.ndarray) -> np.ndarray:
    """The first entry of W's gradient is doubled."""
    return elsewhere(right, (0, 0), 2 * right)


@outside(weights, "backward W")
def one_entry_of_W_off_by_a_millionth(at: Place, right: np.ndarray) -> np.ndarray:
    """The largest entry of W's gradient is 1e-6 of itself too large."""
    worst = np.unravel_index(np.abs(right).argmax(), right.shape)
    return elsewhere(right, worst, right * (1 + 1e-6))


@outside(weights, "backward W")
def two_entries_of_W_exchanged(at: Place, right: np.ndarray) -> np.ndarray:
    """The first two entries of a row of W's gradient are exchanged."""
    changed = right.copy()
    changed[0, :2] = right[0, 1::-1]
    return changed


@outside(weights, "backward W")
def last_unit_of_W_missing(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient of the last unit's weights is zero: a loop that ends too early."""
    return elsewhere(right, -1, np.zeros_like(right))


@outside(weights, "backward W", "backward b")
def factor_1_001(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradients of W and b are 1.001 times what they should be."""
    return 1.001 * right


@outside(weights, "backward W")
def W_clipped(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient is clipped, entry by entry, at half its largest."""
    largest = np.abs(right).max() / 2
    return np.clip(right, -largest, largest)


@outside(weights, "backward W")
def W_clipped_by_its_norm(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient is scaled to norm 0.1, as gradient clipping does."""
    return right * min(1.0, 0.1 / float(np.linalg.norm(right)))


@outside(weights, "backward W")
def penalty_missing_in_one_unit(at: Place, right: np.ndarray) -> np.ndarray:
    """The penalty's part is missing for unit 0; right if lambda = 0."""
    return elsewhere(right, 0, right - 2 * at.penalty * at.W)


@outside(weights, "backward W")
def penalty_with_lambda_squared(at: Place, right: np.ndarray) -> np.ndarray:
    """The penalty's part has lambda^2 instead of lambda; right if lambda = 0."""
    return right + 2 * (at.penalty**2 - at.penalty) * at.W


@outside(weights, "backward W")
def penalty_of_the_sign(at: Place, right: np.ndarray) -> np.ndarray:
    """The penalty's part is that of lambda ||W||_1; right if lambda = 0."""
    return right + at.penalty * (np.sign(at.W) - 2 * at.W)


@outside(lambda network: weights(network)[1:], "backward W")
def penalty_of_the_layer_below(at: Place, right: np.ndarray) -> np.ndarray:
    """The penalty's part uses W of the layer below, if the shapes match."""
    below = at.case.parameters[f"W{at.l - 1}"]
    if below.shape != at.W.shape:
        raise Inapplicable
    return right + 2 * at.penalty * (below - at.W)


@outside(first, "backward W")
def inputs_transposed(at: Place, right: np.ndarray) -> np.ndarray:
    """W1's gradient uses the inputs read in the wrong memory order."""
    x = at.input.T.reshape(at.input.shape)
    return at.G_s.T @ x + 2 * at.penalty * at.W


@outside(weights, "backward W")
def samples_shifted_by_one(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient pairs each sample's G with the input of the one before it."""
    return at.G_s.T @ np.roll(at.input, 1, axis=0) + 2 * at.penalty * at.W


@outside(weights, "backward W")
def batch_permuted(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient has the samples of its input in reverse order."""
    return at.G_s.T @ at.input[::-1] + 2 * at.penalty * at.W


@outside(lambda network: weights(network)[1:], "backward W")
def stale_trace(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient uses x of a forward pass with weights from before an update of 0.01."""
    below = layer_at(at, "affine", -1)
    step = 0.01 * below.W
    x = np.maximum(activation_at(at, -1).input + below.input @ step.T, 0)  # (n, in)
    return at.G_s.T @ x + 2 * at.penalty * at.W


@outside(weights, "backward W")
def last_sample_dropped_from_W(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient is summed over all samples but the last."""
    return right - np.outer(at.G_s[-1], at.input[-1])


@outside(weights, "backward b")
def last_sample_dropped_from_b(at: Place, right: np.ndarray) -> np.ndarray:
    """b's gradient is summed over all samples but the last."""
    return right - at.G_s[-1]


@outside(weights, "backward b")
def one_entry_of_b_with_the_wrong_sign(at: Place, right: np.ndarray) -> np.ndarray:
    """The last entry of b's gradient has the wrong sign."""
    return elsewhere(right, -1, -right)


@outside(weights, "backward b")
def b_of_the_next_unit(at: Place, right: np.ndarray) -> np.ndarray:
    """b's gradient is shifted by one unit."""
    return np.roll(right, -1)


@outside(normalised, "backward gamma")
def gamma_in_one_unit_doubled(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient of gamma is doubled in the last unit."""
    return elsewhere(right, -1, 2 * right)


@outside(normalised, "backward gamma")
def gamma_from_centred_s(at: Place, right: np.ndarray) -> np.ndarray:
    """gamma's gradient uses s - mu, not divided by the root."""
    return (at.G_s_tilde * (at.s - at.mu)).sum(axis=0)


@outside(normalised, "backward gamma")
def gamma_shared_by_units(at: Place, right: np.ndarray) -> np.ndarray:
    """gamma's gradient is summed over the units too, as for a single gamma."""
    return np.full_like(right, right.sum())


@outside(normalised, "backward gamma")
def gamma_without_first_sample(at: Place, right: np.ndarray) -> np.ndarray:
    """gamma's gradient lacks sample 0."""
    return right - at.G_s_tilde[0] * at.s_hat[0]


@outside(normalised, "backward beta")
def beta_times_gamma(at: Place, right: np.ndarray) -> np.ndarray:
    """Only beta's gradient is multiplied by gamma; right if gamma = 1."""
    return right * at.gamma


@outside(normalised, "backward beta")
def beta_from_unmasked_samples(at: Place, right: np.ndarray) -> np.ndarray:
    """beta's gradient is a mean over the samples that pass the ReLU."""
    passing = np.maximum((at.input > 0).sum(axis=0), 1)
    return right * at.n / passing
