import pickle
import numpy as np
from nets.fc_net import FullyConnectedNet
from nets.solver import Solver


def load_batch(name):
    with open('cs231n/datasets/cifar-10-batches-py/' + name, 'rb') as f:
        d = pickle.load(f, encoding='latin1')
    X = d['data'].reshape(10000, 3, 32, 32).transpose(0, 2, 3, 1).astype('float')
    return X, np.array(d['labels'])


X, y = load_batch('data_batch_1')
data = {'X_train': X[:4000], 'y_train': y[:4000], 'X_val': X[4000:4500], 'y_val': y[4000:4500]}
mean_image = np.mean(data['X_train'], axis=0)
data['X_train'] = data['X_train'] - mean_image
data['X_val'] = data['X_val'] - mean_image

np.random.seed(231)
model = FullyConnectedNet([40, 30], reg=1e-2, weight_scale=2e-2, seed=3)
solver = Solver(model, data, num_epochs=2, batch_size=100, optim_config={'learning_rate': 1e-3})
solver.train()
