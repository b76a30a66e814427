import os
import pickle

import numpy as np
import pytest

from tests.twingrad.cifar.conftest import batch, python_file
from twingrad.cifar.python_layout import read_batch
from twingrad.errors import UserError


class Creates:
    """Unpickled by a trusting reader, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("text", [str, bytes])
def test_every_protocol_and_kind_of_key_is_read(protocol, text):
    images, labels = batch(3)
    read = read_batch(python_file(images, labels, protocol, text), "file")
    assert np.array_equal(read.images, images)
    assert np.array_equal(read.labels, labels)


@pytest.mark.parametrize("place", ["labels", "data", "extra"])
def test_a_pickle_with_anything_executable_is_refused_unrun(tmp_path, place):
    images, labels = batch(0)
    content = {"data": images, "labels": list(map(int, labels))}
    content[place] = Creates(tmp_path / "created")
    with pytest.raises(UserError, match=r"tries to import '(posix|os)\.system', which was refused"):
        read_batch(pickle.dumps(content, 2), "hostile")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["builtins eval", "numpy load", "numpy.lib.npyio load", "codecs encode", "os popen"]
)
def test_no_other_global_is_found(name):
    module, attribute = name.split()
    with pytest.raises(UserError, match="refused"):
        read_batch(f"c{module}\n{attribute}\n(tR.".encode(), "file")


def bad(change):
    images, labels = batch(0)
    content = {"data": images, "labels": list(map(int, labels))}
    change(content)
    return pickle.dumps(content, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update(data=c["data"].astype(np.float32)), "f4"),
        (lambda c: c.update(data=c["data"][:, :3071]), "3071"),
        (lambda c: c.update(data=c["data"][:9999]), "9999"),
        (lambda c: c["labels"].__setitem__(17, 10), "label 10 at image 17"),
        (lambda c: c["labels"].__setitem__(5, -1), "label -1 at image 5"),
        (lambda c: c["labels"].__setitem__(5, 1.5), "label of type float"),
        (lambda c: c["labels"].pop(), "9999"),
        (lambda c: c.pop("labels"), "labels"),
        (lambda c: c.pop("data"), "data"),
    ],
)
def test_what_is_wrong_is_named(change, says):
    with pytest.raises(UserError) as caught:
        read_batch(bad(change), "data_batch_3")
    assert "data_batch_3" in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "raw", [b"", b"\x80\x02", b"hello", pickle.dumps([1, 2]), b"\x80\x02r\xff"]
)
def test_what_is_no_batch_is_refused(raw):
    with pytest.raises(UserError, match="data_batch_1"):
        read_batch(raw, "data_batch_1")
