# -*- coding: utf-8 -*-
"""
Red neuronal con una capa oculta (tanh), dropout invertido y una
neurona de salida sigmoide. Entropía cruzada binaria. Ejemplos en columnas.
"""
import numpy as np


def crear_datos(n=320, semilla=8):
    azar = np.random.RandomState(semilla)
    etiquetas = azar.randint(0, 2, size=n)
    # cada clase son dos nubes opuestas (tipo XOR)
    lado = azar.choice([-1.0, 1.0], size=n)
    entradas = np.zeros((2, n))
    entradas[0] = lado * 1.4
    entradas[1] = np.where(etiquetas == 1, lado, -lado) * 1.4
    entradas += 0.5 * azar.randn(2, n)
    return entradas, etiquetas.reshape(1, n)


def sigmoide(z):
    return 1.0 / (1.0 + np.exp(-z))


def iniciar_pesos(n_entrada, n_oculta1, n_oculta2, azar):
    return {
        'P1': azar.randn(n_oculta1, n_entrada) / np.sqrt(n_entrada),
        's1': np.zeros((n_oculta1, 1)),
        'P2': azar.randn(n_oculta2, n_oculta1) / np.sqrt(n_oculta1),
        's2': np.zeros((n_oculta2, 1)),
        'P3': azar.randn(1, n_oculta2) / np.sqrt(n_oculta2),
        's3': np.zeros((1, 1)),
    }


def propagar(x, red, mascara1=None, mascara2=None):
    """Propagación hacia adelante; sin máscaras no hay dropout."""
    h1 = np.tanh(red['P1'] @ x + red['s1'])
    if mascara1 is not None:
        h1 = h1 * mascara1
    h2 = np.tanh(red['P2'] @ h1 + red['s2'])
    if mascara2 is not None:
        h2 = h2 * mascara2
    salida = sigmoide(red['P3'] @ h2 + red['s3'])
    return h1, h2, salida


def costo(salida, y):
    m = y.shape[1]
    return -np.sum(y * np.log(salida) + (1 - y) * np.log(1 - salida)) / m


def retropropagar(x, y, red, mascara1, mascara2):
    m = x.shape[1]
    a1 = np.tanh(red['P1'] @ x + red['s1'])       # antes del dropout
    h1 = a1 * mascara1
    a2 = np.tanh(red['P2'] @ h1 + red['s2'])
    h2 = a2 * mascara2
    salida = sigmoide(red['P3'] @ h2 + red['s3'])

    grad = {}
    delta3 = (salida - y) / m
    grad['P3'] = delta3 @ h2.T
    grad['s3'] = delta3.sum(axis=1, keepdims=True)

    delta2 = (red['P3'].T @ delta3) * mascara2 * (1 - a2 ** 2)
    grad['P2'] = delta2 @ h1.T
    grad['s2'] = delta2.sum(axis=1, keepdims=True)

    delta1 = (red['P2'].T @ delta2) * mascara1 * (1 - a1 ** 2)
    grad['P1'] = delta1 @ x.T
    grad['s1'] = delta1.sum(axis=1, keepdims=True)
    return grad, costo(salida, y)


def entrenar(x, y, epocas=120, lote=32, tasa=0.15, conservar=0.8):
    azar = np.random.RandomState(21)
    red = iniciar_pesos(2, 14, 8, azar)
    n = x.shape[1]
    for epoca in range(epocas):
        orden = azar.permutation(n)
        for inicio in range(0, n, lote):
            cols = orden[inicio:inicio + lote]
            xl, yl = x[:, cols], y[:, cols]
            mascara1 = (azar.rand(14, len(cols)) < conservar) / conservar
            mascara2 = (azar.rand(8, len(cols)) < conservar) / conservar
            grad, perdida = retropropagar(xl, yl, red, mascara1, mascara2)
            for nombre in red:
                red[nombre] -= tasa * grad[nombre]
        if epoca % 20 == 0 or epoca == epocas - 1:
            _, _, p = propagar(x, red)
            aciertos = np.mean((p > 0.5) == (y == 1))
            print('época %3d  costo %.4f  aciertos %.3f' % (epoca, costo(p, y), aciertos))
    return red


if __name__ == '__main__':
    datos, clases = crear_datos()
    entrenar(datos, clases)
