import numpy as np

EPS = np.finfo(float).eps


def softmax(s):
    e = np.exp(s - np.max(s, axis=0, keepdims=True))
    return e / np.sum(e, axis=0, keepdims=True)


def EvaluateClassifier(X, net_params, mu_av=None, v_av=None):
    W, b = net_params["W"], net_params["b"]
    use_bn = "gammas" in net_params
    k = len(W)
    S, S_hat, mu, v = [], [], [], []
    X_layers = [X]
    for l in range(k - 1):
        s = W[l] @ X_layers[-1] + b[l]
        S.append(s)
        if use_bn:
            if mu_av is None:
                m = s.mean(axis=1, keepdims=True)
                var = s.var(axis=1, keepdims=True)
            else:
                m, var = mu_av[l], v_av[l]
            mu.append(m)
            v.append(var)
            s_hat = (s - m) / np.sqrt(var + EPS)
            S_hat.append(s_hat)
            s = net_params["gammas"][l] * s_hat + net_params["betas"][l]
        X_layers.append(np.maximum(s, 0))
    P = softmax(W[-1] @ X_layers[-1] + b[-1])
    return P, S, S_hat, mu, v, X_layers


def ComputeCost(X, Y, net_params, lam):
    P = EvaluateClassifier(X, net_params)[0]
    loss = -np.sum(Y * np.log(P)) / X.shape[1]
    return loss + lam * np.sum([np.sum(W * W) for W in net_params["W"]])


def BatchNormBackPass(G, S, mu, v):
    n = S.shape[1]
    sigma1 = (v + EPS) ** -0.5
    sigma2 = (v + EPS) ** -1.5
    G1 = G * sigma1
    G2 = G * sigma2
    D = S - mu
    c = np.sum(G2 * D, axis=1, keepdims=True)
    return G1 - np.mean(G1, axis=1, keepdims=True) - D * c / n


def ComputeGradients(X, Y, P, S, S_hat, mu, v, X_layers, net_params, lam):
    W = net_params["W"]
    use_bn = "gammas" in net_params
    k, n = len(W), X.shape[1]
    grad_W, grad_b, grad_gamma, grad_beta = (
        [None] * k,
        [None] * k,
        [None] * (k - 1),
        [None] * (k - 1),
    )
    G = -(Y - P)
    for l in range(k - 1, -1, -1):
        if l < k - 1:
            G = G * (X_layers[l + 1] > 0)
            if use_bn:
                grad_gamma[l] = np.sum(G * S_hat[l], axis=1, keepdims=True) / n
                grad_beta[l] = np.sum(G, axis=1, keepdims=True) / n
                G = G * net_params["gammas"][l]
                G = BatchNormBackPass(G, S[l], mu[l], v[l])
        grad_W[l] = G @ X_layers[l].T / n + 2 * lam * W[l]
        grad_b[l] = np.sum(G, axis=1, keepdims=True) / n
        G = W[l].T @ G
    grads = {"W": grad_W, "b": grad_b}
    if use_bn:
        grads["gammas"] = grad_gamma
        grads["betas"] = grad_beta
    return grads


def ComputeGradsNumSlow(X, Y, net_params, lam, h=1e-5):
    raise RuntimeError("far too slow")
