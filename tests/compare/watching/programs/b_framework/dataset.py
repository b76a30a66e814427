import pickle

import numpy as np

FOLDER = "../../datasets/cifar-10-batches-py"


def load(names):
    images, labels = [], []
    for name in names:
        with open(f"{FOLDER}/{name}", "rb") as f:
            part = pickle.load(f, encoding="bytes")
        images.append(part[b"data"].astype(np.float64))
        labels += part[b"labels"]
    return np.vstack(images), np.array(labels)


class Standardise:
    def fit(self, x):
        self.mean = x.mean(axis=0)
        self.std = x.std(axis=0)
        return self

    def __call__(self, x):
        x -= self.mean
        x /= self.std
        return x


def batches(x, y, size, rng):
    order = rng.permutation(len(y))
    for i in range(0, len(y), size):
        rows = order[i:i + size]
        yield x[rows], y[rows]
