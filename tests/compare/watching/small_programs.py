"""Small training programs on synthetic data, and what is said about a recording of them."""

import sys
from dataclasses import dataclass
from pathlib import Path

from compare.watching.passes import training
from compare.watching.running import record
from compare.watching.training import TrainingFinding, TrainingVerdict, judge_training
from compare.watching.values import Values

DATA = """
import numpy as np

rng = np.random.default_rng(3)
centres = rng.normal(size=(4, 6))


def make(n):
    y = rng.integers(4, size=n)
    return rng.normal(size=(n, 6)) + centres[y] + 3, y


X, y = make(200)
X_test, y_test = make(60)
mean, std = X.mean(axis=0), X.std(axis=0)
X = (X - mean) / std
X_test = (X_test - mean) / std
lam = 0.01


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""

PLAIN = (
    DATA
    + """
W1, W2, W3 = (rng.normal(size=shape) * 0.6 for shape in ((6, 5), (5, 5), (5, 4)))
b1 = np.zeros(5)
b2 = np.zeros(5)
b3 = np.zeros(4)
n_s, low, high = 8, 0.01, 0.1
t = 0
best = 0.0
for epoch in range(3):
    order = rng.permutation(200)
    X_epoch = X[order]
    y_epoch = y[order]
    for i in range(0, 200, 20):
        Xb, yb = X_epoch[i:i + 20], y_epoch[i:i + 20]
        s1 = Xb @ W1 + b1
        h1 = np.maximum(s1, 0)
        s2 = h1 @ W2 + b2
        h2 = np.maximum(s2, 0)
        s3 = h2 @ W3 + b3
        p = softmax(s3)
        loss = -np.log(p[np.arange(20), yb]).mean()
        penalty = lam * ((W1**2).sum() + (W2**2).sum() + (W3**2).sum())
        cost = loss + penalty
        G = p.copy()
        G[np.arange(20), yb] -= 1
        G /= 20
        dW3 = h2.T @ G + 2 * lam * W3
        db3 = G.sum(axis=0)
        G2 = (G @ W3.T) * (h2 > 0)
        dW2 = h1.T @ G2 + 2 * lam * W2
        db2 = G2.sum(axis=0)
        G1 = (G2 @ W2.T) * (h1 > 0)
        dW1 = Xb.T @ G1 + 2 * lam * W1
        db1 = G1.sum(axis=0)
        place = t % (2 * n_s)
        eta = low + (high - low) * (place / n_s if place < n_s else 2 - place / n_s)
        W1 -= eta * dW1
        b1 -= eta * db1
        W2 -= eta * dW2
        b2 -= eta * db2
        W3 -= eta * dW3
        b3 -= eta * db3
        t += 1
    h1 = np.maximum(X_test @ W1 + b1, 0)
    h2 = np.maximum(h1 @ W2 + b2, 0)
    p_test = softmax(h2 @ W3 + b3)
    accuracy = (p_test.argmax(axis=1) == y_test).mean()
    if accuracy > best:
        best = accuracy
        best_W1 = W1.copy()
print(best, best_W1.shape)
"""
)

BATCH_NORM = (
    DATA
    + """
W1 = rng.normal(size=(6, 8)) * 0.6
b1 = np.zeros(8)
gamma = np.ones(8)
beta = np.zeros(8)
W2 = rng.normal(size=(8, 4)) * 0.6
b2 = np.zeros(4)
running_mean = None
eta = 0.05
for epoch in range(2):
    order = rng.permutation(200)
    for i in range(0, 200, 20):
        batch = order[i:i + 20]
        Xb, yb = X[batch], y[batch]
        s1 = Xb @ W1 + b1
        mu = s1.mean(axis=0)
        v = s1.var(axis=0)
        s_hat = (s1 - mu) / np.sqrt(v + 1e-8)
        z = gamma * s_hat + beta
        h = np.maximum(z, 0)
        s2 = h @ W2 + b2
        p = softmax(s2)
        if running_mean is None:
            running_mean, running_v = mu, v
        else:
            running_mean = 0.9 * running_mean + 0.1 * mu
            running_v = 0.9 * running_v + 0.1 * v
        G = p.copy()
        G[np.arange(20), yb] -= 1
        G /= 20
        dW2 = h.T @ G
        db2 = G.sum(axis=0)
        Gz = (G @ W2.T) * (z > 0)
        dgamma = (Gz * s_hat).sum(axis=0)
        dbeta = Gz.sum(axis=0)
        g = Gz * gamma
        gs = (g - g.mean(axis=0) - s_hat * (g * s_hat).mean(axis=0)) / np.sqrt(v + 1e-8)
        dW1 = Xb.T @ gs
        db1 = gs.sum(axis=0)
        W1 = W1 - eta * dW1
        b1 = b1 - eta * db1
        gamma = gamma - eta * dgamma
        beta = beta - eta * dbeta
        W2 = W2 - eta * dW2
        b2 = b2 - eta * db2
    st = X_test @ W1 + b1
    hat = (st - running_mean) / np.sqrt(running_v + 1e-8)
    zt = gamma * hat + beta
    ht = np.maximum(zt, 0)
    logits = ht @ W2 + b2
    p_test = softmax(logits)
    print((p_test.argmax(axis=1) == y_test).mean())
"""
)


def by(text: str, *changes: tuple[str, str]) -> str:
    """A program with some of its lines changed; each must be there once."""
    for old, new in changes:
        assert text.count(old) == 1, (text.count(old), old)
        text = text.replace(old, new)
    return text


def with_optimiser(text: str, start: str, step: str) -> str:
    """PLAIN with another rule: `start` before the training and `step` for each parameter K."""
    names = ("W1", "b1", "W2", "b2", "W3", "b3")
    text = by(text, ("t = 0\n", "t = 0\n" + "".join(start.replace("K", k) for k in names)))
    for k in names:
        text = by(text, (f"        {k} -= eta * d{k}\n", step.replace("K", k)))
    return text


@dataclass(frozen=True)
class Said:
    """What is said about a program.

    Arguments:
        verdict: as judged.
        text: of the program.
    """

    verdict: TrainingVerdict
    text: str

    @property
    def failing(self) -> list[tuple[str, str]]:
        """Kind and line of every failing finding."""
        found = self.verdict.findings
        return [(finding.what, self.line(finding)) for finding in found if finding.fails]

    def line(self, finding: TrainingFinding) -> str:
        if finding.event is None:
            return ""
        return self.text.splitlines()[finding.event.site.line - 1].strip()

    @property
    def said(self) -> str:
        return " ".join(finding.said for finding in self.verdict.findings if finding.fails)


def judged(folder: Path, text: str) -> Said:
    """Records a program and judges its training."""
    program = folder / "program.py"
    program.write_text(text)
    recorded = record(program, interpreter=Path(sys.executable), seconds=30, idle=2)
    assert recorded.reason in ("finished", "enough"), recorded.detail
    values = Values(recorded.read())
    return Said(judge_training(values, training(values)), text)
