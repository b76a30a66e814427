# Liten test på syntetiska data innan CIFAR: allt i ett skript, inga funktioner.
import numpy as np
import matplotlib.pyplot as plt

np.random.seed(7)

# --- data: fem klasser, gaussiska moln i 12 dimensioner ---
antal = 2000
d = 12
K = 5
centrum = 1.5 * np.random.randn(d, K)
y = np.random.randint(0, K, antal)
X = centrum[:, y] + 1.3 * np.random.randn(d, antal)
Y = np.zeros((K, antal))
Y[y, range(antal)] = 1
Xtr, Ytr, ytr = X[:, :1600], Y[:, :1600], y[:1600]
Xte, Yte, yte = X[:, 1600:], Y[:, 1600:], y[1600:]
medel = Xtr.mean(axis=1).reshape(-1, 1)
spridning = Xtr.std(axis=1).reshape(-1, 1)
Xtr = (Xtr - medel) / spridning
Xte = (Xte - medel) / spridning

# --- parametrar ---
m = 50
W1 = np.random.randn(m, d) * np.sqrt(2 / d)
b1 = np.zeros((m, 1))
W2 = np.random.randn(m, m) * np.sqrt(2 / m)
b2 = np.zeros((m, 1))
W3 = np.random.randn(K, m) * np.sqrt(2 / m)
b3 = np.zeros((K, 1))
lam = 0.001
eta_min, eta_max, n_s = 1e-5, 1e-1, 80
n_batch = 50
n = n_batch

kostnader = []
traffar = []
t = 0
for epok in range(10):
    ordning = np.random.permutation(1600)
    Xtr = Xtr[:, ordning]
    Ytr = Ytr[:, ordning]
    ytr = ytr[ordning]
    for j in range(0, 1600, n_batch):
        Xb = Xtr[:, j:j + n_batch]
        Yb = Ytr[:, j:j + n_batch]

        # framåt
        S1 = W1 @ Xb + b1
        A1 = np.maximum(S1, 0)
        S2 = W2 @ A1 + b2
        A2 = np.maximum(S2, 0)
        S3 = W3 @ A2 + b3
        E = np.exp(S3)
        P = E / E.sum(axis=0)

        # cyklisk steglängd
        pos = t % (2 * n_s)
        if pos < n_s:
            eta = eta_min + pos / n_s * (eta_max - eta_min)
        else:
            eta = eta_max - (pos - n_s) / n_s * (eta_max - eta_min)

        # bakåt, lagren uppdateras på vägen
        G3 = P - Yb
        dW3 = G3 @ A2.T / n + 2 * lam * W3
        db3 = G3.mean(axis=1).reshape(-1, 1)
        G2 = W3.T @ G3
        W3 -= eta * dW3
        b3 -= eta * db3

        G2[S2 <= 0] = 0
        dW2 = G2 @ A1.T / n + 2 * lam * W2
        db2 = G2.mean(axis=1).reshape(-1, 1)
        G1 = W2.T @ G2
        W2 -= eta * dW2
        b2 -= eta * db2

        G1[S1 <= 0] = 0
        dW1 = G1 @ Xb.T / n + 2 * lam * W1
        db1 = G1.mean(axis=1).reshape(-1, 1)
        W1 -= eta * dW1
        b1 -= eta * db1
        t += 1

    # hela träningsmängden
    A1 = np.maximum(W1 @ Xtr + b1, 0)
    A2 = np.maximum(W2 @ A1 + b2, 0)
    E = np.exp(W3 @ A2 + b3)
    P = E / E.sum(axis=0)
    J = -np.mean(np.log(P[ytr, range(1600)])) + lam * (np.sum(W1 ** 2) + np.sum(W2 ** 2) + np.sum(W3 ** 2))
    kostnader.append(J)
    # testmängden
    A1 = np.maximum(W1 @ Xte + b1, 0)
    A2 = np.maximum(W2 @ A1 + b2, 0)
    E = np.exp(W3 @ A2 + b3)
    P = E / E.sum(axis=0)
    traffar.append(np.mean(P.argmax(axis=0) == yte))
    print('epok %d  kostnad %.4f  test %.3f' % (epok + 1, J, traffar[-1]))

fig, ax = plt.subplots(1, 2)
ax[0].plot(kostnader)
ax[0].set_title('kostnad')
ax[1].plot(traffar)
ax[1].set_title('träffsäkerhet')
plt.show()
