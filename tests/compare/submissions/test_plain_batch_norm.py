"""Functions of their own for batch norm, without gamma and beta."""

from compare.submissions import Request
from tests.compare.submissions.test_public_layouts import checked

THREE = Request(hidden=(6, 5), inputs=7, samples=8, penalty=0.1)

TWO_SETS = """
import numpy as np


def forward(X, W, b):
    H = [X]
    for l in range(len(W)):
        s = W[l] @ H[-1] + b[l]
        H.append(np.maximum(s, 0))
    return np.exp(s) / np.exp(s).sum(axis=0), H


def forward_batch_norm(X, W, b):
    H, S, M, V = [X], [], [], []
    for l in range(len(W)):
        s = W[l] @ H[-1] + b[l]
        S.append(s)
        M.append(s.mean(axis=1, keepdims=True))
        V.append(s.var(axis=1, keepdims=True))
        H.append(np.maximum((s - M[-1]) / np.sqrt(V[-1] + 1e-8), 0))
    return np.exp(s) / np.exp(s).sum(axis=0), H, S, M, V


def through(G, s, m, v):
    D = (s - m) / np.sqrt(v + 1e-8)
    G = G - G.mean(axis=1, keepdims=True) - D * (G * D).mean(axis=1, keepdims=True)
    return G / np.sqrt(v + 1e-8)


def gradients(X, Y, P, H, W, lam):
    G, dW, db = (P - Y) / X.shape[1], [], []
    for l in reversed(range(len(W))):
        dW.insert(0, G @ H[l].T + 2 * lam * W[l])
        db.insert(0, G.sum(axis=1, keepdims=True))
        G = W[l].T @ G * (H[l] > 0)
    return dW, db


def gradients_batch_norm(X, Y, P, H, S, M, V, W, lam):
    G, dW, db = (P - Y) / X.shape[1], [], []
    for l in reversed(range(len(W))):
        if l < len(W) - 1:
            G = through(G, S[l], M[l], V[l])
        dW.insert(0, G @ H[l].T + 2 * lam * W[l])
        db.insert(0, G.sum(axis=1, keepdims=True))
        G = W[l].T @ G * (H[l] > 0)
    return dW, db
"""


def test_both_sets_of_functions_are_checked(tmp_path):
    result = checked(tmp_path, TWO_SETS, request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    assert {"batch-norm", "no-batch-norm"} <= result.covered
    assert [len(case.tensors) > 20 for case in result.cases] == [True] * 4
    assert result.quantities["gradient of W"] == result.quantities["gradient of b"] == 48
    assert "gradient of gamma" not in result.quantities
    assert not any("gamma" in said or "beta" in said for said in result.not_checked)
    assert result.assumed["backward"] == (
        "gradients, line 30, with batch norm gradients_batch_norm, line 39"
    )


def test_a_mistake_in_the_set_for_batch_norm_alone_is_found(tmp_path):
    result = checked(tmp_path, TWO_SETS, ("- D * (G * D)", "+ D * (G * D)"), request=THREE)
    wrong = {c.name for c in result.cases if c.verdict == "disagree"}
    assert wrong == {c.name for c in result.cases if " BN " in c.name}
    assert "layer 2" in result.diagnosis or "s2" in result.diagnosis


def test_a_set_that_cannot_be_called_is_named_with_the_reason(tmp_path):
    change = ("P, H, S, M, V, W, lam)", "P, H, S, M, V, W, schedule, order, lam)")
    result = checked(tmp_path, TWO_SETS, change, request=THREE)
    assert (result.verdict, result.findings) == ("agree", ())
    [said] = [one for one in result.not_checked if one.startswith("networks with batch norm")]
    assert "gradients_batch_norm takes schedule and order, which nothing here fits" in said
