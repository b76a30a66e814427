"""A student's network of the further kinds of layer, with switches for mistakes.

Batch norm after the activation or layer norm before it, leaky ReLU, dropout and label smoothing,
samples in rows, everything written out. It shares no line with `compare.derivation` or
`compare.diagnosis.catalogue`.
"""

import numpy as np


def written_kinds(case, wrong="", at=0):
    """Gradients of the parameters, and p, loss and cost as "forward ...", with one mistake.

    Arguments:
        wrong: a name of the catalogue; "" for none.
        at: the layer at which it is made; 0 for all.
    """
    net, par, k, n = case.network, case.parameters, case.network.depth, len(case.y)

    def made(name, l):
        return wrong == name and at in (0, l)

    h, kept = case.X, {}
    for l in range(1, k):
        kept[l] = cache = {"h": h}
        h = h @ par[f"W{l}"].T + par[f"b{l}"]
        if net.normalization == "layer":
            h = standardised(h, 1, cache, made, l, par, net.eps)
        h, cache["slope"] = activated(h, net, made, l)
        if net.normalization == "batch-after":
            h = standardised(h, 0, cache, made, l, par, net.eps)
            if made("ReLU mask of the normalised value", l):
                cache["slope"] = 1.0 * (cache["hat"] > 0)
            if made("ReLU mask of the scaled and shifted value", l):
                cache["slope"] = 1.0 * (h > 0)
        if net.dropout:
            h = h * dropout_factor(case, l, made, " in the forward pass")
            cache["dropped"] = dropout_factor(case, l, made, " on the way back")
    logits = h @ par[f"W{k}"].T + par[f"b{k}"]

    p = np.exp(logits) / np.exp(logits).sum(axis=1)[:, None]
    hot = np.zeros_like(p)
    hot[range(n), case.y] = 1
    a = net.smoothing
    soft = hot * (1 - a) + a / net.classes
    others = hot * (1 - a) + (1 - hot) * a / (net.classes - 1)
    in_loss = in_gradient = soft
    if made("smoothing left out in the gradient", k):
        in_gradient = hot
    if made("smoothing left out", k):
        in_loss = in_gradient = hot
    if made("smoothing left out in the loss", k):
        in_loss = hot
    if made("smoothing over the other classes", k):
        in_loss = in_gradient = others
    loss = -(in_loss * np.log(p)).sum() / n
    cost = loss + case.penalty * sum((par[f"W{l}"] ** 2).sum() for l in range(1, k + 1))
    found = {"forward p": p, "forward loss": loss, "forward cost": cost}

    kept[k] = {"h": h}
    G = (p - in_gradient) / n
    for l in range(k, 0, -1):
        cache = kept[l]
        if l < k:
            if net.dropout:
                G = G * cache["dropped"]
            if net.normalization == "batch-after":
                G = before_standardising(G, 0, cache, made, l, par, found)
            G = G * cache["slope"]
            if net.normalization == "layer":
                G = before_standardising(G, 1, cache, made, l, par, found)
        found[f"W{l}"] = np.einsum("ij,ik->jk", G, cache["h"]) + 2 * case.penalty * par[f"W{l}"]
        found[f"b{l}"] = np.einsum("ij->j", G)
        G = G.dot(par[f"W{l}"])
    return found


def activated(z, net, made, l):
    """The activation and its derivative."""
    low = net.slope if net.activation == "leaky_relu" else 0.0
    if made("another slope, 0.3", l):
        low = 0.3
    if made("ReLU for leaky ReLU", l):
        low = 0.0
    right, turned = np.where(z > 0, 1.0, low), np.where(z > 0, low, 1.0)
    if made("slope on the wrong side", l):
        return z * turned, turned
    if made("slope on the wrong side on the way back", l):
        return z * right, turned
    if made("slope missing on the way back", l):
        return z * right, np.where(z > 0, 1.0, 0.0)
    if made("leaky ReLU left out on the way back", l):
        return z * right, np.ones_like(z)
    return z * right, right


def dropout_factor(case, l, made, suffix):
    """What dropout multiplies by in one of the passes."""
    mask, keep = case.masks[f"mask{l}"], 1 - case.network.dropout

    def here(name):
        return made(name, l) or made(name + suffix, l)

    if here("dropout left out"):
        return 1
    if here("mask missing"):
        return 1 / keep
    if here("mask not scaled"):
        return 1 * mask
    if here("mask scaled twice"):
        return mask / keep / keep
    if here("mask inverted"):
        return (1 - mask) / keep
    if here("mask from the layer above"):
        return case.masks[f"mask{l + 1}"] / keep
    return mask / keep


def standardised(s, axis, cache, made, l, par, eps):
    """gamma s_hat + beta; axis 0 for batch norm, 1 for layer norm."""
    norm = ", layer norm" if axis == 1 else ""
    if made(f"mean and variance over the wrong axis{norm}", l):
        axis = 1 - axis
    ddof = 1 if made(f"unbiased variance{norm}", l) else 0
    centred = s - s.mean(axis=axis, keepdims=True)
    v = s.var(axis=axis, ddof=ddof, keepdims=True)
    if made(f"eps 0.001{norm}", l):
        eps = 1e-3
    cache["D"], cache["sigma"], cache["axis"] = centred, (v + eps) ** -0.5, axis
    cache["ddof"] = ddof
    cache["hat"] = centred * cache["sigma"]
    return cache["hat"] * par[f"gamma{l}"] + par[f"beta{l}"]


def before_standardising(G, axis, cache, made, l, par, found):
    """From gamma s_hat + beta to s, by the courses' form."""
    norm, over = (", layer norm" if axis == 1 else ""), 0
    if made("gamma over the wrong axis", l):
        over = 1
    found[f"gamma{l}"] = (G * cache["hat"]).sum(axis=over)
    found[f"beta{l}"] = G.sum(axis=1 if made("beta over the wrong axis", l) else 0)
    if not made(f"gamma left out{norm}", l):
        G = G * par[f"gamma{l}"]
    axis, D, sigma = cache["axis"], cache["D"], cache["sigma"]
    size = D.shape[axis]
    mean = (G * sigma).sum(axis=axis, keepdims=True) / size
    variance = D * (G * sigma**3 * D).sum(axis=axis, keepdims=True) / (size - cache["ddof"])
    if made(f"mean and variance as constants{norm}", l):
        mean = variance = 0
    if made(f"mean's term missing{norm}", l):
        mean = 0
    if made(f"variance's term missing{norm}", l):
        variance = 0
    return G * sigma - mean - variance
