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


@pytest.fixture
def small_data(monkeypatch):
    """Stands in for CIFAR-10 where a test is about the command, not about the images."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, 24))

    def split(n):
        y = np.arange(n) % 10
        X = centres[y] + rng.standard_normal((n, 24))
        return Split(X.astype(np.float32), y)

    identity = {"name": "test data", "digest": "d", "description": "test data", "synthetic": False}
    dataset = Dataset(split(400), split(100), split(100), 10, identity)
    monkeypatch.setattr("twingrad.cifar.loading.load_dataset", lambda *a, **k: dataset)
    return dataset
