"""From the values of one pass to the network that computed them, from its softmax down."""

from collections.abc import Iterator

import numpy as np

from compare.watching.activations import KNOWN, Activation, activation_of, other_activation
from compare.watching.normalisation import Norm, norm_of
from compare.watching.rebuilt import Layer, Pass, Seen, Slip
from compare.watching.relations import (
    TOLERANCE,
    TOLERANCE_32,
    bias_left,
    close,
    dropped,
    softmax,
)
from compare.watching.values import FEW, Value, Values, mixture

DEEPEST = 40
"""Layers after which a search downwards ends."""

ZEROS = 0.05
"""Share of zeros from which on a nonnegative input looks like the output of a ReLU."""


TWICE = "the softmax is taken twice"

AXES = {"classes": 1, "samples": 0, "whole": None}
"""Over which axis a softmax may be taken, samples in rows."""

WRONG_AXES = {
    "samples": "the softmax is taken over the samples, not the classes",
    "whole": "the exponentials are divided by their sum over all samples and classes together",
}


class Rebuilder:
    """Searches the arrays of a recording for the layers of one pass."""

    def __init__(self, values: Values, index: int, n: int, tolerance: float) -> None:
        self.values, self.index, self.n, self.tolerance = values, index, n, tolerance
        self.over = "classes"

    def softmax(self, s: np.ndarray) -> np.ndarray:
        """As the program takes it."""
        return softmax(s, AXES[self.over])

    def seen(self, m: int, but: Value | None = None) -> Iterator[Seen]:
        """Arrays (n, m) seen before, the latest first."""
        for value in self.values.before(self.index + 1, (self.n, m)):
            if value is but:
                continue
            for rows, turned in value.views((self.n, m)):
                yield Seen(value, rows, turned)

    def affine(
        self, s: np.ndarray, source: Value | None = None, *, shifted: bool = False
    ) -> Layer | None:
        """The layer s = h W^T + b, if arrays for it were seen; `source` holds s."""
        m = s.shape[1]
        head = s[:FEW] @ mixture(m)  # (few,)
        allowed = 100 * self.tolerance * m * max(float(np.abs(s[:FEW]).max()), 1e-12)
        shapes = {shape for shape in self.values.by_shape if len(shape) == 2 and m in shape}
        for shape in sorted(shapes, key=lambda shape: -max(shape)):
            d = shape[0] if shape[1] == m else shape[1]
            inputs = list(self.seen(d))
            weights = [
                (weight, W, turned)
                for weight in self.values.before(self.index + 1, (m, d))
                for W, turned in weight.views((m, d))
            ]
            if not inputs or not weights:
                continue
            heads = np.stack([h.value.head(h.turned) for h in inputs])  # (inputs, few, d)
            mixed = np.stack([weight.mixed(turned) for weight, _, turned in weights])
            made = heads @ mixed.T  # (inputs, few, weights)
            rest = head[:, None] - made
            if self.n == 1:  # then any b would do: it must have been seen
                mixed_b = np.array([0.0, *(b @ mixture(m) for b in self.vectors(m))])
                near = np.abs(rest[:, 0, :, None] - mixed_b).min(axis=2) <= allowed
                near &= np.abs(made[:, 0]) > allowed
            else:
                near = np.ptp(rest, axis=1) <= allowed  # (inputs, weights)
            for j, i in np.argwhere(near.T):
                (weight, W, _), h = weights[j], inputs[i]
                if h.value is weight or h.rows is s or is_diagonal(W):
                    continue
                b = bias_left(s, h.rows, W, self.tolerance)
                if b is None and shifted:
                    b = bias_left(s, h.rows, W, self.tolerance, shifted=True)
                if b is not None and self.n == 1:
                    b = self.seen_bias(b, s, shifted)
                elif b is not None:
                    b = self.bias(b, s)
                if b is not None:
                    return Layer(weight, W, b, s, h, source)
        return None

    def vectors(self, m: int) -> list[np.ndarray]:
        """Vectors (m,) seen before."""
        return [value.array for value in self.values.before(self.index + 1, (m,))]

    def seen_bias(self, b: np.ndarray, s: np.ndarray, shifted: bool) -> np.ndarray | None:
        """The recorded vector or zeros that b is within its rounding; None where there is none.

        Arguments:
            shifted: whether b is known up to a constant.
        """
        doubt = 10 * self.tolerance * float(np.abs(s).max(initial=0))
        for vector in (*self.vectors(len(b)), np.zeros_like(b)):
            away = b - vector
            if np.abs(away - away.mean() * shifted).max() <= doubt:
                return vector
        return None

    def bias(self, b: np.ndarray, s: np.ndarray) -> np.ndarray:
        """The recorded vector that b, worked out of s, is within its rounding; else b."""
        doubt = 10 * self.tolerance * float(np.abs(s).max(initial=0))
        near = [
            (float(np.abs(value.array - b).max()), value)
            for value in self.values.before(self.index + 1, b.shape)
        ]
        error, nearest = min(near, key=lambda pair: pair[0], default=(np.inf, None))
        if nearest is not None and error <= doubt:
            return nearest.array
        return np.zeros_like(b) if np.abs(b).max() <= doubt else b

    def activation(self, h: Seen) -> tuple[Seen, Activation] | None:
        """z and f of h = f(z)."""
        for z in self.seen(h.rows.shape[1], h.value):
            f = activation_of(h.rows, z.rows, self.tolerance)
            if f is not None:
                return z, f
        return self.product_and_bias(h)

    def unknown_activation(self, h: Seen) -> str:
        """Says that h = f(z) with z of an affine layer and an f that has no derivation here."""
        for z in self.seen(h.rows.shape[1], h.value):
            name = other_activation(h.rows, z.rows, self.tolerance)
            if name and self.affine(z.rows, z.value) is not None:
                return f"a hidden layer's activation, which is {name}; known are {KNOWN}"
        return ""

    def product_and_bias(self, h: Seen) -> tuple[Seen, Activation] | None:
        """z of h = max(z, 0) where z = x W^T + b was not seen, but x W^T and b were."""
        m = h.rows.shape[1]
        vectors = self.vectors(m)
        if not vectors or (h.rows < 0).any():
            return None
        b = np.stack(vectors)[:, None]  # (vectors, 1, m)
        limit = self.tolerance * float(np.abs(h.rows).max(initial=0))
        for product in self.seen(m, h.value):
            made = np.maximum(product.rows[None, :FEW] + b, 0)
            near = np.abs(made - h.rows[:FEW]).max(axis=(1, 2)) <= limit
            for at in np.flatnonzero(near):
                z = product.rows + vectors[at]
                f = activation_of(h.rows, z, self.tolerance)
                if f is not None:
                    return Seen(product.value, z, product.turned), f
        return None

    def dropout(self, h: Seen) -> tuple[Seen, np.ndarray, float] | None:
        """x, the mask and the factor of h = factor mask x, where x is an activation's output."""
        for x in self.seen(h.rows.shape[1], h.value):
            found = dropped(h.rows, x.rows, self.tolerance)
            if found is not None and self.activation(x) is not None:
                return x, *found
        return None

    def normalised(self, z: Seen) -> tuple[Layer, Norm] | None:
        """The affine layer below z, and the normalisation between the two."""
        for u in self.seen(z.rows.shape[1], z.value):
            norm = norm_of(z.rows, u.value, u.rows, self.values, self.index + 1, self.tolerance)
            if norm is None:
                continue
            layer = self.affine(u.rows, u.value)
            if layer is not None:
                return layer, norm
        return None


