"""From the values of one pass to the network that computed them, from its softmax down."""

import numpy as np
from scipy.special import logit

from compare.derivation import ACTIVATIONS
from compare.watching.normalisation import Norm, norm_of
from compare.watching.probabilities import Probabilities
from compare.watching.rebuilder import Rebuilder
from compare.watching.rebuilt import Layer, Pass, Seen, Slip
from compare.watching.relations import TOLERANCE, TOLERANCE_32, close
from compare.watching.values import Values

DEEPEST = 40
"""Layers after which a search downwards ends."""

ZEROS = 0.05
"""Share of zeros from which on a nonnegative input looks like the output of a ReLU."""


SHIFTED = "a normalisation that subtracts the mean and does not divide by the deviation"
"""The name of a layer that subtracts the mean and may add a vector."""

DEAD = "a hidden layer whose units are 0 for every sample (dead ReLUs)"

TWICE = "the {} is taken twice"

NORMALISED = "logits that are normalised, as by a batch norm after the last layer"

WRONG_AXES = {
    "samples": "the softmax is taken over the samples, not the classes",
    "whole": "the exponentials are divided by their sum over all samples and classes together",
}


def search_below(values: Values, p: Probabilities, over: str) -> tuple[Rebuilder, Pass]:
    """The search for the network below probabilities, and the pass with its output alone.

    Arguments:
        over: over what the softmax is taken, see `rebuilder.AXES`; with "samples", what sums to 1
            are the samples.
    """
    columns, rows = p.columns, p.rows
    if over == "samples":
        columns, rows = not columns, rows.T
    tolerance = TOLERANCE_32 if p.value.raw.dtype.itemsize < 8 else TOLERANCE
    index = p.value.first
    found = Pass(index, Seen(p.value, rows, columns), columns, tolerance, softmax=over != "each")
    search = Rebuilder(values, index, len(rows), tolerance)
    search.over = over
    return search, found


def rebuild(values: Values, p: Probabilities, *, over: str) -> Pass:
    """The network below probabilities; `over` as in `search_below`."""
    search, found = search_below(values, p, over)
    top = last_layer(search, found)
    if over in WRONG_AXES:
        found.slips.append(Slip(p.value, WRONG_AXES[over]))
    if top is None:
        return found
    found.layers.append(top)
    while len(found.layers) < DEEPEST:
        below = layer_below(search, found, found.layers[0].h)
        if below is None:
            break
        found.layers.insert(0, below)
    if p.value.array.ndim == 1 and not p.columns:  # a vector has no orientation of its own
        found.columns = found.layers[0].h.turned
    number_slips(found)
    return found


def last_layer(search: Rebuilder, found: Pass) -> Layer | None:
    """The affine layer whose output the softmax, or each sigmoid, is taken of."""
    p, end = found.p, "softmax" if found.softmax else "sigmoid"
    candidates = [
        s
        for s in search.seen(p.rows.shape[1], p.value)
        if close(search.probabilities(s.rows), p.rows, max(search.tolerance, 1e-7))
    ]
    for shifted in (False,) if end == "sigmoid" else (False, True):
        layers = (search.affine(s.rows, s.value, shifted=shifted) for s in candidates)
        made = [layer for layer in layers if layer is not None]
        if made:
            # less a number, such as the largest logit of all, logits fit with another b
            return next((layer for layer in made if search.has_seen(layer.b)), made[0])
    for s in candidates:
        twice = [
            t
            for t in search.seen(p.rows.shape[1], s.value)
            if close(search.probabilities(t.rows), s.rows, max(search.tolerance, 1e-7))
        ]
        for t in twice:
            layer = search.affine(t.rows, t.value, shifted=end == "softmax")
            if layer is not None:
                found.slips.append(Slip(p.value, TWICE.format(end)))
                return layer
        act = search.activation(s)
        if act is not None:
            layer = search.affine(act[0].rows, act[0].value)
            if layer is not None:
                said = f"the {end} is taken of a {ACTIVATIONS[act[1].kind].name} of the logits"
                found.slips.append(Slip(s.value, said))
                return layer
    if any(search.normalised(s) is not None for s in candidates):
        found.lacks = NORMALISED
    if not candidates:
        with np.errstate(divide="ignore"):
            s_rows = logit(p.rows) if end == "sigmoid" else np.log(p.rows)
        if np.isfinite(s_rows).all():
            return search.affine(s_rows, shifted=end == "softmax")
    return None


def layer_below(search: Rebuilder, found: Pass, h: Seen) -> Layer | None:
    """The layer whose output is the input h of the layer above; None at the network's input."""
    if not h.rows.any():  # anything times weights of 0 would explain it
        found.complete, found.lacks = False, DEAD
        return None
    mask, factor, x = None, 1.0, h
    after: Norm | None = None
    act = search.activation(h)
    if act is None:
        without = search.dropout(h)
        if without is not None:
            x, mask, factor = without
            act = search.activation(x)
    if act is None:
        for u in search.seen(h.rows.shape[1], h.value):
            norm = norm_of(
                h.rows, u.value, u.rows, search.values, search.index + 1, search.tolerance
            )
            if norm is not None and (act := search.activation(u)) is not None:
                after, x = norm, u
                break
    if act is None:
        layer = search.affine(h.rows, h.value)
        if layer is None:
            other = search.unknown_activation(h)
            if not other and search.n > 1 and search.shifted(h) and search.centred(h):
                other = SHIFTED
            found.lacks = other or found.lacks
            found.complete = not other and (search.drawn(h) or not looks_rectified(h.rows))
            return None
        if (h.rows < 0).any():  # else a ReLU would change nothing
            found.slips.append(Slip(h.value, "there is no activation between two layers"))
        layer.x = layer.z = h
        return layer
    z, activation = act
    layer = search.affine(z.rows, z.value)
    norm = after
    if layer is not None and not search.has_seen(layer.b) and search.centred(z):
        found.complete, found.lacks = False, SHIFTED
        return None
    if layer is None:
        below = search.normalised(z)
        if below is None:
            return None
        layer, norm = below
    layer.z, layer.x, layer.activation, layer.norm = z, x, activation, norm
    layer.mask, layer.factor = mask, factor
    if norm is not None:
        norm.after = after is not None
    return layer


def looks_rectified(h: np.ndarray) -> bool:
    """Whether an input is rather the output of a ReLU whose input was not seen."""
    return bool((h >= 0).all() and (h == 0).mean() > ZEROS and h.max() != 1)


def number_slips(found: Pass) -> None:
    """Adds what is wrong in normalisations, the lowest layer's first."""
    slips = []
    for l, layer in enumerate(found.layers, start=1):
        if layer.norm is not None and layer.norm.wrong:
            assert layer.z is not None
            value = layer.z.value
            said = f"{layer.norm.kind} norm of layer {l}: {layer.norm.wrong}"
            slips.append(Slip(value, said, layer.norm))
    found.slips[:0] = slips
