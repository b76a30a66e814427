import random
import numpy as np
import network


def vectorized_result(j):
    e = np.zeros((10, 1))
    e[j] = 1.0
    return e


def make_digits(n, seed):
    """8x8 'digits': ten fixed random glyphs plus pixel noise."""
    glyphs = (np.random.RandomState(99).rand(10, 64) > 0.6).astype(float)
    rs = np.random.RandomState(seed)
    out = []
    for i in range(n):
        d = i % 10
        img = np.clip(glyphs[d] + 0.35 * rs.randn(64), 0, 1)
        out.append((img.reshape(64, 1), vectorized_result(d)))
    return out


if __name__ == "__main__":
    random.seed(7)
    np.random.seed(7)
    training_data = make_digits(600, 1)
    test_data = make_digits(200, 2)
    net = network.Network([64, 24, 16, 10])
    net.train(training_data, 25, 10, 3.0, test=test_data)
