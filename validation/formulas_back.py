"""The same for the steps of the backward pass."""

import math

import numpy as np

from compare.derivation import Place
from validation.formulas import equivalent


@equivalent("backward softmax")
def subtracted_at_the_class(at: Place) -> np.ndarray:
    G = at.trace["p"].copy()
    G[np.arange(at.n), at.case.y] -= 1
    return np.asarray(G / at.n)


@equivalent("backward softmax")
def through_the_jacobian_of_softmax(at: Place) -> np.ndarray:
    rows = []
    for p, y in zip(at.trace["p"], at.one_hot, strict=True):
        jacobian = np.diag(p) - np.outer(p, p)
        rows.append(jacobian @ (-y / p))
    return np.asarray(np.stack(rows) / at.n)


@equivalent("backward softmax")
def log_probabilities_differentiated(at: Place) -> np.ndarray:
    """log_softmax's own rule: g - p sum(g), with g = -Y / n."""
    g = -at.one_hot / at.n
    return np.asarray(g - at.trace["p"] * g.sum(axis=1, keepdims=True))


@equivalent("backward W")
def W_by_einsum(at: Place) -> np.ndarray:
    return np.einsum("no,ni->oi", at.G_s, at.input) + 2 * at.penalty * at.W


@equivalent("backward W")
def W_sample_by_sample(at: Place) -> np.ndarray:
    total = 2 * at.penalty * at.W
    for G, x in zip(at.G_s[::-1], at.input[::-1], strict=True):
        total = total + np.outer(G, x)
    return total


@equivalent("backward W")
def W_in_columns(at: Place) -> np.ndarray:
    data = (at.input.T @ at.G_s).T
    return np.asarray(data + at.penalty * (at.W + at.W))


@equivalent("backward W")
def W_as_a_mean(at: Place) -> np.ndarray:
    return np.asarray((at.n * at.G_s).T @ at.input / at.n + at.W * (2 * at.penalty))


@equivalent("backward b")
def b_as_a_product(at: Place) -> np.ndarray:
    return np.ones(at.n, at.G_s.dtype) @ at.G_s


@equivalent("backward b")
def b_summed_exactly(at: Place) -> np.ndarray:
    return np.array([math.fsum(column) for column in at.G_s.T])


@equivalent("backward b")
def b_as_a_mean(at: Place) -> np.ndarray:
    return np.asarray((at.n * at.G_s).mean(axis=0))


@equivalent("backward down")
def down_in_columns(at: Place) -> np.ndarray:
    return np.asarray((at.W.T @ at.G_s.T).T)


@equivalent("backward down")
def down_by_einsum(at: Place) -> np.ndarray:
    return np.einsum("no,oi->ni", at.G_s, at.W)


@equivalent("backward down")
def down_unit_by_unit(at: Place) -> np.ndarray:
    rows = zip(at.G_s.T, at.W, strict=True)
    return np.asarray(sum(np.outer(G, W) for G, W in rows))


@equivalent("backward mask")
def masked_by_a_product(at: Place) -> np.ndarray:
    return np.asarray(at.G_x * (at.input > 0))


@equivalent("backward mask")
def masked_by_the_output(at: Place) -> np.ndarray:
    return np.asarray(at.G_x * np.sign(at.x))


@equivalent("backward mask")
def masked_in_place(at: Place) -> np.ndarray:
    G = at.G_x.copy()
    G[at.input <= 0] = 0
    return G


@equivalent("backward mask")
def masked_by_a_step_function(at: Place) -> np.ndarray:
    return np.asarray(np.heaviside(at.input, 0) * at.G_x)


@equivalent("backward gamma")
def gamma_by_einsum(at: Place) -> np.ndarray:
    return np.einsum("nm,nm->m", at.G_s_tilde, at.s_hat)


@equivalent("backward gamma")
def gamma_by_a_diagonal(at: Place) -> np.ndarray:
    return np.diag(at.G_s_tilde.T @ at.s_hat)


