"""How much each searched field matters."""

import warnings
from collections.abc import Mapping

import optuna

FEWEST = 10
"""Finished trials below which the best tenth is no sample."""


def importance_of(study: "optuna.Study") -> Mapping[str, float]:
    """A share for each field, in sum 1: how it sets the best tenth of the trials apart from all.

    By PED-ANOVA (Watanabe, Bansal and Hutter 2023). Empty where too few trials have finished.
    """
    finished = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(finished) < FEWEST:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the evaluator is called experimental
        try:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}  # such as where all trials are equally good
