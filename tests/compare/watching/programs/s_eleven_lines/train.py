import numpy as np
# parity of three bits (+ constant column) , 8 rows
X = np.array([[a,b,c,1] for a in (0,1) for b in (0,1) for c in (0,1)])
y = (X[:,:3].sum(axis=1,keepdims=True) % 2 == 1) * 1
np.random.seed(5)
syn0, syn1 = 2*np.random.random((4,12)) - 1, 2*np.random.random((12,1)) - 1
for j in range(12000):
    l1 = 1/(1+np.exp(-X.dot(syn0)))
    l2 = 1/(1+np.exp(-l1.dot(syn1)))
    if j % 2000 == 0: print("sq error:", ((y - l2)**2).sum()/2)
    l2_delta = (y - l2)*(l2*(1-l2))
    l1_delta = l2_delta.dot(syn1.T) * (l1*(1-l1))
    syn1 += l1.T.dot(l2_delta)
    syn0 += X.T.dot(l1_delta)
print(np.c_[y, l2.round(2)])
