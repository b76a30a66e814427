"""The training updates in a recording: each a forward pass, a backward pass and an update."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compare.cases import Case
from compare.derivation.units import UNITS
from compare.diagnosis.catalogue.fault import right_values
from compare.numerics.structure import is_value, structural_zeros, values_of
from compare.watching.backward_pass import Reader
from compare.watching.followers import ASSIGNED
from compare.watching.labels import Labels, labels_of
from compare.watching.losses import computed_loss
from compare.watching.other_costs import other_cost
from compare.watching.own_case import absent, case_of, different_kinds
from compare.watching.probabilities import Probabilities, loops, probabilities
from compare.watching.rebuild import TWICE, rebuild
from compare.watching.rebuilt import Pass
from compare.watching.recording import Event
from compare.watching.roles import Roles, backward_arrays, off
from compare.watching.values import Value, Values

TRIED, SIGMOIDS_TRIED = 8, 24
"""Maximum number of places with a softmax that are tried as a training, and of those with sigmoids,
most of which are hidden units."""

MANY = 10
"""Minimum number of samples for equal labels to be those of the same samples."""

MIXED = "hidden layers with different"

NO_WEIGHTS = "sigmoids without a gradient of weights"

CHANGING = "an input that changes from update to update while the labels stay the same"

OTHERS = 3
"""Maximum number of places that are tried as another training of the same program."""


@dataclass
class Update:
    """One update of the training, as far as it could be rebuilt.

    Arguments:
        found: the forward pass.
        labels: of its minibatch.
        case: the same network as ours, without a penalty; None where it is not complete.
        right: our gradients of the case, by name; trace: our values.
        roles: the gradients of the program.
        start: event where the pass begins; end: where the next one does.
        cost: what its gradients are of, where that is not the cross-entropy.
        absent: the parameters of the case that the program does not have.
        unit: what the program's loss is times ours, see `derivation.units`; `right` is times that.
    """

    found: Pass
    start: int
    end: int
    labels: Labels | None = None
    case: Case | None = None
    right: Mapping[str, np.ndarray] | None = None
    trace: Mapping[str, np.ndarray] | None = None
    roles: Roles | None = None
    cost: str = ""
    absent: frozenset[str] = frozenset()
    unit: float = 1.0

    @property
    def told(self) -> int:
        """The number of gradients that were recognised."""
        if self.roles is None:
            return 0
        return sum(role.status == "right" for role in self.roles.found.values())

    @property
    def goes_back(self) -> bool:
        """Whether the gradient of a weight matrix was seen, right or wrong, or its new value."""
        roles = self.roles
        return roles is not None and any(
            name.startswith("W") for name in (*roles.found, *roles.updates)
        )

    @property
    def whole(self) -> bool:
        """Whether every gradient was recognised as right, and the update was recorded."""
        if self.roles is None or self.case is None or not self.roles.updates:
            return False
        zeros = {*structural_zeros(self.case.network, self.found.n), *self.absent}
        names = [name for name in self.case.network.parameter_shapes if name not in zeros]
        return all(
            name in self.roles.updates
            if name not in self.roles.found
            else self.roles.found[name].status == "right"
            for name in names
        )


def begins(values: Values, found: Pass, start: int) -> int:
    """The event at which a pass begins: where its minibatch was first seen, after `start`."""
    if not found.layers:
        return start
    X = found.layers[0].h.value
    return max(start, min((i for i in X.indices if i >= start), default=start))


def ends(values: Values, p: Probabilities, found: Pass, start: int) -> int:
    """The event where the next pass over the network begins: where what was seen of this one's
    first layer, which began at `start`, is computed anew, at the same place."""
    events = values.recording.events
    if not found.layers:
        return len(events)
    first = found.layers[0]
    held = [first.h.value, first.source, first.z and first.z.value, first.x and first.x.value]
    own = {value.id for value in held if value}
    shapes = {tuple(sorted(value.raw.shape)) for value in held if value}
    until = [[e for e in v.events if e.index <= p.value.first] for v in held if v]
    passed = ("argument", "return")  # of a function that the backward pass may call too
    own_sites = [[e for e in seen if e.site.kind not in passed] or seen for seen in until]
    places = {(event.site.id, event.path) for seen in own_sites for event in seen}
    for event in events[p.value.first + 1 :]:
        if event.array is not None and (event.site.id, event.path) in places:
            value = values.by_id.get(event.array)
            if value and value.id not in own and tuple(sorted(value.raw.shape)) in shapes:
                return drawn(values, found, start, p.value.first, event.index)
    return len(events)


def drawn(values: Values, found: Pass, start: int, middle: int, end: int) -> int:
    """The event before `end` at which the next pass got its minibatch, which may be the same one;
    `end` if it was not recorded.

    Arguments:
        start, middle: events where this pass and its backward pass begin.
    """
    X = found.layers[0].h.value
    sites = {event.site.id for event in X.events if event.index < middle}
    for event in values.recording.events[middle:end]:
        if event.site.id in sites and event.array is not None:
            held = values.by_id.get(event.array)
            if held is not None and held is not X and held.raw.shape == X.raw.shape:
                return event.index
    inside = {event.site.id for event in X.events if start <= event.index < middle}
    again = {e.site.id: e.index for e in X.events if e.site.id in inside and middle < e.index < end}
    return min(again.values(), default=end)


def read_update(values: Values, p: Probabilities, start: int) -> Update:
    """Rebuild one pass, and identify its gradients."""
    update = labelled(values, p, start)
    two = p.value.array.ndim == 2 and p.over == "classes"
    if (update.labels is None or not update.labels.confirmed) and two:
        other = labelled(values, p, start, over_samples=True)
        better = other.labels is not None and other.found.complete
        if better and (update.labels is None or other.labels.confirmed):  # type: ignore[union-attr]
            update = other
    found = update.found
    if update.labels is None or not found.complete:
        return update
    arrays = backward_arrays(values, p.value.first, update.end)
    if p.over != "each":
        update.cost = other_cost(found.p.rows, update.labels.y, arrays, found.tolerance)
    if update.cost:
        return update
    update.case = case_of(found, update.labels, f"update at event {p.value.first}")
    both = right_values(update.case)
    update.right = {name: value for name, value in both.items() if not is_value(name)}
    update.trace = values_of(both)
    if any(value.size == 1 for value in update.right.values()):
        arrays += numbers_as_vectors(values, p.value.first, update.end)
    text = values.recording.text
    update.absent = absent(values, update.case)
    reader = Reader(update.case, update.right, update.trace, arrays, found.tolerance, text)
    update.roles = reader.read(update.absent)
    unit = update.unit = unit_of(values, update)
    if unit != 1:
        update.right = {name: unit * value for name, value in update.right.items()}
        right, trace = update.right, update.trace
        reader = Reader(update.case, right, trace, arrays, found.tolerance, text, unit)
        update.roles = reader.read(update.absent)
    return update


def numbers_as_vectors(values: Values, start: int, end: int) -> list[Value]:
    """The numbers assigned in a backward pass as vectors of one entry, such as the gradient of a
    single unit's b. Their ids are below those of all parts of arrays."""
    return [
        Value(-(len(values.by_id) + event.index), np.array([event.value]), [event])
        for event in values.recording.events[start + 1 : end]
        if event.value is not None and event.site.kind in ASSIGNED
    ]


