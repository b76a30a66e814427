from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Tuple
import numpy as np

Array = np.ndarray


@dataclass
class Config:
    hidden: Tuple[int, ...] = (32, 16)
    lr: float = 3e-3
    rho: float = 0.9
    eps: float = 1e-8
    batch_size: int = 50
    epochs: int = 4
    l2: float = 1e-3
    seed: int = 77


@dataclass
class Dataset:
    x: Array
    y: Array

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Tuple[Array, Array]]:
        perm = rng.permutation(len(self.y))
        for lo in range(0, len(perm), size):
            chunk = perm[lo:lo + size]
            yield self.x[chunk], self.y[chunk]


@dataclass
class Model:
    weights: List[Array] = field(default_factory=list)
    biases: List[Array] = field(default_factory=list)

    @classmethod
    def create(cls, sizes, rng):
        model = cls()
        for fan_in, fan_out in zip(sizes, sizes[1:]):
            model.weights.append(rng.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out)))
            model.biases.append(np.zeros((1, fan_out)))
        return model

    def __call__(self, x: Array) -> Tuple[Array, List[Array]]:
        tape = [x]
        for w, b in zip(self.weights[:-1], self.biases[:-1]):
            tape.append(np.maximum(tape[-1] @ w + b, 0.0))
        logits = tape[-1] @ self.weights[-1] + self.biases[-1]
        logits = logits - logits.max(axis=1, keepdims=True)
        z = np.exp(logits)
        return z / z.sum(axis=1, keepdims=True), tape


def grads_of(model: Model, x: Array, y: Array, l2: float) -> Dict[str, List[Array]]:
    probs, tape = model(x)
    err = probs
    err[np.arange(len(y)), y] -= 1.0
    err = err / len(y)
    dws: List[Array] = []
    dbs: List[Array] = []
    for level in range(len(model.weights) - 1, -1, -1):
        dws.insert(0, tape[level].T @ err + l2 * model.weights[level])
        dbs.insert(0, err.sum(axis=0, keepdims=True))
        if level:
            err = (err @ model.weights[level].T) * (tape[level] > 0)
    return {"weights": dws, "biases": dbs}


class RMSProp:
    def __init__(self, cfg: Config, model: Model):
        self.cfg = cfg
        self.cache = {k: [np.zeros_like(p) for p in getattr(model, k)] for k in ("weights", "biases")}

    def step(self, model: Model, grads):
        for k, store in self.cache.items():
            for i, g in enumerate(grads[k]):
                store[i] = self.cfg.rho * store[i] + (1 - self.cfg.rho) * g ** 2
                getattr(model, k)[i] -= self.cfg.lr * g / (np.sqrt(store[i]) + self.cfg.eps)


def main(cfg: Config = Config()):
    rng = np.random.default_rng(cfg.seed)
    centres = rng.normal(size=(7, 40))
    y = rng.integers(0, 7, 1500)
    x = centres[y] * 0.8 + rng.normal(size=(1500, 40))
    train, test = Dataset(x[:1200], y[:1200]), Dataset(x[1200:], y[1200:])
    model = Model.create((40, *cfg.hidden, 7), rng)
    opt = RMSProp(cfg, model)
    for epoch in range(cfg.epochs):
        for xb, yb in train.batches(cfg.batch_size, rng):
            opt.step(model, grads_of(model, xb, yb, cfg.l2))
        probs, _ = model(test.x)
        print(f"epoch {epoch}: {np.mean(probs.argmax(axis=1) == test.y):.3f}")


if __name__ == "__main__":
    main()
