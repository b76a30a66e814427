"""Which layouts of CIFAR-10 are prepared for a program."""

import numpy as np
import pytest

from compare.watching import serving
from tests.compare.agent.support import written
from twingrad.cifar.images import LABEL_NAMES, Cifar, Images
from twingrad.cifar.layouts import LAYOUTS
from twingrad.cifar.source import Source


@pytest.fixture
def small(monkeypatch):
    part = Images(np.zeros((2, 3072), np.uint8), np.array([1, 2]))
    cifar = Cifar((part,) * 5, part, LABEL_NAMES, Source("synthetic", None, (), None, ""))
    monkeypatch.setattr(serving, "synthetic_cifar", lambda: cifar)
    monkeypatch.setattr(serving, "load_cifar", lambda path: cifar)


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        ("x = open('data_batch_1')", {"cifar-10-batches-py"}),
        ("loadmat('data_batch_1.mat')", {"cifar-10-batches-py", "cifar-10-batches-mat"}),
        ("fromfile('data_batch_1.bin')", {"cifar-10-batches-py", "cifar-10-batches-bin"}),
        ("import numpy  # not CIFAR-10 itself", set()),
    ],
)
def test_the_layouts_that_a_program_mentions(tmp_path, small, text, folders):
    program = written(tmp_path, text)
    served = serving.prepare(program, "synthetic", tmp_path / "cifar")
    assert {path.name for path in (tmp_path / "cifar").glob("*")} == folders
    assert (served.folder is not None, served.stand_in) == (bool(folders), bool(folders))


def test_modules_beside_the_program_count(tmp_path, small):
    written(tmp_path, "open('test_batch')", "lib/loading.py")
    served = serving.prepare(written(tmp_path, "import lib"), "synthetic", tmp_path / "cifar")
    assert served.stand_in


def test_files_in_the_same_layout_are_linked_and_others_converted(tmp_path, small):
    data = tmp_path / "data"
    data.mkdir()
    for name in LAYOUTS[0].needed(5):
        (data / name).write_text(name)
    program = written(tmp_path / "home", "open('data_batch_1'); loadmat('data_batch_1.mat')")
    served = serving.prepare(program, str(data), tmp_path / "cifar")
    linked = tmp_path / "cifar/cifar-10-batches-py/data_batch_3"
    assert linked.resolve() == data / "data_batch_3"
    assert (tmp_path / "cifar/cifar-10-batches-mat/test_batch.mat").stat().st_size > 3072
    assert not served.stand_in
