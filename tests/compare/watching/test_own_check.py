"""A gradient check that the program makes itself, as the recording shows it."""

from pathlib import Path

import pytest

from tests.compare.watching.small_programs import DATA, by, judged

NUMERICAL = "    return [numerical(lambda: cost(X, y, W1, b1, W2, b2, lam), A) for A in (W1, W2)]"

CHECKED = (
    DATA
    + f"""
def forward(X, W1, b1, W2, b2):
    h = np.maximum(X @ W1 + b1, 0)
    return h, softmax(h @ W2 + b2)


def cost(X, y, W1, b1, W2, b2, lam):
    _, p = forward(X, W1, b1, W2, b2)
    return -np.log(p[np.arange(len(y)), y]).mean() + lam * ((W1**2).sum() + (W2**2).sum())


def gradients(X, y, W1, b1, W2, b2, lam):
    h, p = forward(X, W1, b1, W2, b2)
    G = p.copy()
    G[np.arange(len(y)), y] -= 1
    G /= len(y)
    dW2 = h.T @ G + 2 * lam * W2
    db2 = G.sum(axis=0)
    G1 = (G @ W2.T) * (h > 0)
    dW1 = X.T @ G1 + 2 * lam * W1
    return dW1, G1.sum(axis=0), dW2, db2


def numerical(f, A, h=1e-5):
    out = np.zeros_like(A)
    for i in np.ndindex(A.shape):
        old = A[i]
        A[i] = old + h
        up = f()
        A[i] = old - h
        out[i] = (up - f()) / (2 * h)
        A[i] = old
    return out


def check(X, y, W1, b1, W2, b2):
    gradients(X, y, W1, b1, W2, b2, lam)
{NUMERICAL}


W1, W2 = rng.normal(size=(6, 5)) * 0.6, rng.normal(size=(5, 4)) * 0.6
b1, b2 = np.zeros(5), np.zeros(4)
check(X[:8], y[:8], W1, b1, W2, b2)
for epoch in range(2):
    order = rng.permutation(200)
    for i in range(0, 200, 20):
        Xb, yb = X[order[i:i + 20]], y[order[i:i + 20]]
        dW1, db1, dW2, db2 = gradients(Xb, yb, W1, b1, W2, b2, lam)
        W1, b1, W2, b2 = W1 - 0.1 * dW1, b1 - 0.1 * db1, W2 - 0.1 * dW2, b2 - 0.1 * db2
"""
)


@pytest.mark.parametrize(
    "program",
    [
        CHECKED,
        by(CHECKED, ("(up - f()) / (2 * h)", "(up - base) / h"),
           ("    out = np.zeros_like(A)", "    out, base = np.zeros_like(A), f()"),
           ("        A[i] = old - h\n", "")),
    ],
    ids=["central", "one-sided"],
)  # fmt: skip
def test_numerical_gradients_of_the_same_cost_are_a_fact(tmp_path: Path, program: str) -> None:
    said = judged(tmp_path, program)
    assert not said.verdict.findings
    fact = said.verdict.facts["own gradient check"]
    assert fact.startswith("numerical gradients of W1, W2, off by at most ")
    assert float(fact.split("most ")[1].split()[0]) < 1e-3


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("W2, b2, lam), A)", "W2, b2, 0), A)", "of W2 lacks the penalty's 0.02 W2."),
        ("W2, b2, lam), A)", "W2, b2, lam / 2), A)", "of W2 contains 0.01 W2, not 0.02 W2."),
        ("/ (2 * h)", "/ h", "is that of 2 times the loss"),
    ],
)  # fmt: skip
def test_a_check_of_another_cost_is_noted(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    verdict = judged(tmp_path, by(CHECKED, (right, wrong))).verdict
    assert "own gradient check" not in verdict.facts
    noted = [f for f in verdict.findings if f.what == "own check"]
    assert noted
    assert not noted[0].fails
    assert said in noted[0].said


@pytest.mark.parametrize(
    "wrong",
    [
        "    return [numerical(lambda: 0.0, A) for A in (W1, W2)]",
        "    return gradients(X, y, W1, b1, W2, b2, lam)",
        "    return [g.astype('f2') for g in gradients(X, y, W1, b1, W2, b2, lam)]",
    ],
    ids=["of a constant", "with itself", "rounded"],
)
def test_what_is_no_numerical_gradient_is_not_called_one(tmp_path: Path, wrong: str) -> None:
    verdict = judged(tmp_path, by(CHECKED, (NUMERICAL, wrong))).verdict
    assert "own gradient check" not in verdict.facts
    assert "a gradient check of the program's own: none was recognised" in verdict.not_checked


def test_a_velocity_is_no_numerical_gradient(tmp_path: Path) -> None:
    start = CHECKED.index("def numerical(")
    training = CHECKED[CHECKED.index("W1, W2 = rng") :].replace("check(X[:8]", "# check(X[:8]")
    training = (
        training[: training.index("for epoch")]
        + """
v1, v2 = np.zeros_like(W1), np.zeros_like(W2)
for epoch in range(12):
    dW1, db1, dW2, db2 = gradients(X, y, W1, b1, W2, b2, lam)
    v1 = 0.9 * v1 + 1e-5 * dW1
    v2 = 0.9 * v2 + 1e-5 * dW2
    W1 -= v1
    W2 -= v2
"""
    )
    verdict = judged(tmp_path, CHECKED[:start] + training).verdict
    assert "own gradient check" not in verdict.facts
    assert not [f for f in verdict.findings if f.what == "own check"]
