"""The network in NumPy, every gradient derived by hand. Never imports torch."""

from manual_impl.network import backward, forward, gradients
from manual_impl.training import ManualLearner, evaluate, train, train_stacked

learner = ManualLearner

__all__ = [
    "ManualLearner",
    "backward",
    "evaluate",
    "forward",
    "gradients",
    "learner",
    "train",
    "train_stacked",
]
