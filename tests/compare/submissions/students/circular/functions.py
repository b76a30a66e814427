import numpy as np
from mine import compute_cost


def softmax(s):
    e = np.exp(s)
    return e / e.sum(axis=0)
