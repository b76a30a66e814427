"""What the gradients of the parameters give away about the gradients behind them."""

import numpy as np

from compare.derivation import Place, layer_of
from compare.diagnosis.evidence import Evidence

WELL_CONDITIONED = 1e4
"""Largest condition number of a layer's input: solving for G loses at most 4 of 16 digits."""


class Contradiction(Exception):
    """No gradient by s can have given this gradient of W: its own formula is wrong."""


def recovered_s(evidence: Evidence, l: int) -> np.ndarray | None:
    """d cost / d s_l from the gradient of W_l: G' x + 2 lambda W = G_W, solved for G.

    It is determined where the layer's input x (n, in) has its n rows independent, so where the
    minibatch is smaller than the layer is wide. There are more equations than unknowns then, and
    they hold only if W's own formula was right.

    Returns:
        (n, out); None where it is not determined.

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
    """d cost / d s_tilde_l from that by s_l and the gradients of gamma_l and beta_l.

    Only right above an affine map is s_l's gradient what a batch norm passed down.

    Batch norm's way down takes the mean of G_s_hat and its part along s_hat out; these two are
    what beta and gamma have collected.

    Returns:
        (n, m); None where a gamma is 0, a gradient was not found, or there is no such batch norm.
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
    """What the layer of that number and role is given, in the right forward pass. (n, in)"""
    layer = layer_of(evidence.case.network, role, l)
    if layer is None:
        raise ValueError(f"layer {l} has no {role}")
    return Place(evidence.case, layer, evidence.trace, {}).input
