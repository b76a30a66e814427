import numpy as np

np.random.seed(0)
K = 4
centers = np.random.randn(K, 10)
y = np.random.randint(K, size=500)
X = centers[y] + np.random.randn(500, 10)


def build_model(nn_hdim, num_passes=300, epsilon=0.5, reg_lambda=0.01):
    W1 = np.random.randn(10, nn_hdim) / np.sqrt(10)
    b1 = np.zeros((1, nn_hdim))
    W2 = np.random.randn(nn_hdim, K) / np.sqrt(nn_hdim)
    b2 = np.zeros((1, K))
    model = {}
    num_examples = len(X)
    for i in range(0, num_passes):
        z1 = X.dot(W1) + b1
        a1 = np.tanh(z1)
        z2 = a1.dot(W2) + b2
        exp_scores = np.exp(z2)
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        delta3 = probs.copy()
        delta3[range(num_examples), y] -= 1
        delta3 /= num_examples
        dW2 = (a1.T).dot(delta3)
        db2 = np.sum(delta3, axis=0, keepdims=True)
        delta2 = delta3.dot(W2.T) * (1 - np.power(a1, 2))
        dW1 = np.dot(X.T, delta2)
        db1 = np.sum(delta2, axis=0)
        dW2 += reg_lambda * W2
        dW1 += reg_lambda * W1
        W1 += -epsilon * dW1
        b1 += -epsilon * db1
        W2 += -epsilon * dW2
        b2 += -epsilon * db2
        model = {'W1': W1, 'b1': b1, 'W2': W2, 'b2': b2}
    return model


model = build_model(12)
