"""The search of a sweep: ask the study for trials, train them in groups, tell it the outcomes."""

import time
from dataclasses import replace
from pathlib import Path

from sweeps.engine.data import Loaded, forms
from sweeps.engine.executor import Event, Executor
from sweeps.engine.groups import GroupLog, Task
from sweeps.engine.memory import StackOf
from sweeps.engine.records import Records
from sweeps.output.progress import Clock, OnStatus, Status
from sweeps.output.results import point
from sweeps.study.plan import LEARNING
from sweeps.study.pruning import cycle_ends, next_end, remaining, threshold
from sweeps.study.repeats import Repeats
from sweeps.study.study import SweepStudy
from sweeps.study.trial import Outcome, best_of, outcome_of, stopped
from twingrad.recipe import Recipe
from twingrad.training import Checkpoint, Diverged, Run

OFTEN, SHARE = 0.5, 0.05
"""Seconds between two reports of progress, and the share of the time that reports may take: each
reads the whole study."""

WAVES = 8
"""Number of groups for each worker that are requested from the study at once. A sweep of a million
trials begins before all of them are drawn."""

POLL = 0.5
"""Seconds between two looks at a study whose remaining trials train in other processes."""


class Search:
    """A sweep in progress.

    Arguments:
        study: of the sweep.
        executor: trains the groups.
        trials: folder for the curves of trials and the log of groups.
        data: of every recipe.
        stack: gives the maximum size of a stack for a recipe.
        on_status: called with the progress.
    """

    def __init__(
        self,
        study: SweepStudy,
        executor: Executor,
        trials: Path,
        data: Loaded,
        stack: StackOf,
        on_status: OnStatus | None = None,
    ) -> None:
        self.study, self.executor, self.data, self.samples = study, executor, data, data.samples
        self.stack, self.on_status = stack, on_status
        self.records = Records(trials, data.samples, states=False)
        self.log = GroupLog(trials / "groups.jsonl")
        self.prune = study.plan.prune
        self.waiting: list[Task] = []
        self.begun = {key for task in executor.tasks.values() for key in task.keys}
        self.ended = {str(row.number) for row in study.rows() if row.outcome is not None}
        self.repeats = Repeats(study)
        self.quiet_until = self.busy_until = 0.0
        self.typical = forms(study.setup.space, study.setup.recipe)[0]
        per_trial = self.typical.plan(self.samples(self.typical)).epochs
        self.clock = Clock(per_trial * (study.plan.trials - len(self.ended)))

    def run(self) -> None:
        """Train until every trial of the plan has ended, here or in another process.

        Raises:
            UserError: a group cannot be trained, or a file cannot be written.
        """
        while True:
            asked: dict[int, Recipe] = {}
            if len(self.waiting) < self.executor.idle:
                asked = self.study.ask(self._appetite(), self._check)
                self.waiting += self._groups(asked)
            while self.waiting and self.executor.idle:
                self.executor.begin(self.waiting.pop(0))
            if self.executor.tasks:
                for event in self.executor.wait():
                    self._take(event)
            elif self.study.ended:
                return
            elif not asked:
                self._say("waiting for trials of other processes")
                time.sleep(POLL)

    def _check(self, recipe: Recipe) -> None:
        """Raise UserError if a recipe does not fit the data or cannot be pruned."""
        recipe.plan_for(self.data(recipe))
        if self.prune is not None:
            cycle_ends(recipe, self.samples(recipe))

    def _appetite(self) -> int:
        """Number of trials to ask for: what can start now if the sampler learns or the study is
        shared; otherwise several waves, so that groups are of equal size."""
        plan, idle = self.study.plan, self.executor.idle
        stack = self.stack(self.typical)
        if plan.sampler in LEARNING:
            return idle * min(stack, max(1, plan.trials // 8))
        return (WAVES * self.executor.slots if self.study.private else idle) * stack

    def _groups(self, asked: dict[int, Recipe]) -> list[Task]:
        """Group the trials that must train. Those that are already stored are told at once."""
        fresh = {}
        for number, recipe in asked.items():
            key = str(number)
            if key in self.begun:  # part of a group that restarted or that a cluster still trains
                continue
            known = self.records.load(key)
            if known is not None and known.recipe == recipe:
                self._tell_result(key, known)
            elif self.repeats.must_train(number, recipe):
                fresh[key] = recipe
            else:
                self.clock.drop(recipe.plan(self.samples(recipe)).epochs)
        tasks = self.log.tasks(fresh, self.study.recipe_of, self.stack, max(self.executor.slots, 1))
        self.begun |= {key for task in tasks for key in task.keys}
        if self.prune is None:
            return tasks
        return [
            replace(task, stop=next_end(task.recipes[0], self.samples(task.recipes[0])))
            for task in tasks
        ]

    def _take(self, event: Event) -> None:
        self.clock.advance(event.task, event.epoch)
        self._say("")
        if isinstance(event.result, Checkpoint):
            self._prune(event.task, event.result)
        elif event.runs:
            for key, result in event.runs.items():
                self._keep(key, result)
            keys = event.task.keys
            self._say(f"trained {len(keys)}: trials {', '.join(keys)}")

    def _keep(self, key: str, result: Run | Diverged) -> None:
        if key not in self.ended:
            self.records.save(key, result)
            self._tell_result(key, result)

    def _tell_result(self, key: str, result: Run | Diverged) -> None:
        """Tell the study a result. A diverged trial is told without its curve, so that a sampler
        that learns ranks it last."""
        outcome = outcome_of(result)
        if outcome.status == "finished":
            self.study.report(int(key), result.history)
        self._tell(key, result.recipe, outcome)

    def _tell(self, key: str, recipe: Recipe, outcome: Outcome) -> None:
        self.ended.add(key)
        self.study.tell(int(key), outcome)
        self.repeats.tell(int(key), recipe, outcome)

    def _prune(self, task: Task, paused: Checkpoint) -> None:
        """At the end of a cycle, continue with the best and tell the others as pruned.

        If the sweep was interrupted after this decision, the same trials continue as one stack.
        """
        for key, diverged in zip(task.keys, paused.diverged, strict=True):
            if diverged is not None:
                self._keep(key, diverged)
        recipe = task.recipes[0]
        samples = self.samples(recipe)
        plan = recipe.plan(samples)
        cycle = paused.epochs * plan.updates_per_epoch // (2 * plan.half_cycle)
        before = self.log.continued.get((task.keys, paused.epochs))
        if before:
            kept = [task.keys.index(key) for key in before]
        else:
            kept = self._best(task, paused, cycle)
        self.clock.drop((plan.epochs - paused.epochs) * (len(task.keys) - len(kept)))
        if kept:
            going_on = remaining(task, paused, kept, samples)
            self.log.write(going_on, task.keys)
            self.waiting.insert(0, going_on)
        self._say(f"cycle {cycle}: {len(kept)} of {len(task.keys)} continue")

    def _best(self, task: Task, paused: Checkpoint, cycle: int) -> list[int]:
        """Indices of the trials that continue; the others are told as pruned."""
        alive = [i for i, key in enumerate(task.keys) if key not in self.ended]
        for i in alive:
            self.study.report(int(task.keys[i]), paused.histories[i])
        if not alive:
            return []
        assert self.prune is not None
        least = threshold(self.study.accuracies(paused.epochs), self.prune)
        said = f"validation accuracy below {100 * least:.2f} % after cycle {cycle}"
        kept = []
        for i in alive:
            history = paused.histories[i]
            validation = history[-1].validation
            assert validation is not None
            if validation.accuracy >= least:
                kept.append(i)
            else:
                self._tell(task.keys[i], task.recipes[i], stopped("pruned", history, said))
        return kept

    def _say(self, said: str) -> None:
        """Report the progress, unless the last report was too recent or took too long."""
        now = time.monotonic()
        if self.on_status is None or now < (self.busy_until if said else self.quiet_until):
            return
        best = best_of(self.study.rows())
        status = Status(
            done=self.study.done,
            total=self.study.plan.trials,
            training=self.executor.training,
            where=self.executor.where,
            said=said,
            best="".join(f"{100 * (row.accuracy or 0):.2f} % ({point(row)})" for row in best),
            seconds_left=self.clock.seconds_left,
        )
        self.on_status(status)
        spent = time.monotonic() - now
        self.quiet_until = now + max(OFTEN, spent / SHARE)
        self.busy_until = self.quiet_until if spent > SHARE * OFTEN else now
