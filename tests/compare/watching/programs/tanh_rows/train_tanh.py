import numpy as np

N, D, H, C, BATCH = 1000, 12, 18, 4, 50
np.random.seed(11)
means = np.random.randn(C, D)
labels = np.random.randint(C, size=N)
inputs = means[labels] + 0.7 * np.random.randn(N, D)

params = dict(
    Wh=np.random.randn(D, H) * np.sqrt(1 / D), bh=np.zeros(H),
    Wo=np.random.randn(H, C) * np.sqrt(1 / H), bo=np.zeros(C),
)


def loss_and_grads(p, x, t, decay):
    n = x.shape[0]
    h = np.tanh(np.dot(x, p['Wh']) + p['bh'])
    scores = np.dot(h, p['Wo']) + p['bo']
    scores -= np.max(scores, axis=1, keepdims=True)
    probs = np.exp(scores)
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.mean(np.log(probs[np.arange(n), t]))
    loss += decay * (np.sum(p['Wh'] ** 2) + np.sum(p['Wo'] ** 2))
    d_scores = probs
    d_scores[np.arange(n), t] -= 1
    d_scores /= n
    grads = {}
    grads['Wo'] = np.dot(h.T, d_scores) + 2 * decay * p['Wo']
    grads['bo'] = np.sum(d_scores, axis=0)
    d_h = np.dot(d_scores, p['Wo'].T)
    d_z = d_h * (1 - h ** 2)
    grads['Wh'] = np.dot(x.T, d_z) + 2 * decay * p['Wh']
    grads['bh'] = np.sum(d_z, axis=0)
    return loss, grads


for epoch in range(6):
    order = np.random.permutation(N)
    for k in range(0, N, BATCH):
        idx = order[k:k + BATCH]
        loss, grads = loss_and_grads(params, inputs[idx], labels[idx], 1e-3)
        for name in params:
            params[name] -= 0.3 * grads[name]
    hidden = np.tanh(inputs @ params['Wh'] + params['bh'])
    predicted = np.argmax(hidden @ params['Wo'] + params['bo'], axis=1)
    print('epoch', epoch, 'loss', loss, 'accuracy', np.mean(predicted == labels))