def unit_of(values: Values, update: Update) -> float:
    """What the program's loss is times ours, by most of its gradients of parameters, read in our
    units; if all of these are wrong, by the loss that it computes."""
    assert update.case is not None
    assert update.roles is not None
    network, n = update.case.network, update.found.n
    units = UNITS[network.loss](network.classes).values()
    right = [role for role in update.roles.found.values() if role.status == "right"]

    def votes(unit: float, *kinds: str) -> int:
        leaves = (role for role in right if role.name.rstrip("0123456789") in kinds)
        return sum(not off(role.c / unit, n) for role in leaves)

    if not any(votes(unit, "W", "b") for unit in units):
        own = computed_loss(values, update.found, update.case.y, update.end, (network.loss,))
        return 1.0 if own is None else own.unit
    # the first new value of b is a multiple of its gradient too, so that W decides between equals
    return max(units, key=lambda unit: (votes(unit, "W", "b"), votes(unit, "W")))


def labelled(values: Values, p: Probabilities, start: int, *, over_samples: bool = False) -> Update:
    """The network and the labels of one pass."""
    found = rebuild(values, p, over="samples" if over_samples else p.over)
    start = begins(values, found, start)
    update = Update(found, start, ends(values, p, found, start))
    if found.complete and (different := different_kinds(found)):
        found.complete, found.lacks = False, f"{MIXED} {different}"
    if found.layers:
        update.labels = labels_of(values, found, update.end)
    return update


