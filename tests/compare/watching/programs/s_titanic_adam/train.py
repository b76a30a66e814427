#!/usr/bin/env python3
# Survival prediction baseline - numpy only (no sklearn), Adam + ReLU
import numpy as np

SEED = 1912
BATCH_SIZE = 64
EPOCHS = 40
LR = 1e-3
H1, H2 = 16, 16

rng = np.random.RandomState(SEED)

# ---------------------------------------------------------------
# 1. "Load" the data
# ---------------------------------------------------------------
def load_passengers(n=891):
    pclass = rng.choice([1, 2, 3], size=n, p=[0.24, 0.21, 0.55])
    sex = rng.binomial(1, 0.35, size=n)                 # 1 = female
    age = np.clip(rng.normal(30, 14, size=n), 0.5, 80)
    sibsp = rng.poisson(0.5, size=n)
    parch = rng.poisson(0.4, size=n)
    fare = np.exp(rng.normal(4.2 - 0.7 * pclass, 0.5))
    score = 2.6 * sex - 0.9 * (pclass - 2) - 0.03 * (age - 30) - 0.3 * sibsp + 0.004 * fare - 1.0
    survived = (rng.uniform(size=n) < 1 / (1 + np.exp(-score))).astype(int)
    features = np.c_[pclass, sex, age, sibsp, parch, np.log1p(fare)]
    return features, survived

features, survived = load_passengers()
features = (features - features.mean(0)) / features.std(0)
X = features.astype(np.float32)
y = survived.reshape(-1, 1)

n_val = 191
X_train, y_train = X[n_val:], y[n_val:]
X_val, y_val = X[:n_val], y[:n_val]

# ---------------------------------------------------------------
# 2. Model
# ---------------------------------------------------------------
def he(n_in, n_out):
    return (rng.randn(n_in, n_out) * np.sqrt(2.0 / n_in)).astype(np.float32)

params = {
    'W1': he(X.shape[1], H1), 'b1': np.zeros(H1, dtype=np.float32),
    'W2': he(H1, H2),         'b2': np.zeros(H2, dtype=np.float32),
    'W3': he(H2, 1),          'b3': np.zeros(1, dtype=np.float32),
}

def sigmoid(z):
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))

def forward(p, x):
    z1 = x @ p['W1'] + p['b1']
    a1 = np.maximum(z1, 0)
    z2 = a1 @ p['W2'] + p['b2']
    a2 = np.maximum(z2, 0)
    z3 = a2 @ p['W3'] + p['b3']
    return sigmoid(z3), (x, z1, a1, z2, a2)

def bce(prob, t):
    eps = 1e-7
    prob = np.clip(prob, eps, 1 - eps)
    return -np.mean(t * np.log(prob) + (1 - t) * np.log(1 - prob))

def backward(p, prob, t, cache):
    x, z1, a1, z2, a2 = cache
    n = np.float32(len(t))
    g = {}
    dz3 = ((prob - t) / n).astype(np.float32)
    g['W3'] = a2.T @ dz3
    g['b3'] = dz3.sum(axis=0)
    dz2 = (dz3 @ p['W3'].T) * (z2 > 0)
    g['W2'] = a1.T @ dz2
    g['b2'] = dz2.sum(axis=0)
    dz1 = (dz2 @ p['W2'].T) * (z1 > 0)
    g['W1'] = x.T @ dz1
    g['b1'] = dz1.sum(axis=0)
    return g

# ---------------------------------------------------------------
# 3. Adam
# ---------------------------------------------------------------
m = {k: np.zeros_like(v) for k, v in params.items()}
v = {k: np.zeros_like(val) for k, val in params.items()}
beta1, beta2, adam_eps = 0.9, 0.999, 1e-8
t_step = 0

def adam_update(grads):
    global t_step
    t_step += 1
    for k in params:
        m[k] = beta1 * m[k] + (1 - beta1) * grads[k]
        v[k] = beta2 * v[k] + (1 - beta2) * grads[k] ** 2
        m_hat = m[k] / (1 - beta1 ** t_step)
        v_hat = v[k] / (1 - beta2 ** t_step)
        params[k] -= LR * m_hat / (np.sqrt(v_hat) + adam_eps)

# ---------------------------------------------------------------
# 4. Train
# ---------------------------------------------------------------
if __name__ == '__main__':
    for epoch in range(EPOCHS):
        perm = rng.permutation(len(X_train))
        total = 0.0
        for i in range(0, len(perm), BATCH_SIZE):
            batch = perm[i:i + BATCH_SIZE]
            xb, yb = X_train[batch], y_train[batch]
            prob, cache = forward(params, xb)
            total += bce(prob, yb) * len(batch)
            grads = backward(params, prob, yb, cache)
            adam_update(grads)
        if (epoch + 1) % 5 == 0:
            p_val, _ = forward(params, X_val)
            print('epoch %2d  train loss %.4f  val loss %.4f  val acc %.3f' % (
                epoch + 1, total / len(perm), bce(p_val, y_val), ((p_val > 0.5) == y_val).mean()))
