"""Trainings with one mistake each, and learning-rate schedules with one."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.plain_training import PlainLearner, schedule
from twingrad.history import Evaluation, Part
from twingrad.network import Gradients, RunningStatistics, Trace


class UnbiasedVariance(PlainLearner):
    def collected(self, name: str, trace: Trace) -> np.ndarray:
        n = len(trace["p"])
        return trace[name] * (n / (n - 1)) if name.startswith("v") else trace[name]


class AlphaExchanged(PlainLearner):
    def alpha(self) -> float:
        return 1 - self.recipe.alpha


class StartedAtZeroAndOne(PlainLearner):
    def start(self) -> RunningStatistics:
        shapes = self.network.statistic_shapes.items()
        return {name: np.full(shape, float(name[0] == "v")) for name, shape in shapes}


class StandardDeviationAveraged(PlainLearner):
    def collected(self, name: str, trace: Trace) -> np.ndarray:
        return np.sqrt(trace[name]) if name.startswith("v") else trace[name]


class StatisticsNotMoved(PlainLearner):
    def alpha(self) -> float:
        return 1.0


class LastMinibatchAlone(PlainLearner):
    def alpha(self) -> float:
        return 0.0


class RunningStatisticsInTraining(PlainLearner):
    def trained_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        if not self.statistics:
            return super().trained_forward(X, y)
        own = super().trained_forward(X, y)
        trace = PlainLearner.evaluated_forward(self, X, y)
        self.own = {name: own[name] for name in self.network.statistic_shapes}
        return trace

    def collected(self, name: str, trace: Trace) -> np.ndarray:
        return getattr(self, "own", trace)[name]


class MinibatchStatisticsInEvaluation(PlainLearner):
    def evaluated_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        return PlainLearner.trained_forward(self, X, y)


class EvaluationMovesStatistics(PlainLearner):
    def evaluated_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        trace = super().evaluated_forward(X, y)
        self.average(PlainLearner.trained_forward(self, X, y))
        return trace


class EvaluationTrains(PlainLearner):
    """The training's forward pass: the minibatch's statistics, and they are collected."""

    def evaluated_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        trace = PlainLearner.trained_forward(self, X, y)
        self.average(trace)
        return trace


class TestStandardisedByItself(PlainLearner):
    __test__ = False  # not a test, for all its name

    def given(self, part: Part, X: np.ndarray) -> np.ndarray:
        return (X - X.mean(axis=0)) / X.std(axis=0) if part == "test" else X


class UpdatedOnTheWayDown(PlainLearner):
    """Every W is updated as soon as its gradient is known, and then handed on."""

    def gradients(self, X: np.ndarray, y: np.ndarray, trace: Trace) -> Gradients:
        from compare.cases import Case
        from compare.derivation import backward_pass

        eta = self.rate()
        case = Case("", self.network, self.parameters, X, y, self.recipe.penalty)

        def down(at: Place) -> np.ndarray:
            return at.above.G_s @ (at.above.W - eta * at.above.G_W)

        layers = range(1, self.network.depth)
        return backward_pass(case, trace, {("down", l): down for l in layers})


class Ascent(PlainLearner):
    def step(self, gradients: Gradients, eta: float) -> None:
        super().step(gradients, -eta)


class PenaltyTwice(PlainLearner):
    """In the gradient, and once more as weight decay."""

    def step(self, gradients: Gradients, eta: float) -> None:
        decay = {name: 2 * self.recipe.penalty * W for name, W in self.parameters.items()}
        super().step({n: g + decay[n] if n[0] == "W" else g for n, g in gradients.items()}, eta)


class WeightDecayOfLambda(PlainLearner):
    """weight_decay=lambda for 2 lambda, and on the weights alone."""

    def step(self, gradients: Gradients, eta: float) -> None:
        half = {name: self.recipe.penalty * W for name, W in self.parameters.items()}
        super().step({n: g - half[n] if n[0] == "W" else g for n, g in gradients.items()}, eta)


class WeightDecayOnAll(PlainLearner):
    """weight_decay=2 lambda on every parameter."""

    def step(self, gradients: Gradients, eta: float) -> None:
        decay = {name: 2 * self.recipe.penalty * W for name, W in self.parameters.items()}
        super().step(
            {n: g if n[0] == "W" else g + decay.get(n, 0) for n, g in gradients.items()}, eta
        )


class SummedGradient(PlainLearner):
    def step(self, gradients: Gradients, eta: float) -> None:
        super().step(gradients, eta * self.recipe.batch_size)


class Momentum(PlainLearner):
    def step(self, gradients: Gradients, eta: float) -> None:
        old = getattr(self, "velocity", {})
        self.velocity = {n: 0.9 * old.get(n, 0) + g for n, g in gradients.items()}
        super().step(self.velocity, eta)


class PreviousRate(PlainLearner):
    def rate(self) -> float:
        return self.rates[max(len(self.rates) - 2, 0)]


def not_updated(*kinds: str) -> type[PlainLearner]:
    """A training that forgets parameters of these kinds."""

    class NotUpdated(PlainLearner):
        def step(self, gradients: Gradients, eta: float) -> None:
            kept = {
                name: np.zeros_like(g) if name.rstrip("0123456789") in kinds else g
                for name, g in gradients.items()
            }
            super().step(kept, eta)

    return NotUpdated


class EvaluationWithoutPenalty(PlainLearner):
    def evaluate(self, part: Part) -> Evaluation:
        right = super().evaluate(part)
        return Evaluation(right.loss, right.loss, right.accuracy)


class ErrorForAccuracy(PlainLearner):
    def evaluate(self, part: Part) -> Evaluation:
        right = super().evaluate(part)
        return Evaluation(right.cost, right.loss, 1 - right.accuracy)


def rates_of(t: np.ndarray, half_cycle: int, eta_min: float, eta_max: float) -> np.ndarray:
    """The triangle at any t."""
    position = (t % (2 * half_cycle)) / half_cycle
    return eta_min + np.where(position < 1, position, 2 - position) * (eta_max - eta_min)


def stale_at_cycle_ends(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    rates = schedule(updates, n_s, eta_min, eta_max)
    ends = [t for t in range(2 * n_s, updates + 1, 2 * n_s) if t >= 2]
    for t in ends:
        rates[t - 1] = rates[t - 2]
    return rates


def counted_from_0(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return rates_of(np.arange(updates), n_s, eta_min, eta_max)


def saw_tooth(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    t = np.arange(1, updates + 1)
    return eta_min + (t % (2 * n_s)) / (2 * n_s) * (eta_max - eta_min)


def rising_only(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    t = np.arange(1, updates + 1)
    return eta_min + (t % n_s) / n_s * (eta_max - eta_min)


def cycle_of_n_s(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return rates_of(np.arange(1, updates + 1), max(n_s / 2, 0.5), eta_min, eta_max)  # type: ignore[arg-type]


def constant(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return np.full(updates, eta_max)
