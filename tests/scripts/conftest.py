import numpy as np
import pytest

from scripts.cli import join
from scripts.program import run
from twingrad.dataset import Dataset, Split


@pytest.fixture
def twingrad(monkeypatch, capsys):
    """Runs a command line in this process; gives exit status, standard output and error."""

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["twingrad", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run(join())
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def clouds(inputs):
    """Ten overlapping Gaussian clouds."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, inputs))

    def split(n):
        y = np.arange(n) % 10
        X = centres[y] + rng.standard_normal((n, inputs))
        return Split(X.astype(np.float32), y)

    identity = {"name": "test data", "digest": "d", "description": "test data", "synthetic": False}
    return Dataset(split(400), split(100), split(100), 10, identity)


@pytest.fixture
def small_data(monkeypatch):
    """Stands in for CIFAR-10 where a test is about the command, not about the images."""
    dataset = clouds(24)
    monkeypatch.setattr("twingrad.cifar.loading.load_dataset", lambda *a, **k: dataset)
    return dataset


@pytest.fixture
def small_images(monkeypatch):
    """The same with samples that can be taken for images of 3 x 4 x 4."""
    dataset = clouds(48)
    monkeypatch.setattr("twingrad.cifar.loading.load_dataset", lambda *a, **k: dataset)
    return dataset
