"""The network once more, in loops over samples and units: it shares no idea with `manual_impl`.

A number may be a NumPy array of many copies of itself, each moved differently: that is how the
derivatives by complex step are taken, one tensor at a time.
"""

import numpy as np
from scipy.special import erf

STEP = 1e-30
"""A complex step has no subtraction that could cancel, so it may be as small as one likes."""


def forward(network, parameters, X, y, *, penalty, masks=None, moved=None):
    """Every intermediate by name, in nested lists.

    Arguments:
        moved: name of a parameter or intermediate. Copy e of the network moves its entry e by
            i * STEP where it is computed, and all that follows from it.
    """
    trace = {}

    def note(name, values):
        if name == moved:
            values = each_entry_moved(values)
        trace[name] = values
        return values

    p = {name: value.tolist() for name, value in parameters.items()}
    if moved in p:
        p[moved] = each_entry_moved(p[moved])
    x, depth = X.tolist(), len(network.hidden) + 1
    for l in range(1, depth + 1):
        z = note(f"s{l}", affine(x, p[f"W{l}"], p[f"b{l}"]))
        if l == depth:
            break
        if network.normalization in ("batch", "layer"):
            z = normalise("s", l, z, p, network, note)
        activate = ACTIVATIONS[network.activation]
        z = note(f"x{l}", [[activate(value, network) for value in row] for row in z])
        if network.normalization == "batch-after":
            z = normalise("x", l, z, p, network, note)
        if network.dropout:
            mask = None if masks is None else masks[f"mask{l}"]
            z = note(f"x_drop{l}", dropped(z, mask, network.dropout))
        x = z

    trace["p"], trace["loss"] = END[network.loss](z, y, network.smoothing)
    squares = 0
    for l in range(1, depth + 1):
        for row in p[f"W{l}"]:
            for w in row:
                squares = squares + w * w
    trace["cost"] = trace["loss"] + penalty * squares
    return trace


def affine(x, W, b):
    """s_ij = b_j + sum over k of x_ik W_jk."""
    return [
        [b[j] + sum(row[k] * W[j][k] for k in range(len(row))) for j in range(len(W))] for row in x
    ]


def normalise(letter, l, z, p, network, note):
    """Batch norm or layer norm: the entries of a group share one mean and one variance."""
    n, m = len(z), len(z[0])
    if network.normalization == "layer":
        groups = [[(i, j) for j in range(m)] for i in range(n)]
    else:
        groups = [[(i, j) for i in range(n)] for j in range(m)]
    mu = note(f"mu{l}", [sum(z[i][j] for i, j in g) / len(g) for g in groups])
    v = [
        sum((z[i][j] - mean) * (z[i][j] - mean) for i, j in g) / len(g)
        for g, mean in zip(groups, mu, strict=True)
    ]
    v = note(f"v{l}", v)
    hat = [[None] * m for _ in range(n)]
    for g, mean, variance in zip(groups, mu, v, strict=True):
        for i, j in g:
            hat[i][j] = (z[i][j] - mean) / np.sqrt(variance + network.eps)
    hat = note(f"{letter}_hat{l}", hat)
    gamma, beta = p[f"gamma{l}"], p[f"beta{l}"]
    tilde = [[gamma[j] * hat[i][j] + beta[j] for j in range(m)] for i in range(n)]
    return note(f"{letter}_tilde{l}", tilde)


ACTIVATIONS = {
    "relu": lambda s, network: np.where(np.real(s) > 0, s, 0 * s),
    "leaky_relu": lambda s, network: np.where(np.real(s) > 0, s, network.slope * s),
    "gelu": lambda s, network: s * (1 + erf(s / 2**0.5)) / 2,
    "tanh": lambda s, network: (np.exp(s) - np.exp(-s)) / (np.exp(s) + np.exp(-s)),
    "sigmoid": lambda s, network: 1 / (1 + np.exp(-s)),
}


def dropped(x, mask, probability):
    """What is kept grows by 1 / (1 - probability); the rest is 0. Without a mask all stays."""
    if mask is None:
        return x
    return [
        [
            value / (1 - probability) if kept else 0 * value
            for value, kept in zip(*both, strict=True)
        ]
        for both in zip(x, mask, strict=True)
    ]


def softmax(s, y, smoothing):
    """p, and the mean of -sum t log p, where t of the class is 1 - smoothing * (1 - 1/classes)."""
    p, loss = [], 0
    for row, right in zip(s, y, strict=True):
        powers = [np.exp(value) for value in row]
        total = sum(powers)
        p.append([power / total for power in powers])
        for j, probability in enumerate(p[-1]):
            t = smoothing / len(row) + (1 - smoothing if j == right else 0)
            loss = loss - t * np.log(probability) / len(s)
    return p, loss


def sigmoids(s, y, smoothing):
    """p, and the mean of the sum of the binary cross-entropies of each class."""
    p = [[1 / (1 + np.exp(-value)) for value in row] for row in s]
    loss = 0
    for row, right in zip(p, y, strict=True):
        for j, probability in enumerate(row):
            loss = loss - np.log(probability if j == right else 1 - probability) / len(s)
    return p, loss


def squares(s, y, smoothing):
    """p, and the mean of half the sum of the squared errors of each class."""
    p, loss = sigmoids(s, y, smoothing)[0], 0
    for row, right in zip(p, y, strict=True):
        for j, probability in enumerate(row):
            loss = loss + (probability - (j == right)) ** 2 / (2 * len(s))
    return p, loss


END = {"cross_entropy": softmax, "binary_cross_entropy": sigmoids, "squared_error": squares}


def each_entry_moved(values):
    """Copy e has its entry e moved: every number becomes an array of all its copies."""
    shape = np.shape(values)
    copies = np.array(values, complex)[..., None] + 1j * STEP * np.eye(int(np.prod(shape))).reshape(
        *shape, -1
    )
    if len(shape) == 1:
        return list(copies)
    return [list(row) for row in copies]


def derivative(value, shape):
    """By the entries of what was moved."""
    return np.imag(value).reshape(shape) / STEP
