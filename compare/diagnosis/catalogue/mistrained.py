"""Trainings with one mistake each: in the running statistics, the evaluation or the update."""

import numpy as np

from compare.diagnosis.catalogue.plain_training import PlainLearner
from twingrad.history import Evaluation, Part
from twingrad.network import RunningStatistics, Trace


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
    """Evaluation uses the minibatch's statistics, and updates the running ones."""

    def evaluated_forward(self, X: np.ndarray, y: np.ndarray) -> Trace:
        trace = PlainLearner.trained_forward(self, X, y)
        self.average(trace)
        return trace


class TestStandardisedByItself(PlainLearner):
    __test__ = False  # not a test, for all its name

    def given(self, part: Part, X: np.ndarray) -> np.ndarray:
        return (X - X.mean(axis=0)) / X.std(axis=0) if part == "test" else X


class UpdatedOnTheWayDown(PlainLearner):
    """Every W is updated as soon as its gradient is known."""

    def passed_through(self, name: str, gradient: np.ndarray) -> np.ndarray:
        W = self.parameters[name]
        return W - self.rate() * (gradient + self.decay(name) * W)


class Ascent(PlainLearner):
    def moved(self, name: str, w: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return w + direction


class PenaltyTwice(PlainLearner):
    """The penalty is in the gradient, and again in the weight decay."""

    def decay(self, name: str) -> float:
        return 2 * super().decay(name)


class PenaltyMissing(PlainLearner):
    def decay(self, name: str) -> float:
        return 0.0


class WeightDecayOfLambda(PlainLearner):
    """weight_decay=lambda instead of 2 lambda, on weights only."""

    def decay(self, name: str) -> float:
        return super().decay(name) / 2


class WeightDecayOnAll(PlainLearner):
    """weight_decay=2 lambda on every parameter."""

    def decay(self, name: str) -> float:
        return 2 * self.recipe.penalty


class WeightDecayOnBiases(PlainLearner):
    """weight_decay=2 lambda on every W and b."""

    def decay(self, name: str) -> float:
        return super().decay("W" if name[0] == "b" and name[1].isdigit() else name)


class SummedGradient(PlainLearner):
    def direction(self, name: str, G: np.ndarray, eta: float) -> np.ndarray:
        return super().direction(name, G * self.recipe.batch_size, eta)


class PreviousRate(PlainLearner):
    def rate(self) -> float:
        return self.rates[max(len(self.rates) - 2, 0)]


def not_updated(*kinds: str) -> type[PlainLearner]:
    """A training that forgets parameters of these kinds."""

    class NotUpdated(PlainLearner):
        def moved(self, name: str, w: np.ndarray, direction: np.ndarray) -> np.ndarray:
            kept = name.rstrip("0123456789") in kinds
            return w if kept else super().moved(name, w, direction)

    return NotUpdated


class EvaluationWithoutPenalty(PlainLearner):
    def reported(self, evaluation: Evaluation) -> Evaluation:
        return Evaluation(evaluation.loss, evaluation.loss, evaluation.accuracy)


class ErrorForAccuracy(PlainLearner):
    def reported(self, evaluation: Evaluation) -> Evaluation:
        return Evaluation(evaluation.cost, evaluation.loss, 1 - evaluation.accuracy)
