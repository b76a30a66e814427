"""Mistakes of the optimisers: trainings with one mistake each, and their descriptions."""

import numpy as np

from compare.diagnosis.catalogue.plain_training import PlainLearner
from compare.diagnosis.catalogue.state_fault import StateFault, using
from twingrad.recipe import Recipe

UNASKED_MOMENTUM = 0.9
"""Momentum of code that uses momentum although none was asked for."""


class Momentum(PlainLearner):
    def direction(self, name: str, G: np.ndarray, eta: float) -> np.ndarray:
        return eta * self.kept(name, UNASKED_MOMENTUM, G)


class PlainDescent(PlainLearner):
    def direction(self, name: str, G: np.ndarray, eta: float) -> np.ndarray:
        return eta * G


class VelocityReset(PlainLearner):
    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        return G


class VelocitySubtracted(PlainLearner):
    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        return self.kept(name, -self.recipe.momentum, G)


class RateTwice(PlainLearner):
    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        return self.kept(name, self.recipe.momentum, self.rate() * G)


class RateInVelocity(PlainLearner):
    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        return self.kept(name, self.recipe.momentum, self.rate() * G) / self.rate()


class VelocityDamped(PlainLearner):
    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        return self.kept(name, self.recipe.momentum, (1 - self.recipe.momentum) * G)


class VelocityOfTheUpdateBefore(PlainLearner):
    def velocity(self, name: str, G: np.ndarray) -> np.ndarray:
        old = self.memory.get(name, np.zeros_like(G))
        super().velocity(name, G)
        return old


class WithLookAhead(PlainLearner):
    def direction(self, name: str, G: np.ndarray, eta: float) -> np.ndarray:
        return eta * self.looking_ahead(G, self.velocity(name, G))


