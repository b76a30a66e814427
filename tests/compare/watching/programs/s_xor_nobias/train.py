# xor with a tiny neural net -- no biases, full batch
import numpy as np
np.random.seed(42)

def sigmoid(x):
	return 1/(1+np.exp(-x))

def dsigmoid(y):
	# y is already sigmoid(x)
	return y*(1-y)

inputs = np.array([[0,0],[0,1],[1,0],[1,1]])
targets = np.array([[0],[1],[1],[0]])

n_hidden = 5
lr = 0.8
epochs = 8000

w_ih = np.random.uniform(-1, 1, (2, n_hidden))
w_ho = np.random.uniform(-1, 1, (n_hidden, 1))

for epoch in range(epochs):
	# forward
	hidden = sigmoid(np.dot(inputs, w_ih))
	output = sigmoid(np.dot(hidden, w_ho))

	# error
	error = targets - output
	loss = 0.5*np.sum(error**2)

	# backward
	d_output = error*dsigmoid(output)
	d_hidden = d_output.dot(w_ho.T)*dsigmoid(hidden)

	# update
	w_ho += lr*hidden.T.dot(d_output)
	w_ih += lr*inputs.T.dot(d_hidden)

	if epoch % 1000 == 0:
		print('epoch', epoch, 'loss', loss)

print(output.round(3))
