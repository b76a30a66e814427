"""Reading and preparing CIFAR-10."""
import pickle
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent / "Datasets" / "cifar-10-batches-py"
NAMES = ["data_batch_1", "data_batch_2"]


def _read(name):
    with open(FOLDER / name, "rb") as handle:
        content = pickle.load(handle, encoding="bytes")
    return content[b"data"].T, np.array(content[b"labels"])


def one_hot(y, K=10):
    Y = np.zeros((K, y.size))
    Y[y, np.arange(y.size)] = 1
    return Y


def load(n_train=9500, n_val=1000, n_test=4000):
    parts = [_read(name) for name in NAMES]
    pixels = np.hstack([p[0] for p in parts])
    labels = np.hstack([p[1] for p in parts])
    X, y = pixels[:, :n_train] / 255, labels[:n_train]
    X_val, y_val = pixels[:, -n_val:] / 255, labels[-n_val:]
    pixels, labels = _read("test_batch")
    X_test, y_test = pixels[:, :n_test] / 255, labels[:n_test]
    mu = X.mean(axis=1, keepdims=True)
    sd = X.std(axis=1, keepdims=True)
    return {
        "train": ((X - mu) / sd, one_hot(y), y),
        "val": ((X_val - mu) / sd, one_hot(y_val), y_val),
        "test": ((X_test - mu) / sd, one_hot(y_test), y_test),
    }
