"""The study of a sweep: Optuna's, asked for trials and told outcomes by one process or several."""

import time
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.axes import Parameters, Space, apply
from sweeps.space.samplers import make_sampler, narrowed_space
from sweeps.study.plan import LEARNING
from sweeps.study.setup import Setup, require_same
from sweeps.study.trial import Outcome, Row
from twingrad.errors import UserError
from twingrad.history import History
from twingrad.recipe import Recipe

ABANDONED = 60
"""Seconds after which a running trial without an owner may be taken over: its process was killed
between creating it and claiming it."""

FEWEST = 10
"""Minimum number of finished trials for the importance of fields."""


class SweepStudy:
    """The trials of a sweep, kept in a storage.

    Arguments:
        storage: of the study.
        name: of the study; it is created if the storage does not have it.
        owner: of the trials asked for here; unique to a run folder.
        setup: of the sweep.
        private: True if no other process uses the storage.

    Raises:
        UserError: the storage holds a study of that name with another setup or with more trials.
    """

    def __init__(
        self, storage: BaseStorage, name: str, owner: str, setup: Setup, *, private: bool
    ) -> None:
        self.storage, self.owner, self.setup, self.private = storage, owner, setup, private
        self.plan = setup.plan
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
        trials = self._frozen()
        if "sweep" not in self.study.user_attrs and not trials:
            self.study.set_user_attr("sweep", setup.identity)
        require_same(self.study.user_attrs.get("sweep"), setup.identity, name)
        salt = f"{'' if private else owner} {len(trials)}"
        self.study.sampler = make_sampler(setup.plan, setup.space, setup.recipe, salt)
        self.count = len(trials)
        self.distributions: dict[str, BaseDistribution] = {}
        self.reserved = {trial.number for trial in trials if self._is_mine(trial)}
        """Trials of this process that `ask` has not returned yet."""
        if max(self.reserved, default=0) >= self.plan.trials:
            raise UserError(
                f"the study {name!r} is damaged: it has more than {self.plan.trials} trials; "
                "remove study.journal, and --resume restores the study from trials/"
            )

    def ask(self, n: int, check: Callable[[Recipe], object]) -> dict[int, Recipe]:
        """Take trials to train now: those of an earlier process of this folder, then new ones.

        A trial is not taken before all trials of the stages before its own have ended.

        Arguments:
            n: maximum number of trials.
            check: raises UserError if a recipe cannot be trained; its trial is told as invalid, as
                are trials whose values cannot be combined.

        Returns:
            Recipes by the numbers of their trials.
        """
        recipes: dict[int, Recipe] = {}
        while len(recipes) < n:
            if not self.reserved and not self._reserve():
                break
            number = min(self.reserved)
            if not self._has_ended(self.plan.stage_of(number)):
                break
            self.reserved.remove(number)
            trial = self._live(number)
            for axis in self.setup.space:
                axis.suggest(trial)
            if self.private:  # Optuna keeps a copy for each trial, a sixth of its memory
                frozen = self.storage.get_trial(trial._trial_id)
                self.distributions = self.distributions or frozen.distributions
                frozen.distributions = self.distributions
            try:
                recipe = self.recipe(trial.params)
                check(recipe)
            except UserError as error:
                self.tell(number, Outcome("invalid", 0, None, None, 0.0, str(error)))
            else:
                recipes[number] = recipe
        return recipes

    def report(self, number: int, history: History) -> None:
        """Record the validation accuracy of the epochs of a trial that are not recorded yet."""
        trial = self._live(number)._trial_id
        known = self.storage.get_trial(trial).intermediate_values
        for epoch in history:
            if epoch.epoch not in known and epoch.validation is not None:
                accuracy = epoch.validation.accuracy
                self.storage.set_trial_intermediate_value(trial, epoch.epoch, accuracy)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record how a trial ended. Samplers get no value for a trial that did not finish."""
        self.reserved.discard(number)
        self._live(number).set_user_attr("outcome", outcome.as_json())
        if outcome.status == "finished" and outcome.validation is not None:
            self.study.tell(number, outcome.validation.accuracy)
        else:
            self.study.tell(number, state=TrialState.PRUNED)

    def accuracies(self, epoch: int) -> list[float]:
        """The accuracy of every trial that has reported an epoch."""
        values = (trial.intermediate_values.get(epoch) for trial in self._frozen())
        return [value for value in values if value is not None]

    def recipe(self, parameters: Parameters) -> Recipe:
        """The recipe of a point; UserError if its values cannot be combined."""
        return apply(self.setup.recipe, self.setup.space, parameters)

    def recipe_of(self, key: str) -> Recipe | None:
        """The recipe of a trial by its number as text; None if it has no values yet."""
        trials = self._frozen()[int(key) : int(key) + 1]
        known = [trial.params for trial in trials if self._has_values(trial)]
        return self.recipe(known[0]) if known else None

    @property
    def ended(self) -> bool:
        """True if every trial of the plan has ended, in any process."""
        return self._has_ended(len(self.plan.stages))

    @property
    def done(self) -> int:
        """Number of trials that have ended."""
        return sum(trial.state.is_finished() for trial in self._frozen()[: self.plan.trials])

    def rows(self) -> "Rows":
        """Every trial that has values, by number."""
        trials = self._frozen()[: self.plan.trials]
        return Rows([trial for trial in trials if self._has_values(trial)], self.setup)

    def stages(self) -> list[Space]:
        """The space of each stage; of stages to come, as the trials so far would narrow it."""
        count, space = len(self.plan.stages), self.setup.space
        return [narrowed_space(self.plan, space, self.study, stage) for stage in range(count)]

    def importance(self) -> dict[str, float]:
        """The importance of each field, in sum 1: how it sets the best tenth of the trials apart.

        By PED-ANOVA (Watanabe, Bansal and Hutter 2023). Empty if too few trials have finished.
        """
        finished = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(finished) < FEWEST:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna calls the evaluator experimental
            method = optuna.importance.PedAnovaImportanceEvaluator()
            try:
                return dict(optuna.importance.get_param_importances(self.study, evaluator=method))
            except (ValueError, RuntimeError, ZeroDivisionError):
                return {}  # all trials are equally good, for example

    def claim_choice(self) -> bool:
        """True for one of the processes that share the study: it trains the final choice.

        A claim is a trial beyond the plan, because trials are created atomically and in order.
        """
        if self.owner not in self._claims():
            claim = optuna.trial.create_trial(
                state=TrialState.FAIL, user_attrs={"claims choice": self.owner}
            )
            self.study.add_trial(claim)
        return self._claims()[0] == self.owner

    def _claims(self) -> list[str]:
        claims = (trial.user_attrs.get("claims choice") for trial in self._frozen())
        return [owner for owner in claims if owner is not None]

    def _reserve(self) -> bool:
        """Create the next trial of the study; False if the plan has no more."""
        if not self.private:
            self.count = self.storage.get_n_trials(self.study._study_id)
        if self.count >= self.plan.trials:
            return False
        if self.plan.sampler in LEARNING or not self.private:
            trial = self.study.ask()
        else:  # `ask` would look for waiting trials among all; there are none
            trial = optuna.Trial(self.study, self.storage.create_new_trial(self.study._study_id))
        if trial.number >= self.plan.trials:  # another process took the last one
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        trial.set_user_attr("owner", self.owner)
        self.reserved.add(trial.number)
        self.count = trial.number + 1
        return True

    def _has_ended(self, stages: int) -> bool:
        """True if every trial of the first stages has ended."""
        if stages == 0:
            return True
        count = self.plan.first_of(stages)
        trials = self._frozen()[:count]
        return len(trials) == count and all(trial.state.is_finished() for trial in trials)

    def _has_values(self, trial: FrozenTrial) -> bool:
        return len(trial.params) == len(self.setup.space)

    def _frozen(self) -> Sequence[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _live(self, number: int) -> optuna.Trial:
        if not self.private:
            return optuna.Trial(self.study, self._frozen()[number]._trial_id)
        find = self.storage.get_trial_id_from_study_id_trial_number
        return optuna.Trial(self.study, find(self.study._study_id, number))

    def _is_mine(self, trial: FrozenTrial) -> bool:
        """True if an earlier process of this run folder left the trial running."""
        if trial.state != TrialState.RUNNING:
            return False
        owner = trial.user_attrs.get("owner")
        if self.private or owner == self.owner:
            return True
        started = (trial.datetime_start or datetime.now()).timestamp()
        return owner is None and time.time() - started > ABANDONED


class Rows(Sequence[Row]):
    """Trials as rows, each made when it is read: a million of them would fill the memory."""

    def __init__(self, trials: Sequence[FrozenTrial], setup: Setup) -> None:
        self.trials, self.setup = trials, setup

    def __len__(self) -> int:
        return len(self.trials)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Rows(self.trials[index], self.setup)
        trial = self.trials[index]
        told = trial.user_attrs.get("outcome") if trial.state.is_finished() else None
        return Row(
            trial.number,
            {axis.field: trial.params[axis.field] for axis in self.setup.space},
            self.setup.plan.stage_of(trial.number) + 1,
            None if told is None else Outcome.from_json(told),
            trial.user_attrs.get("owner", "?"),
            trial.intermediate_values,
        )
