"""Judge what is visible only in a running training, from its recording."""

from collections.abc import Sequence

import numpy as np

from compare.derivation.steps import ENDS
from compare.derivation.units import loss_words
from compare.watching.course.adaptive import adam_of, candidates, judge_adam
from compare.watching.course.evaluation import judge_evaluation
from compare.watching.course.moments import shared_moments
from compare.watching.course.own_check import judge_own_check
from compare.watching.course.own_gradient import other_directions
from compare.watching.course.penalty import Penalty, judge_costs, penalty_of
from compare.watching.course.rates import judge_rates
from compare.watching.course.running_statistics import judge_running
from compare.watching.course.sharing import (
    accumulated,
    kept_by_reference,
    overwritten_probabilities,
    shared_parameters,
)
from compare.watching.course.shuffling import judge_data
from compare.watching.course.standardisation import judge_standardisation
from compare.watching.course.steps import NO_PENALTY, Step, penalties, steps_of
from compare.watching.course.too_early import judge_order
from compare.watching.course.torch_modes import judge_modes
from compare.watching.course.update_findings import (
    applied_twice,
    judge_rules,
    not_finite,
    shifted_in_vain,
)
from compare.watching.course.update_rule import Rule, rule_of
from compare.watching.course.verdict import TrainingFinding, TrainingVerdict
from compare.watching.judge import conventions_of
from compare.watching.losses import computed_loss
from compare.watching.passes import Update
from compare.watching.values import Values
from twingrad.layers import SIGMOID_LOSSES

__all__ = ["TrainingFinding", "TrainingVerdict", "judge_training"]


def judge_training(
    values: Values,
    updates: list[Update],
    others: Sequence[Update] = (),
    penalty: Penalty | None = None,
) -> TrainingVerdict:
    """Everything that the values say about a training beyond the gradients of one minibatch.

    Arguments:
        values: of the recording.
        updates: the consecutive updates of the training loop, as `passes.training` reads them.
        others: of the program's other trainings, as `passes.other_trainings` reads them.
        penalty: as `read_penalty` reads it; None reads it here.

    Returns:
        findings with their evidence, facts, and what could not be checked.
    """
    out = TrainingVerdict()
    if not updates:
        out.not_checked.append("the training: no update was recognised")
        return out
    with np.errstate(all="ignore"):
        penalty = read_penalty(values, updates) if penalty is None else penalty
        judge_everything(values, updates, others, penalty, out)
    out.findings.sort(key=lambda f: f.event.index if f.event is not None else 1 << 60)
    return out


def size_of(update: Update) -> float:
    """n if the gradients of an update are sums over the minibatch, 1 if they are means."""
    conventions = conventions_of(update) if update.roles is not None else None
    n = update.found.n
    sums = conventions is not None and abs(conventions.scale / conventions.extra) == n
    return float(n) if sums else 1.0


def read_penalty(values: Values, updates: list[Update]) -> Penalty:
    """The penalty that gradients and costs of a training show."""
    with np.errstate(all="ignore"):
        return penalty_of(values, updates, penalties(updates, steps_of(values, updates)))


def judge_everything(
    values: Values,
    updates: list[Update],
    others: Sequence[Update],
    penalty: Penalty,
    out: TrainingVerdict,
) -> None:
    """Judge all subjects in turn."""
    steps = steps_of(values, updates)
    applied_twice(updates, out)
    shifted_in_vain(values, updates, out)
    scale = size_of(updates[0])
    if scale != 1:
        out.facts["gradients"] = f"sums over the minibatch (n = {scale:g}), not means"
    if not updates[0].found.softmax:
        judge_loss(values, updates[0], out)
    judge_updates(values, updates, others, steps, penalty.decays, scale, out)
    judge_order(values, updates, out)
    judge_costs(values, updates, penalty, scale, out)
    judge_modes(values, updates, out)
    running = judge_running(values, updates, out)
    judge_evaluation(values, updates, running, out)
    sets = judge_data(values, updates, out)
    judge_standardisation(values, updates, sets, out)
    kept_by_reference(values, updates, out)
    overwritten_probabilities(values, updates, out)
    judge_own_check(values, updates, out)
    if not any(finding.fails for finding in out.findings):
        not_finite(values, updates, out)


def judge_loss(values: Values, update: Update, out: TrainingVerdict) -> None:
    """Name the loss of sigmoids, and the one that the program computes instead, if it does."""
    if update.case is None:
        return
    network = update.case.network
    said = out.facts["loss"] = loss_words(network.loss, network.classes, update.unit)
    others = [loss for loss in SIGMOID_LOSSES if loss != network.loss]
    place = values, update.found, update.case.y, update.end
    other = computed_loss(*place, others)
    if other is not None and computed_loss(*place, (network.loss,)) is None:
        words = loss_words(other.loss, network.classes, other.unit)
        out.add(
            "loss",
            other.event,
            f"The gradients are those of the {said}, and this number is the {words}. Its "
            f"gradient would be a multiple of {ENDS[other.loss].down.formula}.",
            fails=False,
        )


def judge_updates(
    values: Values, updates: list[Update], others: Sequence[Update],
    steps: dict[str, list[Step]], deltas: dict[str, float], scale: float, out: TrainingVerdict,
) -> None:  # fmt: skip
    """Judge the rule of the updates, and the learning rates.

    Arguments:
        scale: of the program's gradients: n if they are sums over the minibatch, else 1.
    """
    shared_moments(values, updates[0], out)
    if not steps:
        out.not_checked.append("the update: fewer than two passes in a row were rebuilt")
        return
    steps = accumulated(values, updates, steps, deltas, out)
    shared = shared_parameters(updates, steps, out)
    steps = {name: taken for name, taken in steps.items() if name not in shared}
    usual = float(np.median(list(deltas.values()))) if deltas else 0.0
    usual = usual if usual > NO_PENALTY else 0.0
    rules = {
        name: rule_of(taken, deltas.get(name, usual if name[0] == "W" else 0.0))
        for name, taken in steps.items()
    }
    for rule in rules.values():
        rule.rates = {t: rate / scale for t, rate in rule.rates.items()}
    if is_adaptive(values, updates, steps, deltas, rules, out):
        return
    other_directions(values, updates, steps, rules, out)
    judge_rules(rules, steps, deltas, updates, out)
    if "optimiser" not in out.facts:
        out.facts["optimiser"] = "not recognised"
        out.not_checked.append("the optimiser: the parameters move by no rule that is known")
    judge_rates(values, rules, steps, updates, others, out)


def is_adaptive(
    values: Values, updates: list[Update], steps: dict[str, list[Step]],
    deltas: dict[str, float], rules: dict[str, Rule], out: TrainingVerdict,
) -> bool:  # fmt: skip
    """Whether the parameters move by Adam or RMSprop; if so, it is judged."""
    unknown = [name for name, rule in rules.items() if not rule.name and name.startswith("W")]
    if not unknown or any(rule.rates for name, rule in rules.items() if name.startswith("W")):
        return False
    betas = candidates(values, updates[0].end)
    readings = {}
    for name in unknown[:2]:
        role = None if updates[0].roles is None else updates[0].roles.found.get(name)
        scale = role.c if role is not None and role.status == "right" else 1.0
        found = adam_of(steps[name], deltas.get(name, 0.0), betas, scale)
        if found:
            readings[name] = found
    return judge_adam(values, readings, steps, updates, out)
