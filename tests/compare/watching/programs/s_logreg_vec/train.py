import numpy as np
from scipy.special import expit

# ---- toy data: two gaussian clouds, 60 points, 3 features ----
rng = np.random.default_rng(0)
m, d = 60, 3
y = np.repeat([0.0, 1.0], m // 2)
x = rng.normal(size=(m, d)) + np.outer(y, [1.5, -1.0, 0.5]) + 0.3


def loss(w, b):
    p = expit(x @ w + b)
    return -(y * np.log(p) + (1 - y) * np.log1p(-p)).mean()


def gradient(w, b):
    residual = expit(x @ w + b) - y
    grad_w = x.T @ residual / m
    grad_b = residual.sum() / m
    return grad_w, grad_b


w = np.zeros(d)
b = 0.0
alpha = 0.1

for it in range(400):
    grad_w, grad_b = gradient(w, b)
    w = w - alpha * grad_w
    b = b - alpha * grad_b
    if it % 50 == 0:
        print(f"iter {it}: loss={loss(w, b):.4f}")

print("w =", w, "b =", b)
print("train accuracy:", np.mean((expit(x @ w + b) > 0.5) == (y == 1)))
