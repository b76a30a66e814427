"""Other formulas for the steps, which must raise no alarm: each is equal to its step."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from compare.derivation import Place
from compare.derivation.place import Compute


@dataclass(frozen=True)
class OtherFormula:
    """Another formula for a step.

    Arguments:
        name: in words.
        stage, operation: the step.
        compute: the same result by other arithmetic.
    """

    name: str
    stage: str
    operation: str
    compute: Compute


FORMULAS: list[OtherFormula] = []


def equivalent(place: str) -> Callable[[Compute], Compute]:
    """Register a function as another formula of the step "stage operation"."""
    stage, operation = place.split()

    def enter(compute: Compute) -> Compute:
        name = compute.__name__.replace("_", " ")
        FORMULAS.append(OtherFormula(name, stage, operation, compute))
        return compute

    return enter


def weight_arrays(at: Place) -> list[np.ndarray]:
    """Every W."""
    return [at.case.parameters[f"W{l}"] for l in range(1, at.case.network.depth + 1)]


@equivalent("forward s")
def affine_in_columns(at: Place) -> np.ndarray:
    return np.asarray((at.W @ at.input.T + at.b[:, None]).T)


@equivalent("forward s")
def affine_by_einsum(at: Place) -> np.ndarray:
    return np.einsum("ni,oi->no", at.input, at.W) + at.b


@equivalent("forward s")
def affine_with_b_as_a_weight(at: Place) -> np.ndarray:
    ones = np.ones((at.n, 1), at.input.dtype)
    return np.hstack([at.input, ones]) @ np.hstack([at.W, at.b[:, None]]).T


@equivalent("forward s")
def affine_sample_by_sample(at: Place) -> np.ndarray:
    return np.stack([at.W @ x + at.b for x in at.input])


@equivalent("forward s")
def affine_input_by_input(at: Place) -> np.ndarray:
    s = np.tile(at.b, (at.n, 1))
    for k in reversed(range(at.W.shape[1])):
        s = s + np.outer(at.input[:, k], at.W[:, k])
    return s


@equivalent("forward mu")
def mean_as_a_sum(at: Place) -> np.ndarray:
    return np.asarray(at.s.sum(axis=0) / at.n)


@equivalent("forward mu")
def mean_as_a_product(at: Place) -> np.ndarray:
    return np.full(at.n, 1 / at.n, at.s.dtype) @ at.s


@equivalent("forward mu")
def mean_updated(at: Place) -> np.ndarray:
    """Welford's."""
    mu = np.zeros_like(at.s[0])
    for i, s in enumerate(at.s):
        mu = mu + (s - mu) / (i + 1)
    return mu


@equivalent("forward v")
def variance_by_numpy(at: Place) -> np.ndarray:
    return np.var(at.s, axis=0)


@equivalent("forward v")
def variance_as_a_difference(at: Place) -> np.ndarray:
    return np.asarray(np.square(at.s).mean(axis=0) - np.square(at.mu))


@equivalent("forward v")
def variance_from_unbiased(at: Place) -> np.ndarray:
    return np.asarray(at.s.var(axis=0, ddof=1) * (at.n - 1) / at.n)


@equivalent("forward v")
def variance_of_pairs(at: Place) -> np.ndarray:
    differences = at.s[:, None] - at.s[None]  # (n, n, m)
    return np.asarray(np.square(differences).sum(axis=(0, 1)) / (2 * at.n**2))


@equivalent("forward s_hat")
def normalised_by_a_power(at: Place) -> np.ndarray:
    return np.asarray((at.s - at.mu) * at.variance**-0.5)


@equivalent("forward s_hat")
def normalised_by_an_inverse(at: Place) -> np.ndarray:
    inverse = 1 / at.root
    return np.asarray(at.s * inverse - at.mu * inverse)


@equivalent("forward s_hat")
def normalised_by_a_diagonal_matrix(at: Place) -> np.ndarray:
    return np.asarray((at.s - at.mu) @ np.diag(1 / at.root))


