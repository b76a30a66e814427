"""Standardise every pixel by the mean and standard deviation of the training images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64, UInt8
from numpy.typing import DTypeLike

_CHUNK = 256  # images: few enough for the cache, enough for NumPy's loops


@dataclass(frozen=True)
class PixelSums:
    """Exact integer sums and sums of squares of every pixel over n images."""

    n: int
    total: Int64[np.ndarray, " d"]
    squares: Int64[np.ndarray, " d"]

    def standardization(self, ddof: int = 0) -> "Standardization":
        """Mean and standard deviation of every pixel / 255.

        Arguments:
            ddof: the variance is divided by n - ddof; 0 gives the biased one.

        Raises:
            ValueError: n - ddof is not positive.
        """
        if self.n <= ddof:
            raise ValueError(f"ddof is {ddof}, but expected less than the {self.n} images")
        # n * squares - total^2 is n^2 times the variance, exact in integers.
        deviations = self.n * self.squares - self.total**2
        std = np.sqrt(deviations / (self.n * (self.n - ddof))) / 255
        return Standardization(self.total / (255 * self.n), std)


def pixel_sums(pieces: Sequence[UInt8[np.ndarray, "n d"]]) -> PixelSums:
    """Sums and sums of squares of every pixel over all pieces; images are rows."""
    d = pieces[0].shape[1]
    total = np.zeros(d, np.int64)
    squares = np.zeros(d, np.int64)
    for piece in pieces:
        for start in range(0, len(piece), _CHUNK):
            chunk = piece[start : start + _CHUNK].astype(np.uint16)  # 255^2 still fits
            total += chunk.sum(axis=0, dtype=np.uint32)
            chunk *= chunk
            squares += chunk.sum(axis=0, dtype=np.uint32)
    return PixelSums(sum(map(len, pieces)), total, squares)


@dataclass(frozen=True)
class Standardization:
    """Mean and standard deviation of every pixel, for values in 0..1."""

    mean: Float64[np.ndarray, " d"]
    std: Float64[np.ndarray, " d"]

    def apply(
        self, pieces: Sequence[UInt8[np.ndarray, "n d"]], dtype: DTypeLike
    ) -> Float[np.ndarray, "n d"]:
        """(x / 255 - mean) / std, computed in float64 and rounded once.

        A pixel that is constant in the training images is centred but not divided.

        Arguments:
            pieces: images in rows.
            dtype: of the result.

        Returns:
            The images of all pieces in order, C-contiguous.
        """
        divisor = np.where(self.std == 0, 1.0, self.std)
        X = np.empty((sum(map(len, pieces)), len(self.mean)), dtype)
        row = 0
        for piece in pieces:
            for start in range(0, len(piece), _CHUNK):
                chunk = piece[start : start + _CHUNK] / 255.0
                chunk -= self.mean
                chunk /= divisor
                X[row : row + len(chunk)] = chunk
                row += len(chunk)
        return X
