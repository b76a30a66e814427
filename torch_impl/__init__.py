"""The network in torch, every gradient by autograd, on the CPU or a GPU."""

from torch_impl.network import TorchNetwork, forward, gradients
from torch_impl.training import TorchLearner, evaluate, find_device, sgd_update, train

learner = TorchLearner

__all__ = [
    "TorchLearner",
    "TorchNetwork",
    "evaluate",
    "find_device",
    "forward",
    "gradients",
    "learner",
    "sgd_update",
    "train",
]
