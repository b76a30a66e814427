"""Points of a submission."""

from dataclasses import dataclass

from compare.grading.judged import Compared, Judged
from compare.grading.rubric import CONVENTIONS, Quantity, Rubric

AFFECTED = {
    "half penalty": ("W", "cost"),
    "eps": ("W", "b", "gamma", "beta", "p", "loss", "cost"),
    "sum": ("W", "b", "gamma", "beta", "loss", "cost"),
    "bias penalty": ("b", "cost"),
    "kink": ("W", "b", "gamma", "beta"),
    "layer mean": (),
    "leaky ReLU": ("W", "b", "gamma", "beta", "p", "loss", "cost"),
    "other activation": ("W", "b", "gamma", "beta", "p", "loss", "cost"),
    "plain batch norm": ("W", "b", "gamma", "beta", "p", "loss", "cost"),
    "label smoothing": ("W", "b", "gamma", "beta", "loss", "cost"),
    "sigmoid outputs": ("W", "b", "gamma", "beta", "p", "loss", "cost"),
}
"""Tensors that a convention changes, by kind."""


@dataclass(frozen=True)
class Earned:
    """The points for one quantity.

    Arguments:
        why: the reason why no points were given; "" if they were.
    """

    quantity: Quantity
    points: float
    why: str = ""


@dataclass(frozen=True)
class Graded:
    """A submission with its points."""

    judged: Judged
    earned: tuple[Earned, ...]

    @property
    def points(self) -> float:
        """The total."""
        return sum(one.points for one in self.earned)

    @property
    def lost(self) -> tuple[str, ...]:
        """The quantities without points, with reasons other than that of the verdict."""
        names: dict[str, list[str]] = {}
        for one in self.earned:
            if one.why and one.why != self.judged.reason:
                names.setdefault(one.why, []).append(one.quantity.name)
        return tuple(f"{', '.join(names[why])}: {why}" for why in names)


def grade(judged: Judged, rubric: Rubric) -> Graded:
    """Grade a submission by a rubric."""
    why = judged.reason if judged.outcome == "could not run" else judged.spoiled
    forbidden = [name for name in judged.used.packages if name in rubric.forbidden]
    if forbidden:
        why = why or f"it uses {', '.join(forbidden)}, which the rubric forbids"
    earned = []
    for quantity in rubric.quantities:
        lost = why or why_not(quantity, judged, rubric)
        earned.append(Earned(quantity, 0.0 if lost else quantity.points, lost))
    return Graded(judged, tuple(earned))


def why_not(quantity: Quantity, judged: Judged, rubric: Rubric) -> str:
    """The reason why a quantity earns no points; "" if it earns them."""
    seen = [(case, name) for case in judged.compared for name in meant(quantity, case)]
    if not seen:
        return "not checked: nothing was compared"
    wrong = [(case, name) for case, name in seen if not case.agrees[name]]
    if wrong:
        case, name = wrong[0]
        return f"{shown(name)} differs in the case {case.case}"
    lacking = [(case, name) for case in judged.compared for name in lacked(quantity, case)]
    if lacking:
        case, name = lacking[0]
        return f"not checked: the gradient of {name} was not returned in the case {case.case}"
    missing = sorted(set(quantity.tensors) - {word for _, name in seen for word in kinds(name)})
    if missing:
        return f"not checked: no {', '.join(missing)} was returned"
    everything = not quantity.tensors and not quantity.layers and quantity.networks == "all"
    if everything and judged.outcome != "right":
        return judged.reason
    for name in judged.conventions:
        if name not in rubric.conventions and affects(name, quantity):
            return f"the rubric does not allow {CONVENTIONS[name]}"
    return ""


def meant(quantity: Quantity, case: Compared) -> list[str]:
    """The tensors of a case that belong to a quantity."""
    if quantity.layers:
        return list(case.agrees) if case.layer in quantity.layers else []
    if quantity.networks not in ("all", case.networks):
        return []
    if not quantity.tensors:
        return list(case.agrees)
    return [name for name in case.agrees if set(kinds(name)) & set(quantity.tensors)]


def lacked(quantity: Quantity, case: Compared) -> list[str]:
    """The parameters that belong to a quantity and whose gradients were not returned."""
    if quantity.layers or quantity.networks not in ("all", case.networks):
        return []
    return [name for name in case.missing if set(kinds(name)) & set(quantity.tensors)]


def kinds(name: str) -> tuple[str, ...]:
    """The names of a tensor in a rubric: ("W1", "W") for W1, ("p",) for the value p."""
    plain = name.removeprefix("forward ")
    kind = plain.rstrip("0123456789")
    if name != plain:  # a value
        return (plain,) if plain in ("p", "loss", "cost") else ()
    return (plain, kind) if kind in ("W", "b", "gamma", "beta") else ()


def affects(convention: str, quantity: Quantity) -> bool:
    """Whether a convention changes tensors of a quantity."""
    if convention == "layer mean":
        return bool(quantity.layers) or not quantity.tensors
    of_batch_norm = convention in ("eps", "plain batch norm")
    if quantity.layers or (of_batch_norm and quantity.networks == "without batch norm"):
        return False
    named = {tensor.rstrip("0123456789") for tensor in quantity.tensors}
    return not named or bool(named & set(AFFECTED[convention]))


def shown(name: str) -> str:
    """A tensor in words."""
    value = name.removeprefix("forward ")
    return f"the value {value}" if value != name else f"the gradient of {name}"
