import numpy as np

import dataset
from nn import SGD, Linear, ReLU, Sequential, SoftmaxCrossEntropy, TriangularLR


def accuracy(model, x, y, chunk=1000):
    hits = 0
    for i in range(0, len(y), chunk):
        hits += np.sum(model(x[i:i + chunk]).argmax(axis=1) == y[i:i + chunk])
    return hits / len(y)


def main():
    rng = np.random.default_rng(31)
    x, y = dataset.load(["data_batch_1"])
    x_val, y_val = dataset.load(["data_batch_4"])
    x_val, y_val = x_val[:2000], y_val[:2000]
    standardise = dataset.Standardise().fit(x)
    x, x_val = standardise(x), standardise(x_val)

    model = Sequential(
        Linear(3072, 50, rng), ReLU(),
        Linear(50, 50, rng), ReLU(),
        Linear(50, 10, rng),
    )
    loss_fn = SoftmaxCrossEntropy()
    optimiser = SGD(model.parameters(), TriangularLR(1e-4, 0.08, 200), weight_decay=0.008)

    for epoch in range(6):
        total = 0.0
        for xb, yb in dataset.batches(x, y, 100, rng):
            optimiser.zero_grad()
            total += loss_fn(model(xb), yb)
            model.backward(loss_fn.backward())
            optimiser.step()
        print(f"epoch {epoch + 1}: loss {total / 100:.4f}, val accuracy {accuracy(model, x_val, y_val):.4f}")

    x_test, y_test = dataset.load(["test_batch"])
    print("test accuracy", accuracy(model, standardise(x_test), y_test))


if __name__ == "__main__":
    main()
