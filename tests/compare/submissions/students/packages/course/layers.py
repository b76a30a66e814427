import numpy as np


def softmax(s):
    e = np.exp(s)
    return e / e.sum(axis=0)
