"""One update against the reference: what is right, what inherits, what is first wrong, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from compare.cases import Case
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import Examination, examine
from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.numerics.structure import structural_zeros
from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.roles import FACTOR, LEAVES, STATISTICS, Role, Roles, nearest_scale, off
from compare.watching.values import Value

ROUNDING, ROUNDING_32 = 1e-7, 1e-3
"""Limits relative to a tensor: parameters that were worked out of s carry its rounding."""


ROUNDED = 1e-3
"""A factor nearer to 1 may be the rounding of float32."""


@dataclass(frozen=True)
class Conventions:
    """What the program means by its gradients.

    Arguments:
        scale: its gradients of the parameters are so many times ours: 1 for the mean over the
            minibatch, n for the sum; negative where it steps along +G. Another number where most
            of them share a factor that is neither.
        decay: the factor of W in the gradient of W, over `scale`: 2 lambda, mostly.
        extra: what `scale` is times 1 or n.
    """

    scale: float = 1.0
    decay: float = 0.0
    extra: float = 1.0


@dataclass
class Judged:
    """One update, judged.

    Arguments:
        update: what was rebuilt.
        conventions: of the program.
        verdict: its tensors against ours.
        wrong: the first wrong array, in order of execution; None where there is none.
        tensor: our name of it; event: where it is assigned.
        statuses: by the name of a gradient: "right", "inherits", "wrong".
        said: what is wrong, in sentences.
        multiplied: where gradients get a factor that is neither 1 nor n, and that in words.
    """

    update: Update
    conventions: Conventions
    verdict: CaseVerdict
    wrong: Value | None = None
    tensor: str = ""
    event: Event | None = None
    statuses: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    multiplied: tuple[Event, str] | None = None

    @property
    def examination(self) -> Examination | None:
        return self.verdict.examination


def is_leaf(name: str) -> bool:
    return name.rstrip("0123456789") in LEAVES


def conventions_of(update: Update) -> Conventions:
    """Scale and penalty that most of the gradients share."""
    assert update.roles is not None
    n = update.found.n
    leaves = [role for name, role in update.roles.found.items() if is_leaf(name)]
    told = trusted(leaves)
    scales = Counter(nearest_scale(role.c, n) for role in told if role.c)
    # of as many for the sum as for the mean, the mean
    scale = max(scales, key=lambda c: (scales[c], -abs(c)), default=1.0)
    extra = shared_factor([role.c / scale for role in told if role.c])
    weights = [role for role in leaves if role.name.startswith("W") and role.value.named]
    decays = [role.decay(n) / extra for role in trusted(weights)]
    decay = majority(decays)
    return Conventions(scale * extra, decay, extra)


def shared_factor(factors: list[float]) -> float:
    """The factor that more than half of at least two gradients have; else 1."""
    for factor in factors:
        sharing = sum(abs(other - factor) <= FACTOR * abs(factor) for other in factors)
        if abs(factor - 1) > ROUNDED and sharing > max(1, len(factors) / 2):
            return factor
    return 1.0


def trusted(roles: list[Role]) -> list[Role]:
    """The right roles, or if there are none, the inherited ones, or all."""
    right = [role for role in roles if role.status == "right"]
    return right or [role for role in roles if role.status != "wrong"] or roles


def majority(numbers: list[float]) -> float:
    """The number that most are nearest to; of equals, the largest."""
    if not numbers:
        return 0.0
    votes = [sum(abs(a - b) <= 1e-6 * max(abs(a), 1e-9) for b in numbers) for a in numbers]
    return max(zip(votes, numbers, strict=True))[1]


def judge_update(
    update: Update, own: Mapping[str, float] | None = None, decay: float | None = None
) -> Judged | None:
    """The verdict on one update; None where it could not be rebuilt.

    Arguments:
        own: the factor of each W in its gradient, where the program means them to differ, and of
            each vector that it penalises.
        decay: the factor of W in its gradient if the cost shows it; by default, that of most W.
    """
    if update.case is None or update.roles is None or update.right is None:
        return None
    own = own or {}
    conventions = conventions_of(update)
    if decay is not None:
        conventions = replace(conventions, decay=decay)
    in_our_units = conventions.decay / update.unit
    case = replace(update.case, penalty=in_our_units / 2)
    rounding = ROUNDING if update.found.tolerance < 1e-6 else ROUNDING_32
    found = {}
    for name, role in update.roles.found.items():
        if name.rstrip("0123456789") in STATISTICS and off(role.c, update.found.n):
            continue
        scale = update.unit * factor_of(role, conventions, update.found.n)
        found[name] = role.gradient / scale
        if name.startswith("W") and not role.value.named and not role.d:
            # a product inside an expression: what the line adds to it was not seen
            found[name] = found[name] + in_our_units * case.parameters[name]
        elif name in own:
            away = (in_our_units if name.startswith("W") else 0.0) - own[name] / update.unit
            found[name] = found[name] + away * case.parameters[name]
    case, found = narrowed(case, found)
    evidence = Evidence(case, found, rounding, form="given")
    wrong = evidence.wrong
    examination = examine("yours", evidence) if wrong else None
    tensors = tuple(tensor(evidence, name) for name in evidence.order)
    first = None if examination is None else examination.first_fault
    zeros = structural_zeros(case.network, len(case.y))
    expected = [name for name in case.network.parameter_shapes if name not in update.absent]
    missing = [name for name in expected if name not in found and name not in zeros]
    judged = Judged(
        update,
        conventions,
        CaseVerdict(case.name, tensors, first, tuple(missing), examination),
    )
    for name in evidence.order:
        judged.statuses[name] = "right"
    if examination is not None:
        for node in examination.blame.nodes:
            if node.name in found and node.stage == "backward":
                status = {"agrees": "right", "inherits": "inherits"}.get(node.status, "wrong")
                judged.statuses[node.name] = status
        place(judged)
        judged.said = examination.sentences
        misscaled(judged)
    multiply(judged)
    return judged


def factor_of(role: Role, conventions: Conventions, n: int) -> float:
    """By what the program's gradient is divided to be ours.

    Gradients of parameters share one scale. Between them each may be that of a sum or a mean.
    """
    if is_leaf(role.name):
        return conventions.scale
    for extra in (1.0, conventions.extra):
        if not off(role.c / extra, n):
            return extra * nearest_scale(role.c / extra, n)
    return conventions.scale


def place(judged: Judged) -> None:
    """The first wrong array: of the broken gradient, else of the earliest wrong one."""
    assert judged.update.roles is not None
    assert judged.examination is not None
    found = judged.update.roles.found
    broken = [name for name, status in judged.statuses.items() if status == "wrong"]
    roles = [found[name] for name in broken if name in found]
    roles = roles or [found[name] for name, s in judged.statuses.items() if s != "right"]
    best = judged.examination.best
    if best is not None and judged.update.found.tolerance > 1e-6:
        # in float32 the first wrong array may be right within rounding; the diagnosis knows it
        named = best.tensor(judged.examination.evidence)
        roles += [found[named]] if named in found else []
    if roles:
        first = min(roles, key=lambda role: role.shown.index)
        judged.wrong, judged.tensor, judged.event = first.value, first.name, first.shown


def multiply(judged: Judged) -> None:
    """Notes where a factor that is neither 1 nor n comes in: one that all gradients share, or one
    of some parameters alone."""
    roles, conventions = judged.update.roles, judged.conventions
    assert roles is not None
    n = judged.update.found.n
    if conventions.extra == 1 or are_steps(roles):
        sharing = grown(roles, conventions, n)
        also = "Not all gradients have this factor, so it is no other learning rate."
    else:
        sharing = [r for r in multiples(roles, n) if not off(r.c / conventions.extra, n)]
        also = "All gradients have this factor, so it acts like another learning rate."
    if not sharing:  # or all of them inherit it from a wrong gradient
        return
    first = min(sharing, key=lambda role: role.shown.index)
    said = f"Backward pass, first wrong: {wrong_factor(first, n)}"
    judged.multiplied = first.shown, f"{said} {also}"


def are_steps(roles: Roles) -> bool:
    """Whether the arrays taken for gradients are subtracted as they are: the common factor is the
    learning rate."""
    taken = [
        (roles.found[name].c, update.c)
        for name, update in roles.updates.items()
        if name in roles.found and update.c
    ]
    return bool(taken) and all(abs(c + step) <= FACTOR * abs(c) for c, step in taken)


def multiples(roles: Roles, n: int) -> list[Role]:
    """The arrays that are right but for a factor other than 1 and n."""
    named = (r for r in (*roles.found.values(), *roles.copies) if r.value.named)
    return [role for role in named if role.status == "right" and off(role.c, n)]


def wrong_factor(role: Role, n: int) -> str:
    """A factor that is neither 1 nor n, in a sentence."""
    return (
        f"the gradient of {role.name} is {role.c:.6g} times what it should be, neither that of "
        f"the mean over the minibatch nor that of the sum (n = {n})."
    )


def misscaled(judged: Judged) -> None:
    """Blames the first gradient with a factor other than 1 and n, unless one above is wrong."""
    roles = judged.update.roles
    assert roles is not None
    n = judged.update.found.n
    scaled_off = [
        role
        for role in multiples(roles, n)
        if off(role.c / judged.conventions.extra, n)
        and role.name.rstrip("0123456789") not in STATISTICS
        and (not is_leaf(role.name) or role is roles.found[role.name])
    ]
    if not scaled_off:
        return
    first = min(scaled_off, key=lambda role: role.shown.index)
    first = divided_again(judged, first) or first
    if judged.event is not None and first.shown.index > judged.event.index:
        return
    judged.wrong, judged.tensor, judged.event = first.value, first.name, first.shown
    said = wrong_factor(first, n)
    if not off(first.c, n):
        said = f"on its way down to {first.name} the gradient is divided by n = {n} once more."
    explained = judged.examination is not None and judged.examination.best is not None
    judged.said = [f"Backward pass, first wrong: {said}", *(judged.said[1:] if explained else [])]
    for name, role in roles.found.items():
        after = role.shown.index > first.shown.index
        if after and not explained and judged.statuses.get(name) == "wrong":
            judged.statuses[name] = "inherits"


def grown(roles: Roles, conventions: Conventions, n: int) -> list[Role]:
    """The gradients of weights that were multiplied after they were right, if others were not.

    A factor below 1/2 or above 2, and one that the update has too, is taken for a learning rate.
    """
    rates = {abs(role.c) for role in roles.updates.values()}

    def ratio(role: Role) -> float:
        c = role.c / conventions.extra
        return c / nearest_scale(c, n)

    leaves = {role.name for role in (*roles.found.values(), *roles.copies) if is_leaf(role.name)}
    named = [r for r in roles.copies if is_leaf(r.name) and r.value.named and r.c]
    # vectors such as the sums inside batch norm may be multiples by chance
    copies = [
        role
        for role in named
        if role.name.startswith("W") and not off(roles.found[role.name].c / conventions.extra, n)
    ]
    changed = [
        role
        for role in copies
        if 0.5 < ratio(role) < 2
        and off(ratio(role), 1)
        and not any(abs(ratio(role) - rate) <= FACTOR * rate for rate in rates)
    ]
    factors = [ratio(role) for role in changed]
    too = {r.name for r in named if any(abs(ratio(r) - f) <= FACTOR * abs(f) for f in factors)}
    return changed if too < leaves else []


def divided_again(judged: Judged, first: Role) -> Role | None:
    """The gradient on the way down that turned from that of the sum into that of the mean, where
    the line of a parameter's gradient with a wrong factor is right for another layer."""
    roles, n = judged.update.roles, judged.update.found.n
    assert roles is not None
    site = first.shown.site
    same = [role for role in roles.found.values() if role.shown.site is site and role is not first]
    if not is_leaf(first.name) or all(off(role.c, n) for role in same):
        return None
    way = [r for r in roles.found.values() if not is_leaf(r.name) and r.name[0] in "sx" and r.c]
    way = sorted(way, key=lambda role: role.shown.index)
    for above, below in pairwise(way):
        changed = nearest_scale(above.c, n) != nearest_scale(below.c, n)
        if changed and below.shown.index < first.shown.index:
            return below
    return None


def tensor(evidence: Evidence, name: str) -> TensorVerdict:
    """A gradient against ours."""
    return judge(
        name, "by hand", evidence.right[name], evidence.found[name], relative=evidence.rounding
    )


def narrowed(case: Case, found: dict[str, np.ndarray]) -> tuple[Case, dict[str, np.ndarray]]:
    """The same case with as many inputs as samples, where it has many more.

    With Q's rows a basis of the minibatch's rows, X Q^T and W1 Q^T give the same s1, and the
    gradient of W1 turns into its product with Q^T. So does whatever is proportional to it or W1.
    """
    n, d = case.X.shape
    if d < 2 * n:
        return case, found
    Q = np.linalg.qr(case.X.T)[0].T  # (n, d)
    parameters = {**case.parameters, "W1": case.parameters["W1"] @ Q.T}
    network = replace(case.network, inputs=n)
    small = replace(case, network=network, parameters=parameters, X=case.X @ Q.T)
    return small, {name: value @ Q.T if name == "W1" else value for name, value in found.items()}