class WithoutLookAhead(PlainLearner):
    def looking_ahead(self, G: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        return velocity


class LookAheadTwice(PlainLearner):
    def looking_ahead(self, G: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        return velocity + self.recipe.momentum * velocity


class Uncorrected(PlainLearner):
    def corrections(self) -> tuple[float, float]:
        return 1.0, 1.0


class FirstUncorrected(PlainLearner):
    def corrections(self) -> tuple[float, float]:
        return 1.0, super().corrections()[1]


class SecondUncorrected(PlainLearner):
    def corrections(self) -> tuple[float, float]:
        return super().corrections()[0], 1.0


class BetasExchanged(PlainLearner):
    def betas(self) -> tuple[float, float]:
        return self.recipe.beta2, self.recipe.beta1


class EpsInsideRoot(PlainLearner):
    def root(self, r: np.ndarray, correction: float) -> np.ndarray:
        return np.sqrt(r / correction + self.recipe.adam_eps)


class EpsBeforeCorrection(PlainLearner):
    def root(self, r: np.ndarray, correction: float) -> np.ndarray:
        return (np.sqrt(r) + self.recipe.adam_eps) / np.sqrt(correction)


class RootMissing(PlainLearner):
    def root(self, r: np.ndarray, correction: float) -> np.ndarray:
        return r / correction + self.recipe.adam_eps


class CountedFromZero(PlainLearner):
    def corrections(self) -> tuple[np.float64, np.float64]:
        first, second = super().corrections()
        return np.float64(first), np.float64(second)  # NumPy divides by 0, Python raises

    def count(self) -> int:
        return len(self.rates) - 1


class CountedFromTwo(PlainLearner):
    def count(self) -> int:
        return len(self.rates) + 1


class NotCounted(PlainLearner):
    def count(self) -> int:
        return 1


class NotSquared(PlainLearner):
    def squared(self, G: np.ndarray) -> np.ndarray:
        return G


class DecayTwice(PlainLearner):
    """The penalty is in the gradient and decoupled."""

    def in_gradient(self) -> bool:
        return True

    def decoupled(self) -> bool:
        return True


class DecayElsewhere(PlainLearner):
    """In the gradient instead of decoupled, or the reverse."""

    def in_gradient(self) -> bool:
        return self.recipe.decoupled

    def decoupled(self) -> bool:
        return not self.recipe.decoupled


class DecayWithoutRate(PlainLearner):
    def shrunk(self, w: np.ndarray, eta: float, decay: float) -> np.ndarray:
        return w * (1 - decay)


def coupled_adam(recipe: Recipe) -> bool:
    """Adam with the penalty in the gradient."""
    return recipe.optimizer == "adam" and not recipe.decoupled


def decoupled(recipe: Recipe) -> bool:
    """Any optimiser with decoupled weight decay."""
    return recipe.decoupled


OPTIMIZER_FAULTS = (
    StateFault(
        "momentum",
        "The update has momentum 0.9.",
        "Plain gradient descent has none.",
        "W",
        Momentum,
        where=using("sgd"),
    ),
    StateFault(
        "velocity reset at each update",
        "The velocity starts at 0 in each update, so it is the gradient alone.",
        "Keep the velocity from one update to the next, and from one epoch to the next.",
        "W",
        VelocityReset,
        where=using("momentum", "nesterov"),
    ),
    StateFault(
        "plain gradient descent",
        "The update is eta times the gradient, as if no optimiser had been chosen.",
        "Subtract what the optimiser makes of the gradient.",
        "W",
        PlainDescent,
        where=using("nesterov", "adam"),  # with momentum it equals a velocity that is reset
    ),
    StateFault(
        "sign of the momentum",
        "The old velocity is subtracted from the gradient instead of added to it.",
        "u = momentum * u + G, then w -= eta * u.",
        "W",
        VelocitySubtracted,
        where=using("momentum", "nesterov"),
    ),
    StateFault(
        "learning rate applied twice",
        "The velocity collects eta G and is multiplied by eta again in the step.",
        "u = momentum * u + G, then w -= eta * u.",
        "W",
        RateTwice,
        where=using("momentum", "nesterov"),
    ),
    StateFault(
        "learning rate in the velocity",
        "The velocity collects eta G. This differs from u = momentum * u + G, w -= eta * u as soon "
        "as eta changes.",
        "Multiply by eta in the step, as torch does, or compare with code that also has it inside.",
        "W",
        RateInVelocity,
        where=using("momentum", "nesterov"),
    ),
    StateFault(
        "velocity damped",
        "The velocity takes only 1 - momentum of the gradient.",
        "u = momentum * u + G; in torch, dampening = 0.",
        "W",
        VelocityDamped,
        where=using("momentum", "nesterov"),
    ),
    StateFault(
        "velocity of the update before",
        "The step uses the velocity from before this update's gradient was added.",
        "Update the velocity first, then the parameter.",
        "W",
        VelocityOfTheUpdateBefore,
        where=using("momentum"),
    ),
    StateFault(
        "Nesterov for plain momentum",
        "The step looks ahead: it is eta (G + momentum u) instead of eta u.",
        "w -= eta * u.",
        "W",
        WithLookAhead,
        where=using("momentum"),
    ),
    StateFault(
        "Nesterov without the look-ahead",
        "The step is eta u, which is plain momentum.",
        "w -= eta * (G + momentum * u), with the u of this update.",
        "W",
        WithoutLookAhead,
        where=using("nesterov"),
    ),
    StateFault(
        "gradient twice in the look-ahead",
        "The step is eta (u + momentum u): u already holds the gradient.",
        "w -= eta * (G + momentum * u).",
        "W",
        LookAheadTwice,
        where=using("nesterov"),
    ),
    *(
        StateFault(name, explanation, fix, "W", learner, where=using("adam"))
        for name, explanation, fix, learner in (
            (
                "Adam without bias correction",
                "Neither moment is corrected for its start at 0.",
                "m_hat = m / (1 - beta1^t), r_hat = r / (1 - beta2^t).",
                Uncorrected,
            ),
            (
                "first moment not corrected",
                "Adam's first moment is not corrected for its start at 0; the second is.",
                "m_hat = m / (1 - beta1^t).",
                FirstUncorrected,
            ),
            (
                "second moment not corrected",
                "Adam's second moment is not corrected for its start at 0; the first is.",
                "r_hat = r / (1 - beta2^t).",
                SecondUncorrected,
            ),
            (
                "roles of Adam's betas exchanged",
                "beta1 decays the second moment and beta2 the first.",
                "beta1 belongs to the mean of G, beta2 to that of G^2.",
                BetasExchanged,
            ),
            (
                "Adam's eps inside the root",
                "eps is added to the second moment before the root is taken.",
                "sqrt(r_hat) + eps.",
                EpsInsideRoot,
            ),
            (
                "Adam's eps before the bias correction",
                "eps is added to sqrt(r), before the correction; TensorFlow's Adam has it there.",
                "Correct first: sqrt(r_hat) + eps.",
                EpsBeforeCorrection,
            ),
            (
                "root of the second moment missing",
                "The step is divided by the second moment itself.",
                "Divide by sqrt(r_hat) + eps.",
                RootMissing,
            ),
            (
                "Adam's t counted from 0",
                "After the first update every parameter is NaN, as it is when t starts at 0: "
                "1 - beta^0 = 0, and 0 / 0 follows.",
                "Increment t before the first update uses it.",
                CountedFromZero,
            ),
            (
                "Adam's t counted from 2",
                "The bias correction of update t is that of update t + 1.",
                "Start t at 0 and increment it once an update.",
                CountedFromTwo,
            ),
            (
                "Adam's t not counted",
                "The bias correction is always that of update 1.",
                "Increment t in every update.",
                NotCounted,
            ),
            (
                "second moment without the square",
                "The second moment collects G instead of G^2, so roots of negative numbers arise.",
                "r = beta2 * r + (1 - beta2) * G**2.",
                NotSquared,
            ),
        )
    ),
    StateFault(
        "weight decay twice",
        "Weights decay in the gradient and once more beside the optimiser's step.",
        "Keep one of the two: AdamW's decay, or the penalty's part of the gradient.",
        "W",
        DecayTwice,
        where=using("momentum", "nesterov", "adam"),  # else it equals 'penalty twice'
    ),
    StateFault(
        "decay decoupled",
        "Weights decay beside the optimiser's step; the gradient lacks the penalty's part.",
        "Add 2 lambda W to the gradient: Adam, not AdamW.",
        "W",
        DecayElsewhere,
        where=coupled_adam,
    ),
    StateFault(
        "decay coupled",
        "The gradient holds the penalty's part; weights do not decay beside the optimiser's step.",
        "Leave the penalty out of the gradient and shrink W by 2 eta lambda W: AdamW, not Adam.",
        "W",
        DecayElsewhere,
        where=decoupled,
    ),
    StateFault(
        "decoupled decay without the learning rate",
        "W shrinks by 2 lambda W in every update, whatever eta is.",
        "W *= 1 - 2 * eta * lambda.",
        "W",
        DecayWithoutRate,
        where=decoupled,
    ),
)
