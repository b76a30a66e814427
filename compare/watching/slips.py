"""Mistakes that stand between the arrays of the derivation: a bias that is updated and not used, a
gradient that is one number, a wrong term inside batch norm's backward pass."""

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from compare.watching.judge import Judged
from compare.watching.passes import Update
from compare.watching.recording import Event, Recording
from compare.watching.relations import scaled
from compare.watching.result import Finding, Place
from compare.watching.values import Value, Values
from twingrad.layers import BATCH_NORMS

ZERO = 1e-12
"""A sum this small, relative to its largest term, is rounding."""

ONE = 1e-6
"""A factor this near to 1, relative to it, is 1."""


def place_of(recording: Recording, event: Event) -> Place:
    """The line of an event."""
    site = event.site
    return Place(recording.files[site.file].label, site.line, recording.text(site))


def unused_biases(recording: Recording, updates: list[Update]) -> Iterator[Finding]:
    """Biases that an update changed and the next forward pass did not add."""
    for before, after in pairwise(updates):
        if before.roles is None or after.case is None:
            continue
        for name, role in before.roles.updates.items():
            if not name.startswith("b") or name.startswith("beta"):
                continue
            used = after.case.parameters[name]
            if used.any() or not np.abs(role.gradient).max() > 1e-12:
                continue
            layer = after.found.layers[int(name[1:]) - 1]
            if layer.source is None:
                continue
            said = f"Forward pass: {name} is updated, but it is not added to the output of layer "
            said += f"{name[1:]}."
            yield Finding("forward", place_of(recording, layer.source.shown), (said,))
            return


def single_numbers(values: Values, judged: Judged) -> Iterator[Finding]:
    """Gradients of b, gamma or beta that are one number: summed over the units too."""
    update, n = judged.update, judged.update.found.n
    assert update.right is not None
    assert update.roles is not None
    for name in update.right:
        role = update.roles.found.get(name)
        vector = name.rstrip("0123456789") in ("b", "gamma", "beta")
        told = role is not None and role.status == "right"
        if not vector or told or update.right[name].size == 1:
            continue
        for event in values.recording.events[update.found.index : update.end]:
            if event.value is None or event.site.kind not in ("assign", "augmented", "return"):
                continue
            if is_total(values.recording, event, judged.conventions.extra * update.right[name], n):
                said = (
                    f"Backward pass, first wrong: the gradient of {name}. It is one number, summed "
                    "over the units too. Sum over the samples alone."
                )
                yield Finding("backward", place_of(values.recording, event), (said,))
                break


def is_total(recording: Recording, event: Event, gradient: np.ndarray, n: int) -> bool:
    """Whether a number is a gradient's sum over its units: 0 but for rounding in the last layer."""
    assert event.value is not None
    total = float(gradient.sum())
    if abs(total) > ZERO * np.abs(gradient).max():
        means = (1, n, 1 / len(gradient), n / len(gradient))
        return any(abs(abs(event.value) - c * abs(total)) <= 1e-9 * c * abs(total) for c in means)
    rounding = abs(event.value) <= ZERO * n * np.abs(gradient).max()
    return rounding and re.search(r"\b(sum|mean)\b", recording.text(event.site)) is not None


def inside_batch_norm(values: Values, judged: Judged) -> Value | None:
    """The wrong term of a batch norm's backward pass: the first that is a multiple,
    other than 1, of what it should be.

    The terms are those of the computational graph s - mu -> square -> mean -> root -> reciprocal.
    """
    update = judged.update
    name = judged.tensor
    if update.case is None or not name.startswith("s") or not name[1:].isdigit():
        return None
    l = int(name[1:])
    if update.case.network.normalization not in BATCH_NORMS:
        return None
    if update.roles is None or update.right is None:
        return None
    trace = update.trace or {}
    above = update.roles.found.get(f"s_hat{l}") or update.roles.found.get(f"s_tilde{l}")
    if above is None or judged.wrong is None:
        return None
    scale = above.c
    expected = terms(trace, update.right, l, update.case.network.eps)
    for value in values.all:
        if not above.value.first < value.first <= judged.wrong.first:
            continue
        if any(
            role.value is value for role in update.roles.found.values() if role.status == "right"
        ):
            continue
        for term in expected:
            for rows, _ in value.views(term.shape):
                fit = scaled(rows, term)
                if fit.error <= 10 * update.found.tolerance:
                    if abs(abs(fit.c / scale) - 1) > ONE:
                        return value
                    break
    return None


def other_mean(values: Values, judged: Judged) -> Finding | None:
    """A batch norm whose backward pass is wrong and subtracts another mean from s than the
    minibatch's, such as the running one."""
    update, found = judged.update, judged.update.found
    name = judged.tensor.rstrip("0123456789")
    l = judged.tensor[len(name) :]
    if judged.wrong is None or name not in ("s", "mu", "v", "s_hat") or update.trace is None:
        return None
    mu = np.asarray(update.trace.get(f"mu{l}", np.zeros(0)))
    s = np.asarray(update.trace[f"s{l}"])
    if mu.shape != s.shape[1:]:
        return None
    limit = 10 * found.tolerance * float(np.abs(s).max())
    known = (mu, found.layers[int(l) - 1].b)
    for value in values.within(found.index + 1, judged.wrong.first, s.shape):
        for rows, _ in value.views(s.shape):
            mean = (s - rows)[0]
            constant = value.named and mean.any() and np.abs(s - rows - mean).max() <= limit
            if not constant or any(np.abs(mean - v).max() <= limit for v in known):
                continue
            if value.first < found.index or "-" not in values.recording.text(value.shown.site):
                continue  # s of another pass, with another b
            held = values.before(value.first, mean.shape)
            near = [v for v in held if v.named and np.abs(v.array - mean).max() <= limit]
            said = f"Backward pass, first wrong: batch norm of layer {l}. This line subtracts from "
            said += f"s{l} a mean that is not the minibatch's"
            if near:
                said += f", but {near[0].shown.name} of line {near[0].shown.site.line}"
            return Finding("backward", place_of(values.recording, value.shown), (f"{said}.",))
    return None


def terms(
    trace: dict[str, np.ndarray] | object, right: dict[str, np.ndarray] | object, l: int, eps: float
) -> list[np.ndarray]:
    """Gradients of the intermediates between s and s_hat, (n, m) or (m,)."""
    s, mu, v = (trace[f"{name}{l}"] for name in ("s", "mu", "v"))  # type: ignore[index]
    G = right[f"s_hat{l}"]  # type: ignore[index]
    n = len(s)
    centred, root = s - mu, np.sqrt(v + eps)
    reciprocal = (G * centred).sum(axis=0)
    variance = -0.5 * reciprocal / root**3
    square = np.tile(variance / n, (n, 1))
    return [G / root, square, 2 * centred * square, G / root + 2 * centred * square]
