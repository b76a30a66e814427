from .activations import ReLU
from .linear import Linear
from .losses import SoftmaxCrossEntropy
from .module import Module, Parameter, Sequential
from .optim import SGD, TriangularLR
