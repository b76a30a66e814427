"""Always with batch norm; the forward pass hands over one dict; a flag that must be set."""

import numpy as np


def forward(X_batch, NetParams, training=False):
    assert NetParams["use_bn"]
    fp_data = {"s": [], "mean": [], "var": [], "s_norm": [], "h": []}
    h = X_batch
    W, b = NetParams["W"], NetParams["b"]
    for i in range(len(W) - 1):
        s = W[i] @ h + b[i]
        mean, var = s.mean(1, keepdims=True), s.var(1, keepdims=True)
        if not training:
            raise RuntimeError("there are no running averages yet")
        s_norm = np.diag(1 / np.sqrt(var[:, 0] + 2.2e-16)) @ (s - mean)
        h = np.maximum(NetParams["gamma"][i] * s_norm + NetParams["beta"][i], 0)
        for key, value in zip(fp_data, (s, mean, var, s_norm, h), strict=True):
            fp_data[key].append(value)
    s = W[-1] @ h + b[-1]
    p = np.exp(s) / np.exp(s).sum(0)
    fp_data["P"] = p
    return p, fp_data


def backward(X_batch, Y_batch, fp_data, NetParams, lambda_):
    W, k, n = NetParams["W"], len(NetParams["W"]), X_batch.shape[1]
    dW, db, dgamma, dbeta = [0] * k, [0] * k, [0] * (k - 1), [0] * (k - 1)
    g = fp_data["P"]
    g -= Y_batch
    for i in range(k - 1, -1, -1):
        if i < k - 1:
            g = g * (fp_data["h"][i] > 0)
            dgamma[i] = (g * fp_data["s_norm"][i]).sum(1, keepdims=True) / n
            dbeta[i] = g.sum(1, keepdims=True) / n
            g = g * NetParams["gamma"][i]
            r = 1 / np.sqrt(fp_data["var"][i] + 2.2e-16)
            x = fp_data["s_norm"][i]
            g = r * (g - g.mean(1, keepdims=True) - x * (g * x).mean(1, keepdims=True))
        dW[i] = g @ (fp_data["h"][i - 1] if i else X_batch).T / n + 2 * lambda_ * W[i]
        db[i] = g.sum(1, keepdims=True) / n
        g = W[i].T @ g
    return dW, db, dgamma, dbeta
