# Adam from scratch on two interleaved half circles, rows = samples
import numpy as np
import matplotlib.pyplot as plt


def half_circles(n, noise, rng):
    t = rng.uniform(0, np.pi, n)
    lower = rng.random(n) < 0.5
    x = np.where(lower, 1 - np.cos(t), np.cos(t))
    y = np.where(lower, 0.5 - np.sin(t), np.sin(t))
    points = np.c_[x, y] + noise * rng.normal(size=(n, 2))
    return points, lower.astype(int)


rng = np.random.default_rng(99)
X_tr, t_tr = half_circles(800, 0.2, rng)
X_va, t_va = half_circles(200, 0.2, rng)
X_te, t_te = half_circles(400, 0.2, rng)
centre, spread = X_tr.mean(0), X_tr.std(0)
X_tr = (X_tr - centre) / spread
X_va = (X_va - centre) / spread
X_te = (X_te - centre) / spread

theta = {
    "W_in": rng.normal(size=(2, 50)), "b_in": np.zeros(50),
    "W_mid": rng.normal(size=(50, 50)) * 0.2, "b_mid": np.zeros(50),
    "W_out": rng.normal(size=(50, 2)) * 0.2, "b_out": np.zeros(2),
}


def loss_and_gradient(theta, X, t, decay):
    B = len(X)
    a1 = X @ theta["W_in"] + theta["b_in"]
    z1 = np.maximum(a1, 0.0)
    a2 = z1 @ theta["W_mid"] + theta["b_mid"]
    z2 = np.maximum(a2, 0.0)
    o = z2 @ theta["W_out"] + theta["b_out"]
    o = o - o.max(axis=1, keepdims=True)
    log_prob = o - np.log(np.exp(o).sum(axis=1, keepdims=True))
    loss = -log_prob[np.arange(B), t].mean()
    loss += 0.5 * decay * sum(np.sum(theta[k] ** 2) for k in theta if k.startswith("W"))

    d_o = np.exp(log_prob)
    d_o[np.arange(B), t] -= 1.0
    d_o /= B
    d_a2 = (d_o @ theta["W_out"].T) * (a2 > 0)
    d_a1 = (d_a2 @ theta["W_mid"].T) * (a1 > 0)
    grad = {
        "W_in": X.T @ d_a1 + decay * theta["W_in"], "b_in": d_a1.sum(axis=0),
        "W_mid": z1.T @ d_a2 + decay * theta["W_mid"], "b_mid": d_a2.sum(axis=0),
        "W_out": z2.T @ d_o + decay * theta["W_out"], "b_out": d_o.sum(axis=0),
    }
    return loss, grad


def accuracy(theta, X, t):
    z = np.maximum(X @ theta["W_in"] + theta["b_in"], 0)
    z = np.maximum(z @ theta["W_mid"] + theta["b_mid"], 0)
    return np.mean((z @ theta["W_out"] + theta["b_out"]).argmax(axis=1) == t)


beta1, beta2, eps, alpha, decay = 0.9, 0.999, 1e-8, 2e-3, 1e-3
m = {k: np.zeros_like(p) for k, p in theta.items()}
v = {k: np.zeros_like(p) for k, p in theta.items()}
step = 0
curve = []
for epoch in range(15):
    perm = rng.permutation(len(X_tr))
    for batch in perm.reshape(-1, 40):
        loss, grad = loss_and_gradient(theta, X_tr[batch], t_tr[batch], decay)
        curve.append(loss)
        step += 1
        for k in theta:
            g = grad[k]
            m[k] = beta1 * m[k] + (1 - beta1) * g
            v[k] = beta2 * v[k] + (1 - beta2) * g ** 2
            m_hat = m[k] / (1 - beta1 ** step)
            v_hat = v[k] / (1 - beta2 ** step)
            theta[k] = theta[k] - alpha * m_hat / (np.sqrt(v_hat) + eps)
    print(f"epoch {epoch:2d}  loss {np.mean(curve[-20:]):.4f}  val {accuracy(theta, X_va, t_va):.3f}")

print("test accuracy:", accuracy(theta, X_te, t_te))
plt.semilogy(curve)
plt.xlabel("update")
plt.ylabel("cost")
plt.show()
