import numpy as np


def add_ones(A):
    return np.hstack((A, np.ones((A.shape[0], 1))))


def softmax_rows(A):
    A = np.exp(A - A.max(axis=1, keepdims=True))
    return A / A.sum(axis=1, keepdims=True)


class MLP:
    def __init__(self, nin, nhidden, nout, beta=1, momentum=0.9):
        self.weights1 = (np.random.rand(nin + 1, nhidden) - 0.5) * 2 / np.sqrt(nin)
        self.weights2 = (np.random.rand(nhidden + 1, nout) - 0.5) * 2 / np.sqrt(nhidden)
        self.momentum = momentum

    def mlpfwd(self, inputs):
        self.act = np.dot(inputs, self.weights1)
        self.hidden = np.maximum(self.act, 0)
        self.hidden = np.concatenate((self.hidden, np.ones((np.shape(inputs)[0], 1))), axis=1)
        outputs = np.dot(self.hidden, self.weights2)
        return softmax_rows(outputs)

    def mlptrain(self, inputs, targets, eta, niterations):
        inputs = add_ones(inputs)
        updatew1 = np.zeros(np.shape(self.weights1))
        updatew2 = np.zeros(np.shape(self.weights2))
        for n in range(niterations):
            outputs = self.mlpfwd(inputs)
            error = -np.sum(targets * np.log(outputs)) / len(inputs)
            if n % 50 == 0:
                print("Iteration:", n, "Error:", error)
            deltao = (outputs - targets) / len(inputs)
            deltah = np.dot(deltao, np.transpose(self.weights2))[:, :-1] * (self.act > 0)
            updatew1 = eta * np.dot(np.transpose(inputs), deltah) + self.momentum * updatew1
            updatew2 = eta * np.dot(np.transpose(self.hidden), deltao) + self.momentum * updatew2
            self.weights1 -= updatew1
            self.weights2 -= updatew2


np.random.seed(9)
c = np.random.randn(4, 7)
lab = np.random.randint(0, 4, 300)
pts = c[lab] + 0.7 * np.random.randn(300, 7)
net = MLP(7, 12, 4)
net.mlptrain(pts, np.eye(4)[lab], 0.2, 200)
out = net.mlpfwd(add_ones(pts))
print("accuracy", np.mean(out.argmax(1) == lab))
