# -*- coding: utf-8 -*-
# Perceptron multicouche pour CIFAR-10, une image par ligne
import pickle
import time
import numpy as np
import matplotlib.pyplot as plt


def charger(fichier):
    with open('../data/cifar-10-batches-py/%s' % fichier, 'rb') as f:
        d = pickle.load(f, encoding='bytes')
    return d[b'data'].astype('float64') / 255.0, np.array(d[b'labels'])


class Reseau:

    def __init__(self, entree, cachee, sortie, lmbda=0.0, graine=1):
        gen = np.random.RandomState(graine)
        self.poids_c = gen.normal(0.0, np.sqrt(2.0 / entree), (entree, cachee))
        self.biais_c = np.zeros(cachee)
        self.poids_s = gen.normal(0.0, np.sqrt(2.0 / cachee), (cachee, sortie))
        self.biais_s = np.zeros(sortie)
        self.lmbda = lmbda
        self.historique = {'cout': [], 'cout_val': [], 'precision_val': []}

    def propager(self, images):
        self.images = images
        self.cachee = images.dot(self.poids_c) + self.biais_c
        self.cachee[self.cachee < 0] = 0
        scores = self.cachee.dot(self.poids_s) + self.biais_s
        scores -= np.max(scores, axis=1, keepdims=True)
        self.proba = np.exp(scores)
        self.proba = self.proba / np.sum(self.proba, axis=1, keepdims=True)
        return self.proba

    def retropropager(self, cible):
        n = cible.shape[0]
        erreur = self.proba - cible
        self.grad_poids_s = self.cachee.T.dot(erreur) / n
        self.grad_poids_s += 2 * self.lmbda * self.poids_s
        self.grad_biais_s = erreur.mean(axis=0)
        erreur_c = erreur.dot(self.poids_s.T)
        erreur_c[self.cachee == 0] = 0
        self.grad_poids_c = self.images.T.dot(erreur_c) / n
        self.grad_poids_c += 2 * self.lmbda * self.poids_c
        self.grad_biais_c = erreur_c.mean(axis=0)

    def corriger(self, pas):
        self.poids_c -= pas * self.grad_poids_c
        self.biais_c -= pas * self.grad_biais_c
        self.poids_s -= pas * self.grad_poids_s
        self.biais_s -= pas * self.grad_biais_s

    def cout(self, images, etiquettes):
        p = self.propager(images)
        entropie = -np.mean(np.log(p[np.arange(len(etiquettes)), etiquettes]))
        return entropie + self.lmbda * (np.sum(self.poids_c ** 2) + np.sum(self.poids_s ** 2))

    def precision(self, images, etiquettes):
        return np.mean(np.argmax(self.propager(images), axis=1) == etiquettes)

    def apprendre(self, images, etiquettes, images_val, etiquettes_val, epoques=4, lot=100,
                  pas_min=1e-5, pas_max=0.1, demi_cycle=200):
        cibles = np.zeros((len(etiquettes), 10))
        cibles[np.arange(len(etiquettes)), etiquettes] = 1.0
        iteration = 0
        for epoque in range(epoques):
            debut = time.time()
            melange = np.random.permutation(len(images))
            for k in range(len(images) // lot):
                choix = melange[k * lot:(k + 1) * lot]
                self.propager(images[choix])
                self.retropropager(cibles[choix])
                phase = abs((iteration / demi_cycle) % 2 - 1)
                pas = pas_max - phase * (pas_max - pas_min)
                self.corriger(pas)
                iteration += 1
            self.historique['cout'].append(self.cout(images, etiquettes))
            self.historique['cout_val'].append(self.cout(images_val, etiquettes_val))
            self.historique['precision_val'].append(self.precision(images_val, etiquettes_val))
            print("Époque {:d} : coût {:.4f}, validation {:.4f}, précision {:.2f} % ({:.1f} s)".format(
                epoque + 1, self.historique['cout'][-1], self.historique['cout_val'][-1],
                100 * self.historique['precision_val'][-1], time.time() - debut))


np.random.seed(0)
x_app, y_app = charger('data_batch_1')
x_val, y_val = charger('data_batch_2')
x_test, y_test = charger('test_batch')
x_val, y_val = x_val[:2000], y_val[:2000]

moyenne = x_app.mean(axis=0)
ecart = x_app.std(axis=0)
x_app = (x_app - moyenne) / ecart
x_val = (x_val - moyenne) / ecart
x_test = (x_test - moyenne) / ecart

reseau = Reseau(3072, 50, 10, lmbda=0.005)
print("coût initial", reseau.cout(x_val, y_val))
reseau.apprendre(x_app, y_app, x_val, y_val)
print("précision sur le test", reseau.precision(x_test, y_test))

plt.plot(reseau.historique['cout'], 'b-', reseau.historique['cout_val'], 'r-')
plt.xlabel('époque')
plt.ylabel('coût')
plt.show()
