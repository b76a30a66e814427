"""The network in torch, every gradient by autograd, on the CPU or a GPU."""

from torch_impl.learner import TorchLearner
from torch_impl.network import TorchNetwork, forward, gradients
from torch_impl.stacked import StackedTorchLearner, stacked_learner, train_stacked
from torch_impl.training import evaluate, find_device, sgd_update, train

learner = TorchLearner

__all__ = [
    "StackedTorchLearner",
    "TorchLearner",
    "TorchNetwork",
    "evaluate",
    "find_device",
    "forward",
    "gradients",
    "learner",
    "sgd_update",
    "stacked_learner",
    "train",
    "train_stacked",
]
