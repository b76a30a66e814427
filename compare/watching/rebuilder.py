"""Searches the arrays of a recording for the layers of one pass."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.special import expit

from compare.numerics.functions import softmax
from compare.watching.activations import (
    KNOWN,
    UNNAMED,
    Activation,
    activation_of,
    other_activation,
    possible,
)
from compare.watching.normalisation import Norm, norm_of
from compare.watching.rebuilt import Layer, Seen
from compare.watching.relations import bias_left, dropped
from compare.watching.values import FEW, Value, Values, mixture

AXES = {"classes": 1, "samples": 0, "whole": None}
"""Over which axis a softmax may be taken, samples in rows. "each" stands for a sigmoid of every
logit."""

CENTRED = 1e-6
"""Largest mean of a unit, relative to the range of all, of an array that is s - mu."""


class Rebuilder:
    """Searches the arrays of a recording for the layers of one pass."""

    def __init__(self, values: Values, index: int, n: int, tolerance: float) -> None:
        self.values, self.index, self.n, self.tolerance = values, index, n, tolerance
        self.over = "classes"

    def probabilities(self, s: np.ndarray) -> np.ndarray:
        """The softmax along the axis that the program uses, or the sigmoids."""
        return np.asarray(expit(s)) if self.over == "each" else softmax(s, AXES[self.over])

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
        vectors = [shape for shape in self.values.by_shape if len(shape) == 1]
        shapes |= {(m, d) for (d,) in vectors if m == 1} | {(m, 1) for (d,) in vectors if d == m}
        for shape in sorted(shapes, key=lambda shape: -max(shape)):
            d = shape[1] if shape[0] == m else shape[0]
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
                if h.value is weight or h.rows is s or is_diagonal(W) or is_permutation(h.rows):
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

    def drawn(self, h: Seen) -> bool:
        """Whether the samples are some of a larger array seen before, as a minibatch's are."""
        m = h.rows.shape[1]
        larger = (shape for shape in self.values.by_shape if len(shape) == 2 and m in shape)
        for shape in larger:
            n = shape[1] if shape[0] == m else shape[0]
            if n <= len(h.rows):
                continue
            for value in self.values.before(h.value.first, (n, m)):
                for rows, _ in value.views((n, m)):
                    if all((rows == sample).all(axis=1).any() for sample in h.rows[:FEW]):
                        return True
        return False

    @cached_property
    def numbers(self) -> list[float]:
        """Numbers seen before, one of which may be the b of a single unit; 0 too."""
        return [0.0, *self.values.numbers(self.index)]

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

    def has_seen(self, b: np.ndarray) -> bool:
        """Whether b is 0 or a vector that was recorded."""
        if len(b) == 1:  # recorded as a number
            return b[0] in self.numbers
        return not b.any() or any(np.array_equal(b, vector) for vector in self.vectors(len(b)))

    def bias(self, b: np.ndarray, s: np.ndarray) -> np.ndarray:
        """The recorded vector that b, worked out of s, is within its rounding; else b."""
        doubt = 10 * self.tolerance * float(np.abs(s).max(initial=0))
        if b.size == 1:
            numbers = np.array(self.numbers)
            nearest = numbers[np.abs(numbers - b[0]).argmin()]
            return np.array([nearest]) if abs(nearest - b[0]) <= doubt else b
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
        """Says that h = f(z) with an f that has no derivation here; h may have ones for a bias.

        An f without a name is one only if z is the output of an affine layer.
        """
        edges = [at for at in (0, -1) if (h.rows[:, at] == 1).all() and h.rows.shape[1] > 1]
        for rows in (h.rows, *(np.delete(h.rows, at, axis=1) for at in edges)):
            for z in self.seen(rows.shape[1], h.value):
                name = other_activation(rows, z.rows, self.tolerance)
                affine = name == UNNAMED and self.affine(z.rows, z.value) is not None
                if name and (name != UNNAMED or affine):
                    return f"a hidden layer's activation, which is {name}; known are {KNOWN}"
        return ""

    def shifted(self, h: Seen) -> bool:
        """Whether h is the output of a layer with the same vector added to every sample."""
        for z in self.seen(h.rows.shape[1], h.value):
            away = h.rows - z.rows
            limit = 10 * self.tolerance * float(np.abs(h.rows).max(initial=0))
            same = np.abs(away - away[0]).max(initial=0) <= limit < np.abs(away).max(initial=0)
            if same and (self.activation(z) or self.affine(z.rows, z.value)):
                return True
        return False

    def centred(self, z: Seen) -> bool:
        """Whether an array whose columns have mean 0 differs from z by a vector."""
        limit = 10 * self.tolerance * float(np.abs(z.rows).max(initial=0))
        for a in (z, *self.seen(z.rows.shape[1], z.value)):
            away = z.rows - a.rows
            if np.abs(away - away[0]).max() <= limit and np.abs(a.rows.mean(axis=0)).max() <= limit:
                return True
        return False

    def product_and_bias(self, h: Seen) -> tuple[Seen, Activation] | None:
        """z of h = f(z) where z = x W^T + b was not seen, but x W^T and b were."""
        m = h.rows.shape[1]
        vectors = self.vectors(m)
        functions = possible(h.rows)
        if not vectors or not functions:
            return None
        b = np.stack(vectors)[:, None]  # (vectors, 1, m)
        limit = self.tolerance * float(np.abs(h.rows).max(initial=0))
        for product in self.seen(m, h.value):
            first = product.rows[None, :FEW] + b
            near = [np.abs(f(first) - h.rows[:FEW]).max(axis=(1, 2)) <= limit for f in functions]
            for at in np.flatnonzero(np.any(near, axis=0)):
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
        """The affine layer below z, and the normalisation between the two.

        s - mu fits as well as s, with b - mu for b, so it is taken only if s was not seen.
        """
        centred: tuple[Layer, Norm] | None = None
        for u in self.seen(z.rows.shape[1], z.value):
            norm = norm_of(z.rows, u.value, u.rows, self.values, self.index + 1, self.tolerance)
            if norm is None:
                continue
            layer = self.affine(u.rows, u.value)
            if layer is not None and np.abs(u.rows.mean(axis=0)).max() > CENTRED * np.ptp(u.rows):
                return layer, norm
            if layer is not None:
                centred = centred or (layer, norm)
        return centred


def is_diagonal(W: np.ndarray) -> bool:
    """Whether a matrix only scales, such as diag(1 / root of the variance)."""
    return W.shape == (len(W), len(W)) and not (W - np.diag(np.diag(W))).any()


def is_permutation(h: np.ndarray) -> bool:
    """Whether an input is a permuted identity, such as the labels of as many samples as classes:
    its product with any array is that array."""
    if h.shape != (len(h), len(h)) or not ((h == 0) | (h == 1)).all():
        return False
    return bool((h.sum(axis=0) == 1).all() and (h.sum(axis=1) == 1).all())
