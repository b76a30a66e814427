"""The network in NumPy, every gradient derived by hand. Never imports torch."""

from manual_impl.network import backward, forward, gradients
from manual_impl.stacked import ManualStackedLearner, train_stacked
from manual_impl.training import ManualLearner, evaluate, sgd_update, train

learner = ManualLearner
stacked_learner = ManualStackedLearner

__all__ = [
    "ManualLearner",
    "ManualStackedLearner",
    "backward",
    "evaluate",
    "forward",
    "gradients",
    "learner",
    "sgd_update",
    "stacked_learner",
    "train",
    "train_stacked",
]
