"""A synthetic stand-in for CIFAR-10 with the same shapes, types and sizes, generated from a seed.

An image is a mixture of smooth waves plus pixel noise. The amplitudes of the waves are random, then
shifted according to a code of 16 signs, each of which shifts its own pattern of amplitudes up or
down. A class has seven codes, that is, seven corners of a 16-dimensional cube. They are variations
of one code, so a linear classifier learns something; they are scattered among the corners of other
classes, so hidden layers learn more; and the shift is weak, so no classifier is perfect.

Every machine generates the same bits. All random numbers are integers, because the tails of NumPy's
normal numbers depend on the C library's logarithm. All sums are of integers below 2^24, which
float32 represents exactly, so BLAS's order of summation does not matter. Only a new release of
NumPy may change its generators; the tests pin the digest of the data.
"""

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from twingrad.streams import stream

Batch = tuple[UInt8[np.ndarray, "n 3072"], Int64[np.ndarray, " n"]]

CLASSES = 10
BATCH_SIZE = 10_000
CODES = 7  # per class; more codes make the classes harder to separate linearly
SIGNS = 16  # per code
FREQUENCIES = 4  # along each axis
LATENTS = 3 * FREQUENCIES**2  # amplitudes per image, for 3 colours

SIGNAL = 4  # size of the shift; relative to NUISANCE it determines the best possible accuracy
NUISANCE = 25  # an amplitude is the sum of four uniform integers in -25..25
NOISE = 31  # pixel noise is uniform in -31..31 grey levels

# Rows: red, green and blue in terms of brightness and two opponent colours.
COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -1, 0]])
BRIGHTNESS_OVER_COLOUR = 3
GREY_LEVEL = 2048  # one grey level in the units of the mixture


def synthetic_batches(seed: int = 0) -> tuple[list[Batch], Batch]:
    """Five training batches and the test batch, with 1,000 images per class in random order.

    Arguments:
        seed: at least 0; another seed gives other classes and other images.

    Returns:
        The training batches and the test batch. Each is a pair of images, uint8 (10000, 3072), in
        which a row holds 1024 red, 1024 green and 1024 blue values, and labels, int64 (10000,) in
        0..9.
    """
    rng = stream(seed, "synthetic classes")
    patterns = rng.integers(-1, 2, size=(SIGNS, LATENTS))
    class_code = rng.integers(2, size=(CLASSES, 1, SIGNS))
    flipped = rng.integers(4, size=(CLASSES, CODES, SIGNS)) == 0
    codes = 2 * (class_code ^ flipped) - 1  # (class, code, sign), -1 or 1
    pushes = (SIGNAL * codes @ patterns).astype(np.float32)  # (class, code, latent)
    waves = _waves()

    batches = [_batch(stream(seed, "synthetic batch", i), pushes, waves) for i in range(6)]
    return batches[:5], batches[5]


def _waves() -> Float32[np.ndarray, "latents 3072"]:
    """The image of each latent, in integers: two-dimensional cosines, stronger at low frequency."""
    frequency = np.arange(FREQUENCIES)
    # No 8 cos(..) here is within 0.03 of a half-integer, so rounding removes platform differences.
    cosines = np.rint(8 * np.cos(np.pi / 64 * np.outer(frequency, 2 * np.arange(32) + 1)))
    strength = np.rint(12 / np.sqrt(1 + frequency[:, None] + frequency))
    planes = np.einsum("uv,ur,vc->uvrc", strength, cosines, cosines).reshape(-1, 1024)

    colours = COLOURS * [BRIGHTNESS_OVER_COLOUR, 1, 1]  # (channel, colour)
    waves = np.einsum("kl,fp->lfkp", colours, planes)  # (colour, frequency, channel, pixel)
    return waves.reshape(LATENTS, 3072).astype(np.float32)


def _batch(
    rng: np.random.Generator,
    pushes: Float32[np.ndarray, "classes codes latents"],
    waves: Float32[np.ndarray, "latents 3072"],
) -> Batch:
    labels = rng.permutation(np.arange(BATCH_SIZE, dtype=np.int64) % CLASSES)
    shape = (4, BATCH_SIZE, LATENTS)
    uniform = rng.integers(-NUISANCE, NUISANCE + 1, size=shape, dtype=np.int8)
    latents = uniform.sum(axis=0, dtype=np.float32)  # roughly normal
    latents += pushes[labels, rng.integers(CODES, size=BATCH_SIZE)]

    pixels = latents @ waves  # (n, 3072)
    pixels /= GREY_LEVEL  # a power of two: exact
    pixels += rng.integers(-NOISE, NOISE + 1, size=pixels.shape, dtype=np.int8)
    pixels += 128
    return np.clip(pixels, 0, 255, out=pixels).astype(np.uint8), labels