@equivalent("backward gamma")
def gamma_divided_late(at: Place) -> np.ndarray:
    return np.asarray((at.G_s_tilde * (at.s - at.mu)).sum(axis=0) / at.root)


@equivalent("backward beta")
def beta_as_a_product(at: Place) -> np.ndarray:
    return np.ones((1, at.n), at.G_s_tilde.dtype).dot(at.G_s_tilde)[0]


@equivalent("backward beta")
def beta_from_the_last_sample(at: Place) -> np.ndarray:
    return np.asarray(np.add.reduce(at.G_s_tilde[::-1], axis=0))


@equivalent("backward s_hat")
def s_hat_by_a_diagonal_matrix(at: Place) -> np.ndarray:
    return np.asarray(at.G_s_tilde @ np.diag(at.gamma))


@equivalent("backward v")
def variance_by_its_power(at: Place) -> np.ndarray:
    slope = -0.5 * at.variance**-1.5
    return np.asarray((at.G_s_hat * (at.s - at.mu)).sum(axis=0) * slope)


@equivalent("backward v")
def variance_from_gamma(at: Place) -> np.ndarray:
    """sum G_s_hat s_hat is gamma times the gradient of gamma."""
    return np.asarray(-0.5 * at.gamma * at.G_gamma / at.variance)


@equivalent("backward mu")
def mean_with_its_vanishing_term(at: Place) -> np.ndarray:
    """The paper's, with the way through the variance, whose sum is zero."""
    through_variance = at.G_v * (-2 / at.n) * (at.s - at.mu).sum(axis=0)
    return np.asarray(-(at.G_s_hat / at.root).sum(axis=0) + through_variance)


@equivalent("backward mu")
def mean_from_beta(at: Place) -> np.ndarray:
    """sum G_s_hat is gamma times the gradient of beta."""
    return np.asarray(-at.gamma * at.G_beta / at.root)


@equivalent("backward s")
def batch_norm_compact(at: Place) -> np.ndarray:
    G, n = at.G_s_hat, at.n
    along = at.s_hat * (G * at.s_hat).sum(axis=0)
    return np.asarray((n * G - G.sum(axis=0) - along) / (n * at.root))


@equivalent("backward s")
def batch_norm_from_gamma_and_beta(at: Place) -> np.ndarray:
    scale = at.gamma / (at.n * at.root)
    return np.asarray(scale * (at.n * at.G_s_tilde - at.G_beta - at.s_hat * at.G_gamma))


@equivalent("backward s")
def batch_norm_by_its_jacobian(at: Place) -> np.ndarray:
    columns = []
    for j in range(at.s.shape[1]):
        s_hat = at.s_hat[:, j]
        jacobian = np.eye(at.n) - 1 / at.n - np.outer(s_hat, s_hat) / at.n
        columns.append(jacobian @ at.G_s_hat[:, j] / at.root[j])
    return np.stack(columns, axis=1)


@equivalent("backward s")
def batch_norm_node_by_node(at: Place) -> np.ndarray:
    """The staged computational graph: inverse, root, variance, square, centring, mean."""
    centred = at.s - at.mu
    inverse = 1 / at.root
    G_inverse = (at.G_s_hat * centred).sum(axis=0)
    G_root = -G_inverse / at.root**2
    G_variance = 0.5 * G_root / np.sqrt(at.variance)
    G_square = np.ones_like(centred) * G_variance / at.n
    G_centred = at.G_s_hat * inverse + 2 * centred * G_square
    G_mean = -G_centred.sum(axis=0)
    return np.asarray(G_centred + np.ones_like(centred) * G_mean / at.n)


@equivalent("backward s")
def batch_norm_by_projections(at: Place) -> np.ndarray:
    G = at.G_s_hat - at.G_s_hat.mean(axis=0)
    return np.asarray((G - at.s_hat * (G * at.s_hat).mean(axis=0)) / at.root)
