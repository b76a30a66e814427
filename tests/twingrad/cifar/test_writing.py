"""Written batches are read back by the checked readers, and by pickle and scipy as programs do."""

import pickle

import numpy as np
import pytest

from twingrad.cifar.layouts import LAYOUTS
from twingrad.cifar.loading import load_cifar
from twingrad.cifar.writing import WRITERS, python_batch, python_label_names


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (10_000, 3072), np.uint8), rng.integers(0, 10, 10_000)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.kind)
def test_the_readers_take_what_was_written(tmp_path, images, layout):
    batch, label_names = WRITERS[layout.kind]
    written = batch(*images)
    for name in layout.needed(1):
        (tmp_path / name).write_bytes(written)
    (tmp_path / layout.meta).write_bytes(label_names())
    read = load_cifar(tmp_path, batches=1)
    assert np.array_equal(read.batches[1].images, images[0])
    assert np.array_equal(read.test.labels, images[1])
    assert read.label_names[9] == "truck"


@pytest.mark.parametrize(("encoding", "text"), [("bytes", bytes), ("latin1", str)])
@pytest.mark.filterwarnings("ignore:numpy.core")
def test_pickle_gives_the_keys_that_the_published_files_give(images, encoding, text):
    small = images[0][:3], images[1][:3]
    got = pickle.loads(python_batch(*small), encoding=encoding)
    key = (lambda name: name.encode()) if text is bytes else str
    assert np.array_equal(got[key("data")], small[0])
    assert got[key("labels")] == small[1].tolist()
    assert type(got[key("filenames")][0]) is text
    meta = pickle.loads(python_label_names(), encoding=encoding)
    assert meta[key("label_names")][0] == key("airplane")
