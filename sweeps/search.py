"""The course of a sweep: ask the study, train groups, tell it what became of them."""

import time
from collections.abc import Mapping
from dataclasses import replace

from sweeps.engine.data import Loaded, forms
from sweeps.engine.executor import Executor
from sweeps.engine.groups import GroupLog, Task
from sweeps.engine.memory import StackOf
from sweeps.engine.records import Records
from sweeps.output.progress import Clock, OnStatus, Status
from sweeps.study.plan import LEARNING
from sweeps.study.pruning import cycle_ends, next_end, remaining, threshold
from sweeps.study.repeats import Repeats
from sweeps.study.study import SweepStudy
from sweeps.study.trial import Outcome, Row, Trial, ended, outcome_of, ranked
from twingrad.recipe import Recipe
from twingrad.training import Checkpoint, Diverged, Run

OFTEN, SHARE = 0.5, 0.05
"""Seconds between two reports of epochs, and the part of the time that reports may take: each reads
the whole study."""

WAVES = 8
"""Groups that each worker gets from one look at the study; so a sweep of a million trials begins
before all of them are drawn."""

POLL = 0.5
"""Seconds between two looks at a study whose trials train elsewhere."""


class Search:
    """A sweep that runs.

    Arguments:
        study: asked and told.
        executor: trains.
        records: where the curves of trials are kept.
        log: of the groups of this folder.
        data: of every recipe.
        stack: how many trials of a recipe's kind a group has, at most.
        on_status: for progress.
    """

    def __init__(
        self,
        study: SweepStudy,
        executor: Executor,
        records: Records,
        log: GroupLog,
        data: Loaded,
        stack: StackOf,
        on_status: OnStatus | None = None,
    ) -> None:
        self.study, self.executor, self.records, self.data = study, executor, records, data
        self.samples = data.samples
        self.log, self.stack, self.on_status = log, stack, on_status
        self.waiting: list[Task] = []
        self.begun = {key for task in executor.tasks.values() for key in task.keys}
        self.ended = {str(row.number) for row in study.rows() if row.outcome is not None}
        self.repeats = Repeats(study)
        self.quiet_until = self.busy_until = 0.0
        self.typical = forms(study.space, study.recipe)[0]
        per_trial = self.typical.plan(self.samples(self.typical)).epochs
        self.clock = Clock(per_trial * (study.plan.trials - len(self.ended)))

    def run(self) -> None:
        """Until every trial of the plan has ended, here or elsewhere.

        Raises:
            UserError: a group cannot be run, or something cannot be written.
        """
        while True:
            asked: list[Trial] = []
            if len(self.waiting) < self.executor.idle:
                asked = self.study.ask(self._appetite(), self._check)
                self.waiting += self._groups(asked)
            while self.waiting and self.executor.idle:
                self.executor.begin(self.waiting.pop(0))
            if self.executor.tasks:
                for event in self.executor.wait():
                    self.clock.advance(event.task, event.epoch)
                    self._say("")
                    if isinstance(event.result, Checkpoint):
                        self._judge(event.task, event.result)
                    elif event.runs:
                        self._finish(event.task, event.runs)
            elif self.study.ended:
                return
            elif not asked:
                self._say("waiting for trials that train elsewhere")
                time.sleep(POLL)

    def _check(self, recipe: Recipe) -> None:
        """Raise UserError where a recipe does not fit the data, or the pruning."""
        recipe.plan_for(self.data(recipe))
        if self.study.plan.prune is not None:
            cycle_ends(recipe, self.samples(recipe))

    def _appetite(self) -> int:
        """How many trials to ask for.

        A sampler that learns, and a study that others share, are asked for what starts now; else
        for several waves at once, so that the groups come out even.
        """
        plan, idle = self.study.plan, self.executor.idle
        stack = self.stack(self.typical)
        if plan.sampler in LEARNING:
            return idle * min(stack, max(1, plan.trials // 8))
        return (WAVES * self.executor.slots if self.study.private else idle) * stack

    def _groups(self, trials: list[Trial]) -> list[Task]:
        """Groups of trials; one whose curves are here already, or that repeats another whose
        outcome is known, is told at once."""
        fresh = {}
        for trial in trials:
            key = str(trial.number)
            if key in self.begun:  # in a group that began again, or that a cluster still trains
                continue
            known = self.records.load(key)
            if known is not None and known.recipe == trial.recipe:
                self._tell_end(key, known)
            elif self.repeats.admit(trial):
                fresh[key] = trial.recipe
            else:
                self.clock.drop(trial.recipe.plan(self.samples(trial.recipe)).epochs)
        tasks = self.log.tasks(fresh, self.study.recipe_of, self.stack, max(self.executor.slots, 1))
        self.begun |= {key for task in tasks for key in task.keys}
        if self.study.plan.prune is None:
            return tasks
        return [
            replace(task, stop=next_end(task.recipes[0], self.samples(task.recipes[0]), 0))
            for task in tasks
        ]

    def _finish(self, task: Task, runs: Mapping[str, Run | Diverged]) -> None:
        """Keep and tell what became of a whole group."""
        for key, result in runs.items():
            self._keep(key, result)
        self._say(f"trained {len(task.keys)}: trials {', '.join(task.keys)}")

    def _keep(self, key: str, result: Run | Diverged) -> None:
        if key not in self.ended:
            self.records.save(key, result)
            self._tell_end(key, result)

    def _tell_end(self, key: str, result: Run | Diverged) -> None:
        """Tell the study the curve of a trial and its outcome.

        A diverged trial is told without a curve: a sampler that learns takes it for the worst.
        """
        outcome = outcome_of(result)
        if outcome.status == "finished":
            self.study.report(int(key), result.history)
        self._tell(key, result.recipe, outcome)

    def _tell(self, key: str, recipe: Recipe, outcome: Outcome) -> None:
        self.ended.add(key)
        self.study.tell(int(key), outcome)
        self.repeats.tell(int(key), recipe, outcome)

    def _judge(self, task: Task, checkpoint: Checkpoint) -> None:
        """At the end of a cycle: the best go on, the others are told as pruned.

        Those that went on before the sweep was interrupted go on again, together.
        """
        for key, gone in zip(task.keys, checkpoint.diverged, strict=True):
            if gone is not None:
                self._keep(key, gone)
        recipe = task.recipes[0]
        samples = self.samples(recipe)
        plan = recipe.plan(samples)
        cycle = checkpoint.epochs * plan.updates_per_epoch // (2 * plan.half_cycle)
        before = self.log.continued.get((task.keys, checkpoint.epochs), ())
        alive = [i for i, key in enumerate(task.keys) if key not in self.ended and not before]
        accuracy = {i: accuracy_of(checkpoint, i) for i in alive}
        for i in alive:
            self.study.report(int(task.keys[i]), checkpoint.histories[i])
        assert self.study.plan.prune is not None
        reached = self.study.after_epoch(checkpoint.epochs)
        bar = threshold(reached, self.study.plan.prune) if alive else 0.0
        kept = [i for i in alive if accuracy[i] >= bar]
        for i in alive:
            if i not in kept:
                said = f"validation accuracy below {100 * bar:.2f} % after cycle {cycle}"
                self._tell(task.keys[i], task.recipes[i], pruned(checkpoint, i, said))
        kept = kept or [task.keys.index(key) for key in before]
        self.clock.drop((plan.epochs - checkpoint.epochs) * (len(task.keys) - len(kept)))
        if kept:
            going_on = remaining(task, checkpoint, kept, samples)
            self.log.write(going_on, task.keys)
            self.waiting.insert(0, going_on)
        self._say(f"cycle {cycle}: {len(kept)} of {len(task.keys)} go on")

    def _say(self, said: str) -> None:
        now = time.monotonic()
        if self.on_status is None or now < (self.busy_until if said else self.quiet_until):
            return
        rows, total = self.study.rows(), self.study.plan.trials
        done, best = sum(row.outcome is not None for row in rows), describe_best(rows)
        training, where = self.executor.training, self.executor.where
        self.on_status(Status(done, total, training, where, said, best, self.clock.seconds_left))
        spent = time.monotonic() - now
        self.quiet_until = now + max(OFTEN, spent / SHARE)
        self.busy_until = self.quiet_until if spent > SHARE * OFTEN else now


def accuracy_of(checkpoint: Checkpoint, i: int) -> float:
    """The last validation accuracy of a model that has not diverged."""
    validation = checkpoint.histories[i][-1].validation
    assert validation is not None
    return validation.accuracy


def pruned(checkpoint: Checkpoint, i: int, said: str) -> Outcome:
    """The outcome of a model that does not go on."""
    history = checkpoint.histories[i]
    return ended("pruned", history, sum(epoch.seconds for epoch in history), said)


def describe_best(rows: list[Row]) -> str:
    """The best trial so far, as the progress shows it."""
    best = ranked(rows)[:1]
    return "".join(f"{100 * (row.accuracy or 0):.2f} % ({point(row)})" for row in best)


def point(row: Row) -> str:
    """A trial's parameters as text."""
    return ", ".join(
        f"{field} {value:.4g}" if isinstance(value, float) else f"{field} {value}"
        for field, value in row.parameters.items()
    )
