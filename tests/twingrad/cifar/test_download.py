import functools
import hashlib
import http.server
import pickle
import threading
import urllib.error

import numpy as np
import pytest

from tests.twingrad.cifar.conftest import pack
from twingrad import vision
from twingrad.cifar import download as module
from twingrad.cifar.download import download
from twingrad.errors import UserError

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]
TEN = [f"class {number}" for number in range(10)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *message):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A publisher on this machine: torchvision fetches its archive, of one image a batch."""
    folder = tmp_path / "publisher" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in NAMES:
        batch = {"data": np.zeros((1, 3072), np.uint8), "labels": [0], "label_names": TEN}
        (folder / name).write_bytes(pickle.dumps(batch, 2))
    archive = pack(folder, tmp_path / "publisher" / "cifar-10-python.tar.gz")
    md5s = {n: hashlib.md5((folder / n).read_bytes()).hexdigest() for n in NAMES}
    dataset = vision.datasets.CIFAR10
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=archive.parent)
    )
    url = f"http://127.0.0.1:{server.server_port}/{archive.name}"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(dataset, "url", url)
    monkeypatch.setattr(dataset, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(dataset, "train_list", [[n, md5s[n]] for n in NAMES[:5]])
    monkeypatch.setattr(dataset, "test_list", [["test_batch", md5s["test_batch"]]])
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "md5": md5s["batches.meta"]})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield archive
    server.shutdown()
    server.server_close()
    thread.join()


# Python 3.12 and 3.13 warn of the way in which torchvision unpacks archives.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_fetched_appears_whole_and_alone(published, tmp_path):
    out = tmp_path / "new" / "out"
    assert download(out) == out / "cifar-10-batches-py"
    assert [path.name for path in out.iterdir()] == ["cifar-10-batches-py"]
    assert sorted(path.name for path in (out / "cifar-10-batches-py").iterdir()) == sorted(NAMES)


def test_an_archive_that_is_not_the_official_one_leaves_nothing(published, tmp_path):
    published.write_bytes(published.read_bytes()[:100])
    with pytest.raises(UserError, match="could not be downloaded"):
        download(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "failure", [urllib.error.URLError("no route"), EOFError(), ConnectionResetError("gone")]
)
def test_a_failing_network_is_one_line(tmp_path, monkeypatch, failure):
    def fetch(folder):
        raise failure

    monkeypatch.setattr(module, "_fetch", fetch)
    with pytest.raises(UserError, match=r"--out .*could not be downloaded") as caught:
        download(tmp_path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_other_files_in_the_way_are_kept(tmp_path):
    mine = tmp_path / "cifar-10-batches-py" / "data_batch_1"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(UserError, match="not the official CIFAR-10"):
        download(tmp_path)
    assert mine.read_bytes() == b"mine"


def test_official_files_are_not_fetched_again(tmp_path, monkeypatch):
    (tmp_path / "cifar-10-batches-py").mkdir()
    monkeypatch.setattr(module, "_is_official", lambda target: True)
    monkeypatch.setattr(module, "_fetch", lambda folder: pytest.fail("fetched"))
    assert download(tmp_path) == tmp_path / "cifar-10-batches-py"