@equivalent("forward s_tilde")
def scale_and_shift_folded(at: Place) -> np.ndarray:
    scale = at.gamma / at.root
    return np.asarray(at.s * scale + (at.beta - at.mu * scale))


@equivalent("forward s_tilde")
def scale_and_shift_by_einsum(at: Place) -> np.ndarray:
    return np.einsum("m,nm->nm", at.gamma, at.s_hat) + at.beta


@equivalent("forward x")
def relu_by_the_magnitude(at: Place) -> np.ndarray:
    return np.asarray((at.input + np.abs(at.input)) / 2)


@equivalent("forward x")
def relu_by_a_product(at: Place) -> np.ndarray:
    return np.asarray(at.input * (at.input > 0))


@equivalent("forward x")
def relu_by_clipping(at: Place) -> np.ndarray:
    return np.clip(at.input, 0, None)


@equivalent("forward p")
def softmax_without_the_shift(at: Place) -> np.ndarray:
    exponentials = np.exp(at.s)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


@equivalent("forward p")
def softmax_by_scipy(at: Place) -> np.ndarray:
    return softmax(at.s, axis=1)


@equivalent("forward p")
def softmax_by_its_logarithm(at: Place) -> np.ndarray:
    return np.exp(at.s - logsumexp(at.s, axis=1, keepdims=True))


@equivalent("forward p")
def softmax_of_differences(at: Place) -> np.ndarray:
    return np.asarray(1 / np.exp(at.s[:, None, :] - at.s[:, :, None]).sum(axis=2))


@equivalent("forward p")
def softmax_shifted_by_the_mean_in_columns(at: Place) -> np.ndarray:
    s = at.s.T - at.s.T.mean(axis=0)
    exponentials = np.exp(s)
    return np.asarray((exponentials / exponentials.sum(axis=0)).T)


@equivalent("forward loss")
def loss_of_p(at: Place) -> np.ndarray:
    return np.asarray(-np.log(at.trace["p"][np.arange(at.n), at.case.y]).mean())


@equivalent("forward loss")
def loss_by_log_sum_exp(at: Place) -> np.ndarray:
    return np.asarray(np.mean(logsumexp(at.s, axis=1) - at.s[np.arange(at.n), at.case.y]))


@equivalent("forward loss")
def loss_of_one_hot_classes(at: Place) -> np.ndarray:
    return np.asarray(-np.vdot(at.one_hot, np.log(at.trace["p"])) / at.n)


@equivalent("forward loss")
def loss_sample_by_sample(at: Place) -> np.ndarray:
    total = 0.0
    for p, y in zip(at.trace["p"][::-1], at.case.y[::-1], strict=True):
        total -= float(np.log((p * (np.arange(len(p)) == y)).sum()))
    return np.asarray(total / at.n)


@equivalent("forward cost")
def penalty_by_vdot(at: Place) -> np.ndarray:
    return np.asarray(at.trace["loss"] + at.penalty * sum(np.vdot(W, W) for W in weight_arrays(at)))


@equivalent("forward cost")
def penalty_by_the_norm(at: Place) -> np.ndarray:
    norms = [np.linalg.norm(W) ** 2 for W in reversed(weight_arrays(at))]
    return np.asarray(at.trace["loss"] + at.penalty * sum(norms))


@equivalent("forward cost")
def penalty_by_the_trace(at: Place) -> np.ndarray:
    traces = (at.penalty * np.trace(W @ W.T) for W in weight_arrays(at))
    return np.asarray(at.trace["loss"] + sum(traces))


@equivalent("forward cost")
def penalty_of_singular_values(at: Place) -> np.ndarray:
    squares = (np.square(np.linalg.svd(W, compute_uv=False)).sum() for W in weight_arrays(at))
    return np.asarray(at.trace["loss"] + at.penalty * sum(squares))
