"""The study of a sweep: trials asked from it and told to it, by one process or by several."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.axes import Space, apply
from sweeps.space.samplers import make_sampler, narrowed_space
from sweeps.study.identity import describe, require_same
from sweeps.study.plan import LEARNING, Plan
from sweeps.study.trial import Outcome, Row, Trial
from twingrad.errors import UserError
from twingrad.history import History
from twingrad.recipe import Recipe

ABANDONED = 60
"""Seconds after which a trial that nobody has claimed belongs to who finds it: its process was
killed between asking for it and claiming it."""


class SweepStudy:
    """What to try and what was found, kept in a storage.

    Arguments:
        storage: of the study.
        name: of the study; made if it is not there.
        owner: of the trials asked for here; unique to a run folder.
        plan, space, recipe: of the search.
        digest: of the data.
        private: nobody else uses the storage.

    Raises:
        UserError: the storage holds a study of that name with another space, plan, recipe or data,
            or with more trials.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        owner: str,
        *,
        plan: Plan,
        space: Space,
        recipe: Recipe,
        digest: str,
        private: bool,
    ) -> None:
        self.owner, self.plan, self.space, self.recipe = owner, plan, space, recipe
        self.private, self.storage = private, storage
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
        identity = describe(plan, space, recipe, digest)
        if "sweep" not in self.study.user_attrs and not self._frozen():
            self.study.set_user_attr("sweep", identity)
        require_same(self.study.user_attrs.get("sweep"), identity, name)
        salt = f"{owner if not private else ''} {len(self._frozen())}"
        self.study.sampler = make_sampler(plan, space, recipe, salt)
        self.count = len(self._frozen())
        self.distributions: dict[str, BaseDistribution] = {}
        self.asked = {t.number for t in self._frozen() if self._is_mine(t)}
        """Reserved here, and not yet returned by `ask`."""
        if max(self.asked, default=0) >= plan.trials:
            raise UserError(
                f"the study {name!r} is damaged: it has more than {plan.trials} trials; without "
                "study.journal, --resume tells a new one what is in trials/"
            )

    def ask(self, n: int, check: Callable[[Recipe], object]) -> list[Trial]:
        """Up to n trials to run now: those left by an earlier process first, then new ones.

        A trial waits until every stage before its own has ended. One whose values do not go
        together, or that `check` refuses with a UserError, is told as such and not returned.
        """
        trials: list[Trial] = []
        while len(trials) < n:
            if not self.asked and not self._reserve():
                break
            number = min(self.asked)
            if not self._open(self.plan.stage_of(number)):
                break
            self.asked.remove(number)
            trial = self._live(number)
            for axis in self.space:
                axis.suggest(trial)
            if self.private:  # Optuna keeps them for each trial, a sixth of its memory
                frozen = self.storage.get_trial(trial._trial_id)
                self.distributions = self.distributions or frozen.distributions
                frozen.distributions = self.distributions
            try:
                recipe = apply(self.recipe, self.space, trial.params)
                check(recipe)
            except UserError as error:
                self.tell(number, Outcome("invalid", 0, None, None, 0.0, str(error)))
                continue
            trials.append(Trial(number, dict(trial.params), recipe))
        return trials

    def report(self, number: int, history: History) -> None:
        """Report a trial's validation accuracy after every epoch that was not reported before."""
        trial = self._live(number)._trial_id
        known = self.storage.get_trial(trial).intermediate_values
        for epoch in history:
            if epoch.epoch not in known and epoch.validation is not None:
                accuracy = epoch.validation.accuracy
                self.storage.set_trial_intermediate_value(trial, epoch.epoch, accuracy)

    def after_epoch(self, epoch: int) -> list[float]:
        """The accuracy of every trial after an epoch, as far as reported."""
        values = [t.intermediate_values.get(epoch) for t in self._frozen()]
        return [value for value in values if value is not None]

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record what became of a trial.

        To the sampler a trial that diverged is the worst there can be.
        """
        self.asked.discard(number)
        self._live(number).set_user_attr("outcome", outcome.as_json())
        if outcome.status == "finished" and outcome.validation is not None:
            self.study.tell(number, outcome.validation.accuracy)
        else:
            self.study.tell(number, state=TrialState.PRUNED)

    def recipe_of(self, key: str) -> Recipe | None:
        """The recipe of a trial by its number as text; None of one that has no values yet."""
        trials = self._frozen()[int(key) : int(key) + 1]
        known = [trial.params for trial in trials if len(trial.params) == len(self.space)]
        return apply(self.recipe, self.space, known[0]) if known else None

    @property
    def ended(self) -> bool:
        """True if every trial of the plan has ended, wherever it ran."""
        return self._open(len(self.plan.stages))

    def rows(self) -> list[Row]:
        """Every trial that has its values, by number."""
        rows = []
        for trial in self._frozen()[: self.plan.trials]:
            if len(trial.params) < len(self.space):
                continue
            found = trial.user_attrs.get("outcome") if trial.state.is_finished() else None
            rows.append(
                Row(
                    trial.number,
                    {axis.field: trial.params[axis.field] for axis in self.space},
                    self.plan.stage_of(trial.number) + 1,
                    None if found is None else Outcome.from_json(found),
                    trial.user_attrs.get("owner", "?"),
                    trial.intermediate_values,
                )
            )
        return rows

    def stages(self) -> list[Space]:
        """What each stage searches, as far as is known."""
        count = len(self.plan.stages)
        return [narrowed_space(self.plan, self.space, self.study, s) for s in range(count)]

    def claim_choice(self) -> bool:
        """True if the final choice is ours to train: one process of those that share a study.

        A claim is a trial beyond the plan: it appears whole, with a number that orders the claims.
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
        """Take the next number of the study; False if the plan has no more."""
        if not self.private:
            self.count = self.storage.get_n_trials(self.study._study_id)
        if self.count >= self.plan.trials:
            return False
        if self.plan.sampler in LEARNING or not self.private:
            trial = self.study.ask()
        else:  # it would look through all trials for one that waits, and there is none
            trial = optuna.Trial(self.study, self.storage.create_new_trial(self.study._study_id))
        if trial.number >= self.plan.trials:  # another process took the last one
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        trial.set_user_attr("owner", self.owner)
        self.asked.add(trial.number)
        self.count = trial.number + 1
        return True

    def _open(self, stage: int) -> bool:
        """True if every trial before a stage has ended."""
        if stage == 0:
            return True
        before = self._frozen()[: self.plan.first_of(stage)]
        return len(before) == self.plan.first_of(stage) and all(
            trial.state.is_finished() for trial in before
        )

    def _frozen(self) -> Sequence[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _live(self, number: int) -> optuna.Trial:
        if not self.private:
            return optuna.Trial(self.study, self._frozen()[number]._trial_id)
        find = self.storage.get_trial_id_from_study_id_trial_number
        return optuna.Trial(self.study, find(self.study._study_id, number))

    def _is_mine(self, trial: FrozenTrial) -> bool:
        """True if a trial was left running by an earlier process of this run folder."""
        if trial.state != TrialState.RUNNING:
            return False
        owner = trial.user_attrs.get("owner")
        if self.private or owner == self.owner:
            return True
        started = (trial.datetime_start or datetime.now()).timestamp()
        return owner is None and time.time() - started > ABANDONED
