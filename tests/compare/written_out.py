"""A student's network in plain NumPy with switches for mistakes: what the catalogue must equal.

One hidden layer after the other with batch norm, samples in rows, everything written out. It
shares no line with `compare.derivation` or `compare.diagnosis.catalogue`.
"""

import numpy as np


def written_out(case, wrong="", at=0):
    """Gradients of the parameters, and p, loss and cost as "forward ...", with one mistake.

    Arguments:
        wrong: a name of the catalogue; "" for none.
        at: the layer at which it is made; 0 for all.
    """
    par, X, y, lam, k = case.parameters, case.X, case.y, case.penalty, case.network.depth
    n, eps = len(y), case.network.eps

    def made(name, l):
        return wrong == name and at in (0, l)

    hs, ss, hats, tildes, mus, vs = [X], {}, {}, {}, {}, {}
    for l in range(1, k):
        s = ss[l] = hs[-1] @ par[f"W{l}"].T + par[f"b{l}"]
        mu, v = mus[l], vs[l] = s.sum(axis=0) / n, s.var(axis=0)
        if made("unbiased variance", l):
            v = vs[l] = s.var(axis=0, ddof=1)
        hat = (s - mu) * (v + eps) ** -0.5
        if made("eps 0.001", l):
            hat = (s - mu) * (v + 1e-3) ** -0.5
        if made("eps 0.001 outside the root", l):
            hat = (s - mu) / (v**0.5 + 1e-3)
        hats[l], tildes[l] = hat, hat * par[f"gamma{l}"] + par[f"beta{l}"]
        hs.append(np.where(tildes[l] > 0, tildes[l], 0))
    logits = hs[-1] @ par[f"W{k}"].T + par[f"b{k}"]
    p = np.exp(logits) / np.exp(logits).sum(axis=1)[:, None]
    loss = -np.log(p[range(n), y]).mean()
    if made("cost summed", k):
        loss *= n
    squares = sum((par[f"W{l}"] ** 2).sum() for l in range(1, k + 1))
    cost = loss + {"cost without penalty": 0, "cost with half the penalty": lam / 2}.get(
        wrong, lam
    ) * (squares)

    found = {"forward p": p, "forward loss": loss, "forward cost": cost}
    Y = np.zeros_like(p)
    Y[range(n), y] = 1
    G = (p - Y) / n
    if made("not divided by n", k):
        G = p - Y
    if made("sign of G", k):
        G = (Y - p) / n
    if made("p for p - Y", k):
        G = p / n
    for l in range(k, 0, -1):
        if l < k:
            G = below(G, l, made, par, n, eps, found, ss, hats, tildes, mus, vs)
        penalty = 2 * lam * par[f"W{l}"]
        if made("penalty missing", l):
            penalty = 0
        if made("lambda for 2 lambda", l):
            penalty = lam * par[f"W{l}"]
        found[f"W{l}"] = np.einsum("ij,ik->jk", G, hs[l - 1]) + penalty
        found[f"b{l}"] = G.sum(axis=1 if made("bias over the wrong axis", l) else 0)
        if made("penalty on b", l):
            found[f"b{l}"] = found[f"b{l}"] + 2 * lam * par[f"b{l}"]
        if l == 1:
            return found
        W = par[f"W{l}"]
        if made("W updated before it is used (eta 0.1)", l - 1):
            W = W - 0.1 * found[f"W{l}"]
        if made("W transposed on the way down", l - 1):
            W = W.T
        if made("W of the layer below on the way down", l - 1):
            W = par[f"W{l - 1}"]
        G = G.dot(W)
    return found


def below(G, l, made, par, n, eps, found, ss, hats, tildes, mus, vs):
    """From x_l through the ReLU and batch norm to s_l."""
    mask = tildes[l] > 0
    if made("ReLU mask missing", l):
        mask = np.ones_like(mask)
    if made("ReLU mask before gamma and beta", l):
        mask = hats[l] > 0
    if made("ReLU mask from the layer above", l):
        mask = tildes[l + 1] > 0
    if made("ReLU mask at >= 0", l):
        mask = tildes[l] >= 0
    unmasked, G = G, G * mask
    for_gamma = G * par[f"gamma{l}"] if made("G multiplied by gamma too early", l) else G
    if made("gamma and beta before the mask", l):
        for_gamma = unmasked
    found[f"beta{l}"] = for_gamma.sum(axis=0)
    times = tildes[l] if made("gamma's gradient from s_tilde", l) else hats[l]
    found[f"gamma{l}"] = (for_gamma * times).sum(axis=0)
    if not made("gamma left out", l):
        G = G * par[f"gamma{l}"]
    # the courses' form: G1 - mean(G1) - D mean(G2 * D), with G1 = G sigma, G2 = G sigma^3
    D, sigma, slope = ss[l] - mus[l], (vs[l] + eps) ** -0.5, (vs[l] + eps) ** -1.5
    if made("eps 0.001", l):
        sigma, slope = (vs[l] + 1e-3) ** -0.5, (vs[l] + 1e-3) ** -1.5
    if made("eps 0.001 outside the root", l):
        sigma = 1 / (vs[l] ** 0.5 + 1e-3)
        slope = sigma**2 * vs[l] ** -0.5
    mean, variance = (G * sigma).sum(axis=0) / n, D * (G * slope * D).sum(axis=0) / n
    if made("unbiased variance", l) or made("n - 1 for n, variance", l):
        variance = variance * n / (n - 1)
    if made("mean's term missing", l) or made("mean and variance as constants", l):
        mean = 0
    if made("variance's term missing", l) or made("mean and variance as constants", l):
        variance = 0
    if made("variance's term halved", l):
        variance = variance / 2
    return G * sigma - mean - variance
