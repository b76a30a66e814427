"""CIFAR-10's files are opened by name where the program does not find them."""

import os

import pytest

from tests.compare.agent.support import recorded, written
from twingrad.cifar.images import Images
from twingrad.cifar.layouts import LAYOUTS
from twingrad.cifar.writing import WRITERS


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four images in a batch of each layout."""
    import numpy as np

    folder = tmp_path_factory.mktemp("data")
    images = np.arange(4 * 3072, dtype=np.uint8).reshape(4, 3072)
    part = Images(images, np.array([3, 1, 4, 1]))
    for layout in LAYOUTS:
        batch, names = WRITERS[layout.kind]
        (folder / layout.folder).mkdir()
        for name in (*layout.training, layout.test):
            (folder / layout.folder / name).write_bytes(batch(part.images, part.labels))
        (folder / layout.folder / layout.meta).write_bytes(names())
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\nwith open('Datasets/cifar-10-batches-py/data_batch_1', 'rb') as f:\n"
        "    y = np.array(pickle.load(f, encoding='bytes')[b'labels'])",
        "import pickle\nwith open(r'C:\\Users\\me\\data_batch_2', 'rb') as f:\n"
        "    y = np.array(pickle.load(f, encoding='latin1')['labels'])",
        "import io, pickle\ny = np.array(pickle.load(io.open('x/test_batch', 'rb'), "
        "encoding='bytes')[b'labels'])",
        "import pickle, pathlib\nfolder = pathlib.Path('C:\\\\data') / 'cifar-10-batches-py'\n"
        "assert folder.is_dir() and (folder / 'test_batch').exists()\n"
        "y = np.array(pickle.loads((folder / 'test_batch').read_bytes(), "
        "encoding='latin1')['labels'])",
        "import os, pickle\nfolder = './cifar10/'\nassert os.path.isdir(folder)\n"
        "names = [n for n in sorted(os.listdir(folder)) if n.startswith('data')]\n"
        "assert len(names) == 5 and os.path.isfile(folder + names[0])\n"
        "y = np.array(pickle.load(open(folder + names[0], 'rb'), encoding='bytes')[b'labels'])",
        "import glob, pickle\nname, = glob.glob('cifar-10-batches-py/test*')\n"
        "y = np.array(pickle.load(open(name, 'rb'), encoding='bytes')[b'labels'])",
        "from scipy.io import loadmat\n"
        "y = loadmat('Datasets/cifar-10-batches-mat/data_batch_1.mat')['labels'].ravel()",
        "from scipy.io import loadmat\ny = loadmat('data/data_batch_1')['labels'].ravel()",
        "y = np.fromfile('cifar-10-batches-bin/data_batch_1.bin', np.uint8)[::3073]",
        "y = np.frombuffer(open('a/test_batch.bin', 'rb').read(), np.uint8)[::3073]",
    ],
)
def test_the_labels_are_read(tmp_path, data, text):
    program = written(tmp_path / "home", "import numpy as np\n" + text + "\nprint(y.tolist())\n")
    got = recorded(program, folder=tmp_path, data=str(data))
    assert (got.out, got.err) == ("[3, 1, 4, 1]\n", "")
    assert got.recording.served


def test_other_missing_files_stay_missing(tmp_path, data):
    program = written(
        tmp_path,
        """
import os, pathlib
print(os.path.exists("results_cifar"), os.path.exists("data"), pathlib.Path("w.npz").exists())
print(os.path.isdir("cifar-100-python"), os.access("cifar10_model", os.R_OK))
for name in ("weights.npz", "data_batch_9"):
    try:
        open(name)
    except FileNotFoundError as error:
        print(error)
try:
    open("new/data_batch_1", "wb")
except FileNotFoundError as error:
    print(error)
""",
    )
    got = recorded(program, folder=tmp_path, data=str(data))
    assert got.out.splitlines() == [
        "False False False",
        "False False",
        "[Errno 2] No such file or directory: 'weights.npz'",
        "[Errno 2] No such file or directory: 'data_batch_9'",
        "[Errno 2] No such file or directory: 'new/data_batch_1'",
    ]
    assert got.recording.served == {}


def test_the_authors_own_files_come_first(tmp_path, data):
    (tmp_path / "data_batch_1").write_text("mine")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/mini.txt").write_text("beside")
    text = "print(open('data_batch_1').read(), open('mini.txt').read())\n"
    got = recorded(written(tmp_path / "home", text), folder=tmp_path, data=str(data))
    assert got.out == "mine beside\n"


@pytest.mark.slow  # importing torchvision takes seconds
def test_torchvision_takes_files_with_other_checksums(tmp_path, data):
    pytest.importorskip("twingrad.vision")
    program = written(
        tmp_path,
        """
import torchvision_stub
from torchvision.datasets import CIFAR10
print(CIFAR10("missing", train=False).targets)
""",
    )
    written(
        tmp_path,
        """
import torch
declared = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    try:
        declared.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass
""",
        "torchvision_stub.py",
    )
    got = recorded(program, folder=tmp_path, data=str(data))
    assert (got.out, got.err) == ("[3, 1, 4, 1]\n", "")


def test_reading_by_name_needs_no_data(tmp_path):
    text = "import os\nprint(os.path.exists('cifar-10-batches-py'), sorted(os.listdir('here')))\n"
    os.mkdir(tmp_path / "here")
    assert recorded(written(tmp_path, text), folder=tmp_path).out == "False []\n"
