"""The network in torch, with every gradient by autograd, on a CPU or GPU."""

from torch_impl.network import TorchNetwork, forward, gradients
from torch_impl.training import TorchLearner, evaluate, find_device, train, train_stacked

learner = TorchLearner

__all__ = [
    "TorchLearner",
    "TorchNetwork",
    "evaluate",
    "find_device",
    "forward",
    "gradients",
    "learner",
    "train",
    "train_stacked",
]
