"""All parameters in one vector, as an optimiser from a library would want it. Rings in the plane."""
import numpy as np

rng = np.random.default_rng(11)
SHAPES = [(2, 50), (50,), (50, 50), (50,), (50, 3), (3,)]
SIZE = sum(int(np.prod(s)) for s in SHAPES)
WD = 5e-4


def rings(n):
    y = rng.integers(0, 3, n)
    radius = 1.0 + y + 0.25 * rng.standard_normal(n)
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), y


def unpack(theta):
    parts, i = [], 0
    for shape in SHAPES:
        size = int(np.prod(shape))
        parts.append(theta[i:i + size].reshape(shape))
        i += size
    return parts


def start():
    theta = np.zeros(SIZE)
    W1, _, W2, _, W3, _ = unpack(theta)
    for W in (W1, W2, W3):
        W[...] = rng.normal(0, np.sqrt(2 / W.shape[0]), W.shape)
    return theta


def predict(theta, x):
    W1, b1, W2, b2, W3, b3 = unpack(theta)
    h1 = np.maximum(x @ W1 + b1, 0)
    h2 = np.maximum(h1 @ W2 + b2, 0)
    z = h2 @ W3 + b3
    ez = np.exp(z - z.max(1, keepdims=True))
    return h1, h2, ez / ez.sum(1, keepdims=True)


def objective(theta, x, y):
    """Returns the cost and its gradient, both flat."""
    W1, b1, W2, b2, W3, b3 = unpack(theta)
    n = len(x)
    h1, h2, p = predict(theta, x)
    data = -np.log(p[np.arange(n), y]).sum() / n
    penalty = WD * (np.sum(W1**2) + np.sum(W2**2) + np.sum(W3**2))
    f = data + penalty

    grad = np.empty_like(theta)
    gW1, gb1, gW2, gb2, gW3, gb3 = unpack(grad)
    d3 = p - np.eye(3)[y]
    d3 /= n
    gW3[:] = h2.T @ d3 + 2 * WD * W3
    gb3[:] = d3.sum(0)
    d2 = (d3 @ W3.T) * np.sign(h2)
    gW2[:] = h1.T @ d2 + 2 * WD * W2
    gb2[:] = d2.sum(0)
    d1 = (d2 @ W2.T) * np.sign(h1)
    gW1[:] = x.T @ d1 + 2 * WD * W1
    gb1[:] = d1.sum(0)
    return f, grad


def accuracy(theta, x, y):
    return np.mean(predict(theta, x)[2].argmax(1) == y)


x, y = rings(1500)
x_val, y_val = rings(300)
x_test, y_test = rings(500)
m, s = x.mean(0), x.std(0)
x, x_val, x_test = (x - m) / s, (x_val - m) / s, (x_test - m) / s

theta = start()

# a few random directions suffice
f, g = objective(theta, x[:20], y[:20])
for _ in range(5):
    v = rng.standard_normal(SIZE)
    v /= np.linalg.norm(v)
    h = 1e-6
    fd = (objective(theta + h * v, x[:20], y[:20])[0] - objective(theta - h * v, x[:20], y[:20])[0]) / (2 * h)
    print(f"directional derivative {g @ v:+.8f}  finite difference {fd:+.8f}")

step = 0
batch = 50
half = 90
best, best_acc = theta.copy(), 0.0
for epoch in range(12):
    order = rng.permutation(len(x))
    for k in range(0, len(x), batch):
        pick = order[k:k + batch]
        f, g = objective(theta, x[pick], y[pick])
        eta = np.interp(step % (2 * half), [0, half, 2 * half], [1e-4, 0.2, 1e-4])
        theta -= eta * g
        step += 1
    acc = accuracy(theta, x_val, y_val)
    if acc > best_acc:
        best, best_acc = theta.copy(), acc
    print(f"epoch {epoch:2d}  cost {objective(theta, x, y)[0]:.4f}  validation accuracy {acc:.3f}")
print("best on validation", best_acc, "then test", accuracy(best, x_test, y_test))
