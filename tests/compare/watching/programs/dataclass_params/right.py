"""Three-layer MLP on CIFAR-10, parameters in dataclasses, everything float32."""
from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path("/home/lukas/cifar10/cifar-10-batches-py")
SIZES = (3072, 50, 50, 10)


@dataclass
class Layer:
    weight: np.ndarray
    bias: np.ndarray


@dataclass
class Schedule:
    low: float = 1e-5
    high: float = 1e-1
    half_cycle: int = 250

    def __call__(self, step: int) -> float:
        cycle = step // (2 * self.half_cycle)
        position = step - 2 * cycle * self.half_cycle
        if position <= self.half_cycle:
            rate = self.low + position / self.half_cycle * (self.high - self.low)
        else:
            rate = self.high - (position - self.half_cycle) / self.half_cycle * (self.high - self.low)
        return rate


@dataclass
class Dataset:
    images: np.ndarray
    onehot: np.ndarray
    labels: np.ndarray

    @classmethod
    def read(cls, name: str) -> Dataset:
        with open(ROOT / name, "rb") as f:
            raw = pickle.load(f, encoding="latin1")
        labels = np.asarray(raw["labels"], dtype=np.int64)
        images = raw["data"].astype(np.float32).T / np.float32(255)
        return cls(images, np.eye(10, dtype=np.float32)[labels].T, labels)

    def __len__(self) -> int:
        return self.images.shape[1]


def init_layers(rng: np.random.Generator) -> list[Layer]:
    layers = []
    for fan_in, fan_out in zip(SIZES[:-1], SIZES[1:]):
        weight = rng.standard_normal((fan_out, fan_in), dtype=np.float32) * np.float32(np.sqrt(2 / fan_in))
        layers.append(Layer(weight, np.zeros((fan_out, 1), dtype=np.float32)))
    return layers


def forward(layers: list[Layer], x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    activations = [x]
    for layer in layers[:-1]:
        z = layer.weight @ activations[-1] + layer.bias
        activations.append(z.clip(min=0))
    logits = layers[-1].weight @ activations[-1] + layers[-1].bias
    logits = logits - logits.max(axis=0, keepdims=True)
    exp = np.exp(logits)
    return exp / exp.sum(axis=0, keepdims=True), activations


def backward(layers: list[Layer], probs: np.ndarray, activations: list[np.ndarray],
             onehot: np.ndarray, decay: float) -> list[Layer]:
    n = onehot.shape[1]
    delta = (probs - onehot) / n
    grads: list[Layer] = []
    for layer, act in zip(reversed(layers), reversed(activations)):
        grad = Layer(delta @ act.T + 2 * decay * layer.weight, delta.sum(axis=1, keepdims=True))
        grads.insert(0, grad)
        delta = layer.weight.T @ delta
        delta = np.where(act > 0, delta, np.float32(0))
    return grads


def cost(layers: list[Layer], data: Dataset, decay: float) -> float:
    probs, _ = forward(layers, data.images)
    nll = -np.log(probs[data.labels, np.arange(len(data))]).mean()
    return float(nll + decay * sum((layer.weight ** 2).sum() for layer in layers))


def accuracy(layers: list[Layer], data: Dataset) -> float:
    probs, _ = forward(layers, data.images)
    return float((probs.argmax(axis=0) == data.labels).mean())


def sgd(layers: list[Layer], grads: list[Layer], rate: float) -> list[Layer]:
    updated = []
    for layer, grad in zip(layers, grads):
        weight = layer.weight - np.float32(rate) * grad.weight
        bias = layer.bias - np.float32(rate) * grad.bias
        updated.append(Layer(weight, bias))
    return updated


def main() -> None:
    rng = np.random.default_rng(2024)
    train, valid, test = Dataset.read("data_batch_1"), Dataset.read("data_batch_5"), Dataset.read("test_batch")
    mean = train.images.mean(axis=1, keepdims=True)
    std = train.images.std(axis=1, keepdims=True)
    for split in (train, valid, test):
        split.images = (split.images - mean) / std

    layers = init_layers(rng)
    schedule = Schedule()
    decay, batch, step = 1e-3, 100, 0
    for epoch in range(5):
        order = rng.permutation(len(train))
        for start in range(0, len(train), batch):
            pick = order[start:start + batch]
            x, y = train.images[:, pick], train.onehot[:, pick]
            probs, activations = forward(layers, x)
            grads = backward(layers, probs, activations, y, decay)
            layers = sgd(layers, grads, schedule(step))
            step += 1
        print(f"epoch {epoch + 1}: cost {cost(layers, train, decay):.4f} / {cost(layers, valid, decay):.4f}, "
              f"accuracy {accuracy(layers, train):.2%} / {accuracy(layers, valid):.2%}")
    print(f"test accuracy {accuracy(layers, test):.2%}")


if __name__ == "__main__":
    main()
