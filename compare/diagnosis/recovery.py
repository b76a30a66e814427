"""Recover intermediate gradients from the gradients of parameters."""

import numpy as np

from compare.derivation import Place, layer_of
from compare.diagnosis.evidence import Evidence

WELL_CONDITIONED = 1e4
"""Maximum condition number of a layer's input; solving for G then loses at most 4 of 16 digits."""


class Contradiction(Exception):
    """The gradient of W is not possible for any gradient of s: its own formula is wrong."""


def recovered_s(evidence: Evidence, l: int) -> np.ndarray | None:
    """d cost / d s_l from the gradient of W_l: solve G' x + 2 lambda W = G_W for G.

    The solution is unique if the n rows of the layer's input x (n, in) are independent, so the
    minibatch must be smaller than the layer. There are then more equations than unknowns, and
    they can be solved only if W's own formula was right.

    Returns:
        (n, out); None if it is not unique.

    Raises:
        Contradiction: there is no solution.
    """
    case, found = evidence.case, evidence.found.get(f"W{l}")
    W, x = case.parameters[f"W{l}"], input_of(evidence, "affine", l)  # x (n, in)
    if found is None or found.shape != W.shape or x.shape[0] >= x.shape[1]:
        return None
    singular = np.linalg.svd(x, compute_uv=False)
    if singular[-1] * WELL_CONDITIONED < singular[0]:
        return None
    data = found - 2 * case.penalty * W  # (out, in)
    G = data @ np.linalg.pinv(x)  # (out, n)
    left_over = float(np.abs(G @ x - data).max())
    if left_over > 100 * evidence.rounding * float(np.abs(found).max()):
        raise Contradiction
    return G.T


def recovered_s_tilde(evidence: Evidence, l: int, G_s: np.ndarray) -> np.ndarray | None:
    """d cost / d s_tilde_l from the gradients of s_l, gamma_l and beta_l.

    Batch norm's backward pass subtracts the mean of G_s_hat and its component along s_hat; these
    are known from the gradients of beta and gamma. The batch norm must follow the affine map.

    Returns:
        (n, m); None if a gamma is 0, a gradient was not given, or there is no such batch norm.
    """
    layer = layer_of(evidence.case.network, "normalization", l)
    if layer is None or evidence.case.network.normalization != "batch":
        return None
    at = Place(evidence.case, layer, evidence.trace, {})
    gamma, beta = evidence.found.get(f"gamma{l}"), evidence.found.get(f"beta{l}")
    shape = at.gamma.shape
    if gamma is None or beta is None or not gamma.shape == beta.shape == shape:
        return None
    if not np.all(at.gamma):
        return None
    return G_s * at.root / at.gamma + (beta + at.s_hat * gamma) / at.n


def input_of(evidence: Evidence, role: str, l: int) -> np.ndarray:
    """The input of the layer with this number and role, in the right forward pass. (n, in)"""
    layer = layer_of(evidence.case.network, role, l)
    if layer is None:
        raise ValueError(f"layer {l} has no {role}")
    return Place(evidence.case, layer, evidence.trace, {}).input
