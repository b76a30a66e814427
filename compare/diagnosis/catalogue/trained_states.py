"""Mistakes of training: running statistics, evaluation, the update, the learning rate."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from compare.diagnosis.catalogue.mistrained import (
    AlphaExchanged,
    Ascent,
    ErrorForAccuracy,
    EvaluationMovesStatistics,
    EvaluationTrains,
    EvaluationWithoutPenalty,
    LastMinibatchAlone,
    MinibatchStatisticsInEvaluation,
    Momentum,
    PenaltyTwice,
    PreviousRate,
    RunningStatisticsInTraining,
    StandardDeviationAveraged,
    StartedAtZeroAndOne,
    StatisticsNotMoved,
    SummedGradient,
    TestStandardisedByItself,
    UnbiasedVariance,
    UpdatedOnTheWayDown,
    WeightDecayOfLambda,
    WeightDecayOnAll,
    constant,
    counted_from_0,
    cycle_of_n_s,
    not_updated,
    rising_only,
    saw_tooth,
    stale_at_cycle_ends,
)
from compare.diagnosis.catalogue.plain_training import PlainLearner, schedule

Schedule = Callable[[int, int, float, float], np.ndarray]


@dataclass(frozen=True)
class StateFault:
    """One mistake of training.

    Arguments:
        name, explanation, mend: as in `compare.diagnosis.catalogue.fault.Fault`.
        tensor: the state that is wrong first, or its kind ("mu", "W").
        learner: a training that makes it.
        learning_rates: a schedule that makes it.
    """

    name: str
    explanation: str
    mend: str
    tensor: str
    learner: type[PlainLearner] = PlainLearner
    learning_rates: Schedule = field(default=schedule)


STATE_FAULTS = (
    StateFault(
        "running variance unbiased",
        "The running variance collects the variance with n - 1.",
        "Collect the biased one; torch's BatchNorm differs here.",
        "v",
        UnbiasedVariance,
    ),
    StateFault(
        "alpha and 1 - alpha exchanged",
        "The running statistics keep 1 - alpha of the old value and take alpha of the new.",
        "alpha belongs to the old value; torch's momentum is 1 - alpha.",
        "mu",
        AlphaExchanged,
    ),
    StateFault(
        "running statistics started at 0 and 1",
        "The running statistics start at 0 and 1 instead of at the first minibatch's.",
        "Set them to mean and variance of the first minibatch.",
        "mu",
        StartedAtZeroAndOne,
    ),
    StateFault(
        "standard deviation averaged",
        "The running variance collects standard deviations.",
        "Average the variance, and take the root when it is used.",
        "v",
        StandardDeviationAveraged,
    ),
    StateFault(
        "running statistics not moved",
        "The running statistics stay at the first minibatch's.",
        "Move them after every update.",
        "mu",
        StatisticsNotMoved,
    ),
    StateFault(
        "last minibatch for running statistics",
        "The running statistics are those of the last minibatch.",
        "Average them: alpha times the old, 1 - alpha times the new.",
        "mu",
        LastMinibatchAlone,
    ),
    StateFault(
        "running statistics in training",
        "In training batch norm uses the running statistics.",
        "Use those of the minibatch there, and the running ones in evaluation.",
        "cost",
        RunningStatisticsInTraining,
    ),
    StateFault(
        "minibatch statistics in evaluation",
        "In evaluation batch norm uses the statistics of the data at hand.",
        "Use the running ones there.",
        "evaluation of validation",
        MinibatchStatisticsInEvaluation,
    ),
    StateFault(
        "evaluation moves the running statistics",
        "Evaluation changes the running statistics.",
        "Move them in training alone.",
        "evaluation of test",
        EvaluationMovesStatistics,
    ),
    StateFault(
        "evaluation in training mode",
        "Evaluation runs as training does: by the data's own statistics, which it collects too.",
        "Switch to evaluation: the running statistics, unchanged.",
        "evaluation of validation",
        EvaluationTrains,
    ),
    StateFault(
        "test data standardised by themselves",
        "The test data are standardised by their own mean and standard deviation.",
        "Standardise all data by those of the training data.",
        "evaluation of test",
        TestStandardisedByItself,
    ),
    StateFault(
        "W updated before it is used",
        "Each W is updated before the gradient is handed down through it.",
        "Compute all gradients first, then update.",
        "W",
        UpdatedOnTheWayDown,
    ),
    StateFault(
        "ascent",
        "The update goes along the gradient instead of against it.",
        "Subtract eta times the gradient.",
        "W",
        Ascent,
    ),
    StateFault(
        "penalty twice",
        "The penalty is in the gradient and once more in the update.",
        "Leave out weight decay, or the penalty's part of the gradient.",
        "W",
        PenaltyTwice,
    ),
    StateFault(
        "weight decay lambda for 2 lambda",
        "The update decays W by lambda W; the penalty lambda ||W||^2 needs 2 lambda W.",
        "Pass weight_decay = 2 lambda.",
        "W",
        WeightDecayOfLambda,
    ),
    StateFault(
        "weight decay on all",
        "b, gamma and beta decay too.",
        "Give weight decay to W alone.",
        "b",
        WeightDecayOnAll,
    ),
    StateFault(
        "gradient summed in the update",
        "The update is n times as long: its gradient is that of a sum over the minibatch.",
        "Divide by n.",
        "W",
        SummedGradient,
    ),
    StateFault(
        "momentum",
        "The update has momentum 0.9.",
        "Plain gradient descent has none.",
        "W",
        Momentum,
    ),
    StateFault(
        "learning rate of the update before",
        "Each update uses the learning rate of the one before.",
        "Set eta before the update that it belongs to.",
        "W",
        PreviousRate,
    ),
    *(
        StateFault(
            f"{names} not updated",
            f"{names} never change.",
            "Update every parameter.",
            kinds[0],
            not_updated(*kinds),
        )
        for names, kinds in (
            ("b", ("b",)),
            ("gamma and beta", ("gamma", "beta")),
            ("gamma", ("gamma",)),
            ("beta", ("beta",)),
        )
    ),
    StateFault(
        "evaluated cost without penalty",
        "The cost of evaluation lacks the penalty.",
        "Add lambda sum ||W||^2.",
        "evaluation of validation",
        EvaluationWithoutPenalty,
    ),
    StateFault(
        "error for accuracy",
        "The share of wrong answers stands for the share of right ones.",
        "Accuracy is the share of samples whose largest p is their class.",
        "evaluation of validation",
        ErrorForAccuracy,
    ),
    *(
        StateFault(name, explanation, mend, "learning rate", learning_rates=rates)
        for name, explanation, mend, rates in (
            (
                "stale learning rate at cycle ends",
                "At t = 2 l n_s the previous learning rate is used once more.",
                "Both ends of a half cycle belong to it: <= where < stands, or the reverse.",
                stale_at_cycle_ends,
            ),
            (
                "t counted from 0",
                "The learning rate of update t is that of t - 1.",
                "Count updates from 1.",
                counted_from_0,
            ),
            (
                "learning rate rises over the whole cycle",
                "The learning rate rises over 2 n_s updates and falls at once.",
                "Let it fall over the second n_s.",
                saw_tooth,
            ),
            (
                "learning rate never falls back slowly",
                "The learning rate rises over n_s updates and starts again.",
                "Let it fall over the next n_s.",
                rising_only,
            ),
            (
                "cycle of n_s for 2 n_s",
                "A whole cycle takes n_s updates.",
                "n_s is half a cycle.",
                cycle_of_n_s,
            ),
            (
                "learning rate constant",
                "The learning rate stays at eta_max.",
                "Follow the cycle.",
                constant,
            ),
        )
    ),
)
