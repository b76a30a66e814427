"""The stand-in is drawn once; afterwards its file gives the same images."""

import numpy as np
import pytest

from twingrad.cifar import cache

BATCHES = [
    (np.full((10_000, 3072), number, np.uint8), np.full(10_000, number, np.int64))
    for number in range(6)
]


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """An empty cache, and how often the stand-in was drawn."""
    times = []

    def draw():
        times.append(1)
        return BATCHES[:5], BATCHES[5]

    monkeypatch.setattr(cache, "default_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(cache, "synthetic_batches", draw)
    return times


def same(one, other):
    pairs = zip([*one[0], one[1]], [*other[0], other[1]], strict=True)
    return all(
        np.array_equal(a, b) and a.dtype == b.dtype
        for left, right in pairs
        for a, b in zip(left, right, strict=True)
    )


def test_the_stand_in_is_drawn_once(drawn):
    first, second = cache.kept_batches(), cache.kept_batches()
    assert same(first, second)
    assert same(first, (BATCHES[:5], BATCHES[5]))
    assert len(drawn) == 1


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", None])
def test_a_damaged_file_is_drawn_anew(drawn, tmp_path, damage):
    cache.kept_batches()
    (path,) = (tmp_path / "cache").iterdir()
    content = bytearray(path.read_bytes())
    content[5_000_000] ^= 1  # inside the images: their checksum is wrong
    path.write_bytes(content if damage is None else damage)
    assert same(cache.kept_batches(), (BATCHES[:5], BATCHES[5]))
    assert len(drawn) == 2


def test_without_a_cache_it_is_drawn(drawn, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file in the folder's place")
    cache.kept_batches()
    assert same(cache.kept_batches(), (BATCHES[:5], BATCHES[5]))
    assert len(drawn) == 2
