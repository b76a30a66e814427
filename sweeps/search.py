"""The course of a sweep: ask the study, train groups, tell it what became of them."""

import time
from collections.abc import Callable
from dataclasses import replace

from sweeps.engine.data import Loaded, forms
from sweeps.engine.groups import Task, make_groups
from sweeps.engine.records import Records
from sweeps.engine.workers import Pool
from sweeps.output.progress import Clock, OnStatus, Status
from sweeps.study.pruning import cycle_ends, next_end, remaining, threshold
from sweeps.study.repeats import Repeats
from sweeps.study.study import SweepStudy
from sweeps.study.trial import Outcome, Row, Trial, ended, outcome_of, ranked
from twingrad.recipe import Recipe
from twingrad.training import Checkpoint, Diverged, Run

OFTEN = 0.5
"""Seconds between two words on epochs; to say how the sweep stands it reads the study."""

POLL = 0.5
"""Seconds between two looks at a study whose trials train elsewhere."""


class Search:
    """A sweep that runs.

    Arguments:
        study: asked and told.
        pool: trains.
        records: where the curves of trials are kept.
        data: of every recipe.
        stack: trials in a group, at most.
        on_status: for progress.
    """

    def __init__(
        self,
        study: SweepStudy,
        pool: Pool,
        records: Callable[[Recipe], Records],
        data: Loaded,
        *,
        stack: int,
        on_status: OnStatus | None = None,
    ) -> None:
        self.study, self.pool, self.records, self.data = study, pool, records, data
        self.samples = data.samples
        self.stack, self.on_status = stack, on_status
        self.waiting: list[Task] = []
        self.repeats = Repeats(study)
        self.said_at = -OFTEN
        typical = forms(study.space, study.recipe)[0]
        per_trial = typical.plan(self.samples(typical)).epochs
        open_trials = study.plan.trials - sum(row.outcome is not None for row in study.rows())
        self.clock = Clock(per_trial * open_trials)

    def run(self) -> None:
        """Until every trial of the plan has ended, here or elsewhere.

        Raises:
            UserError: a group cannot be run, or something cannot be written.
        """
        while True:
            asked: list[Trial] = []
            if len(self.waiting) < self.pool.idle:
                asked = self.study.ask(self._appetite(), self._check)
                self.waiting += self._groups(asked)
            while self.waiting and self.pool.idle:
                self.pool.begin(self.waiting.pop(0))
            if self.pool.busy:
                for event in self.pool.wait():
                    self.clock.advance(event.task, event.epoch)
                    self._say("")
                    if isinstance(event.result, Checkpoint):
                        self._judge(event.task, event.result)
                    elif event.result is not None:
                        self._finish(event.task, event.result)
            elif self.study.ended:
                return
            elif not asked:
                self._say("waiting for trials that train elsewhere")
                time.sleep(POLL)

    def _check(self, recipe: Recipe) -> None:
        """Raises UserError where a recipe does not fit the data, or the pruning."""
        recipe.plan_for(self.data(recipe))
        if self.study.plan.prune is not None:
            cycle_ends(recipe, self.samples(recipe))

    def _appetite(self) -> int:
        """How many trials to ask for.

        A sampler that learns, and a study that others share, are asked for what starts now; else
        all at once, so that the groups come out even.
        """
        plan, idle = self.study.plan, self.pool.idle
        if plan.sampler == "tpe":
            return idle * min(self.stack, max(1, plan.trials // 8))
        return plan.trials if self.study.private else idle * self.stack

    def _groups(self, trials: list[Trial]) -> list[Task]:
        """Groups of trials; one whose curves are here already, or that repeats another whose
        outcome is known, is told at once."""
        fresh = {}
        for trial in trials:
            known = self.records(trial.recipe).load(str(trial.number))
            if known is not None and known.recipe == trial.recipe:
                self._tell_end(trial.number, known)
            elif self.repeats.admit(trial):
                fresh[str(trial.number)] = trial.recipe
            else:
                self.clock.drop(trial.recipe.plan(self.samples(trial.recipe)).epochs)
        tasks = make_groups(fresh, self.stack, len(self.pool.workers))
        if self.study.plan.prune is None:
            return tasks
        return [
            replace(task, stop=next_end(task.recipes[0], self.samples(task.recipes[0]), 0))
            for task in tasks
        ]

    def _finish(self, task: Task, results: list[Run | Diverged]) -> None:
        """Keeps and tells what became of a whole group."""
        for key, result in zip(task.keys, results, strict=True):
            self._keep(key, result)
        self._say(f"trained {len(task.keys)}: trials {', '.join(task.keys)}")

    def _keep(self, key: str, result: Run | Diverged) -> None:
        self.records(result.recipe).save(key, result)
        self._tell_end(int(key), result)

    def _tell_end(self, number: int, result: Run | Diverged) -> None:
        """Tells the curve of a trial and its end.

        A trial that diverged is told without: to a sampler that learns, it is the worst.
        """
        outcome = outcome_of(result)
        if outcome.status == "finished":
            self.study.report(number, result.history)
        self._tell(number, result.recipe, outcome)

    def _tell(self, number: int, recipe: Recipe, outcome: Outcome) -> None:
        self.study.tell(number, outcome)
        self.repeats.tell(number, recipe, outcome)

    def _judge(self, task: Task, checkpoint: Checkpoint) -> None:
        """At the end of a cycle: the best go on, the others are told as pruned."""
        alive = [i for i, gone in enumerate(checkpoint.diverged) if gone is None]
        for i, gone in enumerate(checkpoint.diverged):
            if gone is not None:
                self._keep(task.keys[i], gone)
        recipe = task.recipes[0]
        samples = self.samples(recipe)
        plan = recipe.plan(samples)
        cycle = checkpoint.epochs * plan.updates_per_epoch // (2 * plan.half_cycle)
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
                self._tell(int(task.keys[i]), task.recipes[i], pruned(checkpoint, i, said))
        self.clock.drop((plan.epochs - checkpoint.epochs) * (len(task.keys) - len(kept)))
        if kept:
            self.waiting.insert(0, remaining(task, checkpoint, kept, samples))
        self._say(f"cycle {cycle}: {len(kept)} of {len(task.keys)} go on")

    def _say(self, said: str) -> None:
        now = time.monotonic()
        if self.on_status is None or (not said and now < self.said_at + OFTEN):
            return
        self.said_at = now
        rows = self.study.rows()
        self.on_status(
            Status(
                done=sum(row.outcome is not None for row in rows),
                total=self.study.plan.trials,
                training=self.pool.training,
                said=said,
                best=describe_best(rows),
                seconds_left=self.clock.seconds_left,
            )
        )


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
