"""From the values of one pass to the network that computed them, from its softmax down."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from compare.watching.normalisation import Norm, norm_of
from compare.watching.relations import (
    TOLERANCE,
    TOLERANCE_32,
    bias_left,
    close,
    dropped,
    leaky_slope,
    softmax,
)
from compare.watching.values import FEW, Value, Values, mixture

DEEPEST = 40
"""Layers after which a search downwards ends."""

ZEROS = 0.05
"""Share of zeros from which on a nonnegative input looks like the output of a ReLU."""


TWICE = "the softmax is taken twice"


@dataclass(frozen=True)
class Seen:
    """An array of the pass, turned so that samples are rows.

    Arguments:
        value: where it comes from.
        rows: (n, m).
        turned: whether it was transposed for that.
    """

    value: Value
    rows: np.ndarray
    turned: bool


@dataclass
class Layer:
    """One affine layer and what follows it, as rebuilt.

    Arguments:
        W: (out, in); b: (out,); `weight` is the array that holds W.
        s: output of the affine map, (n, out).
        h: its input, (n, in); `source` is the array that s was read from, if any.
        norm: a normalisation, where there is one.
        z: input of the activation, where there is one; x: its output; slope below 0.
        mask, factor: of dropout, where there is one.
    """

    weight: Value
    W: np.ndarray
    b: np.ndarray
    s: np.ndarray
    h: Seen
    source: Value | None = None
    norm: Norm | None = None
    z: Seen | None = None
    x: Seen | None = None
    slope: float = 0.0
    mask: np.ndarray | None = None
    factor: float = 1.0


@dataclass(frozen=True)
class Slip:
    """Something in the forward pass that is not as it should be, found while rebuilding.

    Arguments:
        value: the array that holds it.
        said: what is wrong, in a sentence.
        norm: the normalisation that it is in, where it is in one.
    """

    value: Value
    said: str
    norm: Norm | None = None


@dataclass
class Pass:
    """One forward pass as rebuilt.

    Arguments:
        index: of the event where the probabilities were first seen.
        p: the probabilities (n, classes).
        columns: whether the program keeps samples in columns.
        layers: from the first to the last.
        slips: what is wrong in it, the first layer's first.
        complete: whether the search ended at an input.
    """

    index: int
    p: Seen
    columns: bool
    tolerance: float
    layers: list[Layer] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    complete: bool = False

    @property
    def n(self) -> int:
        return len(self.p.rows)

    @property
    def X(self) -> np.ndarray:
        """The minibatch (n, d)."""
        return self.layers[0].h.rows


class Rebuilder:
    """Searches the arrays of a recording for the layers of one pass."""

    def __init__(self, values: Values, index: int, n: int, tolerance: float) -> None:
        self.values, self.index, self.n, self.tolerance = values, index, n, tolerance
        self.over_samples = False

    def softmax(self, s: np.ndarray) -> np.ndarray:
        """As the program takes it."""
        return softmax(s.T).T if self.over_samples else softmax(s)

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
                if not diagonal(W)
            ]
            if not inputs or not weights:
                continue
            heads = np.stack([h.value.head(h.turned) for h in inputs])  # (inputs, few, d)
            mixed = np.stack([weight.mixed(turned) for weight, _, turned in weights])
            rest = head[:, None] - heads @ mixed.T  # (inputs, few, weights)
            near = np.ptp(rest, axis=1) <= allowed  # (inputs, weights)
            for j, i in np.argwhere(near.T):
                (weight, W, _), h = weights[j], inputs[i]
                if h.value is weight or h.rows is s:
                    continue
                b = bias_left(s, h.rows, W, self.tolerance)
                if b is None and shifted:
                    b = bias_left(s, h.rows, W, self.tolerance, shifted=True)
                if b is not None:
                    return Layer(weight, W, self.bias(b, s), s, h, source)
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

    def activation(self, h: Seen) -> tuple[Seen, float] | None:
        """z and the slope of h = max(z, 0) + slope min(z, 0)."""
        for z in self.seen(h.rows.shape[1], h.value):
            slope = leaky_slope(h.rows, z.rows, self.tolerance)
            if slope is not None:
                return z, slope
        return self.product_and_bias(h)

    def product_and_bias(self, h: Seen) -> tuple[Seen, float] | None:
        """z of h = max(z, 0) where z = x W^T + b was not seen, but x W^T and b were."""
        m = h.rows.shape[1]
        vectors = [value.array for value in self.values.before(self.index + 1, (m,))]
        if not vectors or (h.rows < 0).any():
            return None
        b = np.stack(vectors)[:, None]  # (vectors, 1, m)
        limit = self.tolerance * float(np.abs(h.rows).max(initial=0))
        for product in self.seen(m, h.value):
            made = np.maximum(product.rows[None, :FEW] + b, 0)
            near = np.abs(made - h.rows[:FEW]).max(axis=(1, 2)) <= limit
            for at in np.flatnonzero(near):
                z = product.rows + vectors[at]
                slope = leaky_slope(h.rows, z, self.tolerance)
                if slope is not None:
                    return Seen(product.value, z, product.turned), slope
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


def rebuild(values: Values, p: Value, axis: int, index: int, *, over_samples: bool = False) -> Pass:
    """The network below probabilities.

    Arguments:
        p: the probabilities.
        axis: along which they sum to 1.
        index: of the event up to which the program had run.
        over_samples: whether that axis is taken for the samples: a softmax over the wrong axis.
    """
    columns = (axis == 0) != over_samples
    rows = p.array.T if columns else p.array
    tolerance = TOLERANCE_32 if p.raw.dtype.itemsize < 8 else TOLERANCE
    found = Pass(index, Seen(p, rows, columns), columns, tolerance)
    search = Rebuilder(values, index, len(rows), tolerance)
    search.over_samples = over_samples
    top = last_layer(search, found)
    if over_samples:
        found.slips.append(Slip(p, "the softmax is taken over the samples, not the classes"))
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
            found.complete = not looks_rectified(h.rows)
            return None
        found.slips.append(Slip(h.value, "there is no activation between two layers"))
        layer.x = layer.z = h
        return layer
    z, slope = act
    layer = search.affine(z.rows, z.value)
    norm = after
    if layer is None:
        below = search.normalised(z)
        if below is None:
            return None
        layer, norm = below
    layer.z, layer.x, layer.slope, layer.norm = z, x, slope, norm
    layer.mask, layer.factor = mask, factor
    if norm is not None:
        norm.after = after is not None
    return layer


def diagonal(W: np.ndarray) -> bool:
    """Whether a square matrix only scales each unit, as batch norm written with np.diag does."""
    m, d = W.shape
    return m == d > 1 and np.count_nonzero(W) == np.count_nonzero(W.diagonal())


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
            said = f"batch norm of layer {l}: {layer.norm.wrong}"
            slips.append(Slip(value, said, layer.norm))
    found.slips[:0] = slips
