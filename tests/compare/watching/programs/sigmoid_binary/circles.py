"""Inside or outside of a circle: ReLU units, one sigmoid at the end, examples in columns."""
import numpy as np

np.random.seed(4)
m = 600
X = np.random.randn(2, m)
Y = (np.sum(X ** 2, axis=0, keepdims=True) < 1.3).astype(float)
layer_dims = [2, 12, 8, 1]


def initialise(dims):
    parameters = {}
    for l in range(1, len(dims)):
        parameters["W" + str(l)] = np.random.randn(dims[l], dims[l - 1]) * np.sqrt(2 / dims[l - 1])
        parameters["b" + str(l)] = np.zeros((dims[l], 1))
    return parameters


def forward(X, parameters):
    caches, A = [], X
    L = len(parameters) // 2
    for l in range(1, L + 1):
        Z = np.dot(parameters["W" + str(l)], A) + parameters["b" + str(l)]
        caches.append((A, Z))
        A = np.maximum(0, Z) if l < L else 1 / (1 + np.exp(-Z))
    return A, caches


def compute_cost(AL, Y):
    logprobs = np.multiply(np.log(AL), Y) + np.multiply(np.log(1 - AL), 1 - Y)
    return float(-np.sum(logprobs) / Y.shape[1])


def backward(AL, Y, caches, parameters):
    grads = {}
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    L = len(caches)
    dZ = dAL * AL * (1 - AL)
    for l in reversed(range(1, L + 1)):
        A_prev, Z = caches[l - 1]
        grads["dW" + str(l)] = np.dot(dZ, A_prev.T) / m
        grads["db" + str(l)] = np.sum(dZ, axis=1, keepdims=True) / m
        if l > 1:
            dA = np.dot(parameters["W" + str(l)].T, dZ)
            dZ = dA * (caches[l - 2][1] > 0)
    return grads


parameters = initialise(layer_dims)
for i in range(1500):
    AL, caches = forward(X, parameters)
    cost = compute_cost(AL, Y)
    grads = backward(AL, Y, caches, parameters)
    for name in parameters:
        parameters[name] = parameters[name] - 0.3 * grads["d" + name]
    if i % 300 == 0:
        print("cost after iteration", i, ":", cost)
