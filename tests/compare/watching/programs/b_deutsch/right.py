# -*- coding: utf-8 -*-
# Zweischichtiges Netz für CIFAR-10 (Daten im Matlab-Format), Stichproben in Spalten
import numpy as np
from scipy.io import loadmat

VERZEICHNIS = '../Daten/cifar-10-batches-mat/'
np.random.seed(17)


def lade(datei, anzahl=None):
    inhalt = loadmat(VERZEICHNIS + datei)
    bilder = inhalt['data'][:anzahl].astype(float).T / 255.0
    klassen = inhalt['labels'].ravel()[:anzahl]
    ziel = (klassen[None, :] == np.arange(10)[:, None]).astype(float)
    return {'X': bilder, 'Y': ziel, 'y': klassen}


def erzeuge_netz(breiten):
    netz = {}
    for nr in range(1, len(breiten)):
        ein, aus = breiten[nr - 1], breiten[nr]
        netz['schicht%d' % nr] = {
            'W': np.random.randn(aus, ein) * np.sqrt(2.0 / ein),
            'b': np.zeros((aus, 1)),
        }
    return netz


def vorwärts(netz, X):
    s1 = netz['schicht1']['W'].dot(X) + netz['schicht1']['b']
    h = np.maximum(s1, 0)
    s2 = netz['schicht2']['W'].dot(h) + netz['schicht2']['b']
    zähler = np.exp(s2 - np.max(s2, axis=0))
    P = zähler / np.sum(zähler, axis=0)
    return {'s1': s1, 'h': h, 's2': s2, 'P': P}


def kosten(netz, daten, lam):
    P = vorwärts(netz, daten['X'])['P']
    verlust = -np.mean(np.log(np.sum(daten['Y'] * P, axis=0)))
    strafe = lam * sum(np.sum(schicht['W'] ** 2) for schicht in netz.values())
    return verlust, verlust + strafe


def genauigkeit(netz, daten):
    vorhersage = np.argmax(vorwärts(netz, daten['X'])['P'], axis=0)
    return 100.0 * np.mean(vorhersage == daten['y'])


def rückwärts(netz, X, Y, werte, lam):
    n = X.shape[1]
    G = (werte['P'] - Y) / n
    grad = {'schicht1': {}, 'schicht2': {}}
    grad['schicht2']['W'] = G.dot(werte['h'].T) + 2 * lam * netz['schicht2']['W']
    grad['schicht2']['b'] = np.sum(G, axis=1, keepdims=True)
    G = netz['schicht2']['W'].T.dot(G)
    G[werte['s1'] <= 0] = 0
    grad['schicht1']['W'] = G.dot(X.T) + 2 * lam * netz['schicht1']['W']
    grad['schicht1']['b'] = np.sum(G, axis=1, keepdims=True)
    return grad


def lernrate(t, klein, gross, n_s):
    zyklus = t // (2 * n_s)
    rest = t - 2 * zyklus * n_s
    if rest <= n_s:
        return klein + rest / n_s * (gross - klein)
    return gross - (rest - n_s) / n_s * (gross - klein)


def mische(daten):
    reihenfolge = np.random.permutation(daten['X'].shape[1])
    return daten['X'][:, reihenfolge], daten['Y'][:, reihenfolge]


def trainiere(netz, training, prüfung, lam, epochen=5, grösse=100):
    t = 0
    for epoche in range(epochen):
        X, Y = mische(training)
        for anfang in range(0, X.shape[1], grösse):
            Xb, Yb = X[:, anfang:anfang + grösse], Y[:, anfang:anfang + grösse]
            werte = vorwärts(netz, Xb)
            grad = rückwärts(netz, Xb, Yb, werte, lam)
            t += 1
            eta = lernrate(t, 1e-5, 1e-1, 200)
            for name, schicht in netz.items():
                schicht['W'] = schicht['W'] - eta * grad[name]['W']
                schicht['b'] = schicht['b'] - eta * grad[name]['b']
        verlust, gesamt = kosten(netz, training, lam)
        print('Epoche %d: Verlust %.4f, Kosten %.4f, Genauigkeit %.2f %% (Prüfung %.2f %%)' % (
            epoche + 1, verlust, gesamt, genauigkeit(netz, training), genauigkeit(netz, prüfung)))
    return netz


training = lade('data_batch_1.mat')
prüfung = lade('data_batch_2.mat', 2000)
test = lade('test_batch.mat')

mittel = np.mean(training['X'], axis=1, keepdims=True)
streuung = np.std(training['X'], axis=1, ddof=1, keepdims=True)
for teil in (training, prüfung, test):
    teil['X'] = (teil['X'] - mittel) / streuung

netz = erzeuge_netz([3072, 50, 10])
netz = trainiere(netz, training, prüfung, lam=0.01)
print('Testgenauigkeit: %.2f %%' % genauigkeit(netz, test))
