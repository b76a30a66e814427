import pickle
import numpy as np

np.random.seed(10)
PATH = "C:\\Users\\lina\\Documents\\deep_learning\\cifar-10-batches-py\\"

def get_batch(name):
    with open(PATH + name, "rb") as f:
        raw = pickle.load(f, encoding="latin1")
    X = raw["data"].astype("float64") / 255
    Y = np.eye(10)[raw["labels"]]
    return X, Y

def init_params(n_in, n_h1, n_h2, n_out):
    p = {}
    p["W1"] = np.random.normal(scale=np.sqrt(2 / n_in), size=(n_in, n_h1))
    p["b1"] = np.zeros((1, n_h1))
    p["W2"] = np.random.normal(scale=np.sqrt(2 / n_h1), size=(n_h1, n_h2))
    p["b2"] = np.zeros((1, n_h2))
    p["W3"] = np.random.normal(scale=np.sqrt(2 / n_h2), size=(n_h2, n_out))
    p["b3"] = np.zeros((1, n_out))
    return p

def forward(X, p, keep=1.0, train=False):
    S1 = X.dot(p["W1"]) + p["b1"]
    A1 = np.maximum(0, S1)
    M1 = M2 = None
    if train:
        M1 = (np.random.rand(*A1.shape) < keep) / keep   # inverted dropout, nothing to do at test time
        A1 = A1 * M1
    S2 = A1.dot(p["W2"]) + p["b2"]
    A2 = np.maximum(0, S2)
    if train:
        M2 = (np.random.rand(*A2.shape) < keep) / keep
        A2 = A2 * M2
    S3 = A2.dot(p["W3"]) + p["b3"]
    expS = np.exp(S3 - S3.max(axis=1, keepdims=True))
    P = expS / expS.sum(axis=1, keepdims=True)
    return P, (S1, A1, M1, S2, A2, M2)

def backward(X, Y, P, cache, p, lam):
    S1, A1, M1, S2, A2, M2 = cache
    n = len(X)
    g = {}
    dS3 = (P - Y) / n
    g["W3"] = A2.T.dot(dS3) + 2 * lam * p["W3"]
    g["b3"] = dS3.sum(axis=0, keepdims=True)
    dA2 = dS3.dot(p["W3"].T)
    dS2 = dA2 * M2 * (S2 > 0)
    g["W2"] = A1.T.dot(dS2) + 2 * lam * p["W2"]
    g["b2"] = dS2.sum(axis=0, keepdims=True)
    dA1 = dS2.dot(p["W2"].T)
    dS1 = dA1 * M1 * (S1 > 0)
    g["W1"] = X.T.dot(dS1) + 2 * lam * p["W1"]
    g["b1"] = dS1.sum(axis=0, keepdims=True)
    return g

def loss_and_acc(X, Y, p):
    P, _ = forward(X, p)
    loss = -np.sum(Y * np.log(P + 1e-12)) / len(X)
    return loss, np.mean(P.argmax(1) == Y.argmax(1))

Xtrain, Ytrain = get_batch("data_batch_1")
Xval, Yval = get_batch("data_batch_5")
Xtrain, Ytrain, Xval, Yval = Xtrain[:8000], Ytrain[:8000], Xval[:2000], Yval[:2000]
mean, std = Xtrain.mean(0), Xtrain.std(0)
Xtrain = (Xtrain - mean) / std
Xval = (Xval - mean) / std

keep = 0.8
lam = 1e-3
eta = 0.05
batch = 100
params = init_params(3072, 50, 50, 10)

for epoch in range(1, 7):
    perm = np.random.permutation(len(Xtrain))
    Xs = Xtrain[perm]
    Ys = Ytrain[perm]
    for j in range(0, len(Xs), batch):
        Xb = Xs[j:j + batch]
        Yb = Ys[j:j + batch]
        P, cache = forward(Xb, params, keep, train=True)
        grads = backward(Xb, Yb, P, cache, params, lam)
        for k in params:
            params[k] -= eta * grads[k]
    eta *= 0.9
    tl, ta = loss_and_acc(Xtrain, Ytrain, params)
    vl, va = loss_and_acc(Xval, Yval, params)
    print(f"[{epoch}] train loss {tl:.3f} acc {ta:.3f} | val loss {vl:.3f} acc {va:.3f}")

Xtest, Ytest = get_batch("test_batch")
Xtest = (Xtest - mean) / std
print("test", loss_and_acc(Xtest, Ytest, params))
