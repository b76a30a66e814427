"""Train a small MLP on three gaussian blobs with one sigmoid per class."""
import numpy as np

from layers import Dense, MSELoss, Sigmoid, Tanh
from network import MomentumSGD, Network


def make_blobs(n_per_class, rng):
    centers = np.array([[0.0, 1.5, 0.0, 1.0], [-1.3, -1.0, 1.0, 0.0], [1.3, -1.0, -1.0, 0.5]])
    xs, ys = [], []
    for k, c in enumerate(centers):
        xs.append(c + 0.8 * rng.standard_normal((n_per_class, 4)))
        ys.append(np.full(n_per_class, k))
    x, y = np.vstack(xs), np.concatenate(ys)
    return x, np.eye(3)[y]


def build(rng):
    return Network(
        [
            Dense(4, 10, rng),
            Tanh(),
            Dense(10, 6, rng),
            Sigmoid(),
            Dense(6, 3, rng),
            Sigmoid(),
        ],
        MSELoss(),
    )


def main(epochs=60, batch_size=32):
    rng = np.random.default_rng(2024)
    x, y = make_blobs(100, rng)
    net = build(rng)
    opt = MomentumSGD(lr=0.3, momentum=0.9)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        losses = []
        for start in range(0, len(x), batch_size):
            idx = order[start:start + batch_size]
            losses.append(net.train_step(x[idx], y[idx], opt))
        if epoch % 10 == 0 or epoch == epochs - 1:
            acc = np.mean(net.predict(x).argmax(1) == y.argmax(1))
            print(f"epoch {epoch:3d}  loss {np.mean(losses):.5f}  acc {acc:.3f}")


if __name__ == "__main__":
    main()