def training(values: Values, *, most: int = 6) -> list[Update]:
    """The updates of the training loop: among the loops over passes, the one with gradients.

    Arguments:
        most: updates to read.
    """
    with np.errstate(all="ignore"):
        return training_updates(values, most)


def rank(update: Update) -> tuple[bool, int, bool, bool]:
    """Sort key for the likelihood that a pass belongs to the training: the number of gradients
    recognised; without any, a softmax of probabilities is closer to the loss than these.

    An evaluation may compute p - Y, which is a gradient, too; of sigmoids those of weights decide.
    """
    twice = any(slip.said == TWICE.format("softmax") for slip in update.found.slips)
    confirmed = update.labels is not None and update.labels.confirmed
    return update.found.softmax or update.goes_back, update.told, twice, confirmed


def training_updates(values: Values, most: int) -> list[Update]:
    """`training` without NumPy's warnings about the program's numbers."""
    best: list[Update] = []
    groups = loops(probabilities(values))
    softmax = bool(groups) and groups[0][0].over != "each"
    for group in groups[: TRIED if softmax else SIGMOIDS_TRIED]:
        first = read_update(values, group[0], 0)
        if not best or rank(first) > rank(best[0]):
            best = [first]
            chosen = group
        if first.whole:
            break
    if not best:
        return []
    found = best[0].found
    if not (found.softmax or best[0].goes_back or found.slips) and found.complete:
        found.complete, found.lacks, best[0].case = False, NO_WEIGHTS, None
        return best[:1]
    for p in chosen[1:most]:
        best.append(read_update(values, p, best[-1].end))
    if input_changes(best):
        for update in best:
            update.found.complete, update.found.lacks, update.case = False, CHANGING, None
    return best


def input_changes(updates: list[Update]) -> bool:
    """Whether the inputs of two updates differ although the labels are the same: layers below
    computed them."""
    return any(
        a.case is not None
        and b.case is not None
        and len(a.case.y) >= MANY
        and np.array_equal(a.case.y, b.case.y)
        and a.case.X.shape == b.case.X.shape
        and not np.array_equal(a.case.X, b.case.X)
        for a, b in pairwise(updates)
    )


def other_trainings(values: Values, updates: list[Update]) -> list[Update]:
    """The first update of every other training of the program: one at another place, whose
    gradients were recognised and move the parameters.

    Arguments:
        updates: of the training that is judged.
    """
    if not updates:
        return []
    with np.errstate(all="ignore"):
        groups = [
            group
            for group in loops(probabilities(values))
            if len(group) > 2 and not of_training(group[0].event, updates)
        ]
        read = [read_update(values, group[0], 0) for group in groups[:OTHERS]]
    return [update for update in read if update.told > 1 and moved(update)]


def of_training(event: Event, updates: list[Update]) -> bool:
    """Whether probabilities are of a training that is known: seen in one of its updates, at the
    same place, or in the same function, called from the same place."""
    found = updates[0].found
    own = found.p.value.events[0] if found.softmax else found.p.value.shown
    same = event.site.id == own.site.id or event.site.function == own.site.function != "<module>"
    return (same and event.stack == own.stack) or any(
        update.start <= event.index < update.end for update in updates
    )


def moved(update: Update) -> bool:
    """Whether a parameter was updated by its gradient."""
    return update.roles is not None and any(role.c for role in update.roles.updates.values())
