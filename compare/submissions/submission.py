"""The results of the user's code."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compare.submissions.request import CaseSpec

Index = tuple[int, ...]


@dataclass(frozen=True)
class Finding:
    """Something that went wrong other than a wrong number.

    Arguments:
        kind: "exception", "syntax", "python" (it needs a newer one), "package" (it needs one that
            is not installed), "call" (it raised, but its arguments were guessed), "hang",
            "exit", "noise", "not finite", "shape", "dtype", "keys"
            (with a tensor: its gradient is missing; without: it could not be called),
            "mutation", "not deterministic", "accumulation" (of a second call on one object),
            "evaluation mode" (a torch module left in it).
        message: what happened, what was expected, what to do.
        line: of the user's file, where there is one.
        fails: whether the check fails by it.
        tensor: our name of what it is about ("W1").
    """

    kind: str
    message: str
    line: int | None
    fails: bool
    tensor: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the code gave for one case, in our names, samples in rows, in the dtype it gave.

    Arguments:
        spec: the case.
        gradients: of parameters, and of intermediates as far as the code gives them.
        forward: p (n, classes), loss, cost, s1, mu1, v1, s_hat1, s_tilde1, x1, ..., likewise.
        own_cost: central differences of the code's own cost, float64, by parameter: (index, value).
        raw_shapes: shape as given, of every gradient whose shape was wrong.
        wrong_shapes: those gradients as given, where their values could not be placed.
        seconds: that one forward and backward pass took.
        dtype: in which samples and parameters were handed over.
        misleading: values, as "forward s1", that are not what the forward pass went on with.
    """

    spec: CaseSpec
    gradients: dict[str, np.ndarray]
    forward: dict[str, np.ndarray] = field(default_factory=dict)
    own_cost: dict[str, list[tuple[Index, float]]] = field(default_factory=dict)
    raw_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    wrong_shapes: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    dtype: str = "float64"
    misleading: tuple[str, ...] = ()


CENTRAL, EXACT = "central differences of its forward", "by hand"
"""The references for a single layer."""


@dataclass
class LayerAnswer:
    """What was found of one layer.

    Arguments:
        name, line: of the function that computes the gradients.
        kind: what it was recognised as; "" where only its numbers are known.
        found: its gradients, by the name of the input.
        expected: the same by witness.
        convention: what was taken for one.
        missing: inputs whose gradient was not returned.
        problem: why nothing could be compared; "" if something was.
        loss: the value of a loss, and the right one, if its gradient is right and it is not.
    """

    name: str
    line: int | None
    kind: str = ""
    found: dict[str, np.ndarray] = field(default_factory=dict)
    expected: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    convention: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""
    loss: tuple[float, float] | None = None


@dataclass(frozen=True)
class Running:
    """A running statistic that an object keeps.

    Arguments:
        name: "mu1", "v1", ...
        where: it is in the object, as code after the object's name.
        path: the same as a path.
        seen: that statistic of every minibatch, (calls, width).
        values: what was kept after each, (calls, width).
        samples: n of every minibatch.
    """

    name: str
    where: str
    path: tuple[Any, ...]
    seen: np.ndarray
    values: np.ndarray
    samples: int


@dataclass(frozen=True)
class Evaluation:
    """What an object computed of a minibatch in evaluation, beside the reference.

    Arguments:
        how: it was asked: "loss(X)".
        name: of what it gave: the last layer's s, or p.
        found: (n, classes).
        expected: the same with the running statistics that the object keeps.
        by_batch: with the statistics of the minibatch itself; None without batch norm.
        changed: the running statistics that it changed, as `Running.where`.
    """

    how: str
    name: str
    found: np.ndarray
    expected: np.ndarray
    by_batch: np.ndarray | None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropped:
    """Gradients with dropout on.

    Arguments:
        keep: the share of units that is kept.
        case: its name.
        entries: by parameter, the gradient and the central difference of the code's own cost.
    """

    keep: float
    case: str
    entries: dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Submission:
    """Everything known about one file.

    Arguments:
        path: the file.
        layout: "dd2424", "cs231n", "torch module", "torch function", "contract"; "" where the
            file could not even be imported.
        assumed: what was taken for granted, in words for the user.
        penalty_forms: what the penalty may mean, the layout's own first: "full" is
            lambda ||W||^2, "half" lambda/2 ||W||^2.
        eps_forms: what the code may add to the variance, the likeliest first.
        lines: where functions and classes begin.
        answers: one per case; fewer or none where the code broke.
        findings: what went wrong.
        untried: kinds of networks that the code does not do, and why.
        states: parameters, running statistics, ... after updates, from code with a learner.
        output: what the code printed, cut.
        layers: single layers, from code that defines no network.
        ran: the Python that ran the code, in words.
        running: running statistics that an object of the code keeps.
        evaluations: what objects of the code gave in evaluation.
        dropped: gradients with dropout on.
        called_again: whether one object was called twice with the same inputs.
    """

    path: Path
    layout: str
    assumed: dict[str, str]
    penalty_forms: tuple[str, ...]
    eps_forms: tuple[float, ...]
    lines: dict[str, int]
    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]
    untried: tuple[str, ...] = ()
    states: dict[str, np.ndarray] = field(default_factory=dict)
    output: str = ""
    layers: tuple[LayerAnswer, ...] = ()
    ran: str = ""
    running: tuple[Running, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    called_again: bool = False