def rebuild(values: Values, p: Value, axis: int, index: int, *, over: str = "classes") -> Pass:
    """The network below probabilities.

    Arguments:
        p: the probabilities.
        axis: along which they sum to 1.
        index: of the event up to which the program had run.
        over: over what the softmax is taken, one of `AXES`; with "samples" the axis is theirs.
    """
    columns = p.array.ndim == 2 and (axis == 0) != (over == "samples")
    rows = p.array.T if columns else np.atleast_2d(p.array)
    tolerance = TOLERANCE_32 if p.raw.dtype.itemsize < 8 else TOLERANCE
    found = Pass(index, Seen(p, rows, columns), columns, tolerance)
    search = Rebuilder(values, index, len(rows), tolerance)
    search.over = over
    top = last_layer(search, found)
    if over in WRONG_AXES:
        found.slips.append(Slip(p, WRONG_AXES[over]))
    if top is None:
        return found
    found.layers.append(top)
    while len(found.layers) < DEEPEST:
        below = layer_below(search, found, found.layers[0].h)
        if below is None:
            break
        found.layers.insert(0, below)
    number_slips(found)
    return found


def last_layer(search: Rebuilder, found: Pass) -> Layer | None:
    """The affine layer whose output the softmax is taken of."""
    p = found.p
    candidates = [
        s
        for s in search.seen(p.rows.shape[1], p.value)
        if close(search.softmax(s.rows), p.rows, max(search.tolerance, 1e-7))
    ]
    for shifted in (False, True):
        for s in candidates:
            layer = search.affine(s.rows, s.value, shifted=shifted)
            if layer is not None:
                return layer
    for s in candidates:
        act = search.activation(s)
        if act is not None:
            layer = search.affine(act[0].rows, act[0].value)
            if layer is not None:
                found.slips.append(Slip(s.value, "the softmax is taken of a ReLU of the logits"))
                return layer
        twice = [
            t
            for t in search.seen(p.rows.shape[1], s.value)
            if close(softmax(t.rows), s.rows, max(search.tolerance, 1e-7))
        ]
        for t in twice:
            layer = search.affine(t.rows, t.value, shifted=True)
            if layer is not None:
                found.slips.append(Slip(p.value, TWICE))
                return layer
    if not candidates:
        with np.errstate(divide="ignore"):
            s_rows = np.log(p.rows)
        if np.isfinite(s_rows).all():
            return search.affine(s_rows, shifted=True)
    return None


def layer_below(search: Rebuilder, found: Pass, h: Seen) -> Layer | None:
    """The layer whose output is the input h of the layer above; None at the network's input."""
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
            found.lacks = other or found.lacks
            found.complete = not other and not looks_rectified(h.rows)
            return None
        found.slips.append(Slip(h.value, "there is no activation between two layers"))
        layer.x = layer.z = h
        return layer
    z, activation = act
    layer = search.affine(z.rows, z.value)
    norm = after
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


def is_diagonal(W: np.ndarray) -> bool:
    """Whether a matrix only scales, such as diag(1 / root of the variance)."""
    return len(W) == W.shape[1] and np.count_nonzero(W) <= len(W) and bool(np.diag(W).any())


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
