"""`twingrad watch` on torch programs: layers inside modules, the softmax inside the loss."""

import sys
from pathlib import Path

import pytest

from compare.watching.lines import identified
from compare.watching.result import WatchResult
from compare.watching.watch import watch

pytestmark = pytest.mark.slow

pytest.importorskip("torch")

SEQUENTIAL = """
import torch
from torch import nn

torch.manual_seed(3)
X, X_test = torch.randn(200, 6), torch.randn(60, 6)
y = (X[:, 0] > 0).long() + 2 * (X[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(2):
    net.train()
    order = torch.randperm(200)
    for i in range(0, 200, 20):
        part = order[i:i + 20]
        optimizer.zero_grad()
        out = net(X[part])
        loss = criterion(out, y[part])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        guess = net(X_test).argmax(dim=1)
"""

MODULE = """
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(3)
X = torch.randn(200, 6)
y = (X[:, 0] > 0).long() + 2 * (X[:, 1] > 0).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 8), nn.Linear(8, 4)
        self.drop = nn.Dropout(0.25)

    def forward(self, x):
        x = self.fc2(self.drop(F.relu(self.fc1(x))))
        return F.log_softmax(x, dim=1)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(2):
    order = torch.randperm(200)
    for i in range(0, 200, 20):
        part = order[i:i + 20]
        optimizer.zero_grad()
        loss = F.nll_loss(net(X[part]), y[part])
        loss.backward()
        optimizer.step()
"""


def watched(folder: Path, text: str, *changes: tuple[str, str]) -> WatchResult:
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    program = folder / "train.py"
    program.write_text(text)
    return watch(program, python=Path(sys.executable), seconds=60)


def first(result: WatchResult) -> tuple[str, str]:
    """Kind and line of the first finding."""
    assert result.first is not None
    assert result.first.place is not None
    return result.first.what, result.first.place.text


@pytest.fixture(scope="module")
def sequential(tmp_path_factory: pytest.TempPathFactory) -> WatchResult:
    return watched(tmp_path_factory.mktemp("sequential"), SEQUENTIAL)


def test_layers_inside_a_sequential_and_a_loss_module_agree(sequential: WatchResult) -> None:
    assert sequential.verdict == "agree", sequential.diagnosis
    assert sequential.network == "6-8-4 BN, batches of 20, samples in rows"
    assert identified(list(sequential.lines)) >= 0.9
    said = {line.text: line.what for line in sequential.lines}
    assert set(said["out = net(X[part])"]) >= {"s1", "s_tilde1", "x1", "s2"}
    assert said["loss = criterion(out, y[part])"] == ["p"]


def test_conventions_of_torchs_batch_norm_are_no_faults(sequential: WatchResult) -> None:
    assert sequential.facts["running statistics"] == "momentum 0.9, variance unbiased"
    assert sequential.facts["evaluation"] == "with running statistics"


def test_calls_inside_calls_dropout_and_nll_loss_agree(tmp_path: Path) -> None:
    result = watched(tmp_path, MODULE)
    assert result.verdict == "agree", result.diagnosis
    assert result.network.startswith("6-8-4 dropout 0.25")
    assert result.compared == 12


def test_cross_entropy_takes_logits_without_a_softmax(tmp_path: Path) -> None:
    changes = ("F.log_softmax(x, dim=1)", "x"), ("F.nll_loss", "F.cross_entropy")
    assert watched(tmp_path, MODULE, *changes).verdict == "agree"


def test_a_softmax_before_cross_entropy_is_one_too_many(tmp_path: Path) -> None:
    changes = ("log_softmax", "softmax"), ("F.nll_loss", "F.cross_entropy")
    result = watched(tmp_path, MODULE, *changes)
    assert first(result) == ("forward", "loss = F.cross_entropy(net(X[part]), y[part])")
    assert "the softmax is taken twice" in result.diagnosis


def test_a_softmax_over_the_samples(tmp_path: Path) -> None:
    result = watched(tmp_path, MODULE, ("dim=1", "dim=0"))
    assert first(result)[0] == "forward"
    assert "over the samples" in result.diagnosis


def test_gradients_that_add_up(tmp_path: Path) -> None:
    result = watched(tmp_path, SEQUENTIAL, ("        optimizer.zero_grad()\n", ""))
    assert first(result) == ("gradient_accumulation", "loss.backward()")


def test_updates_in_eval_mode(tmp_path: Path) -> None:
    result = watched(tmp_path, SEQUENTIAL, ("net.train()", "net.eval()"))
    assert first(result) == ("running_statistics", "out = net(X[part])")
    assert "eval mode in an update" in result.diagnosis


def test_eval_mode_that_stays_after_an_evaluation(tmp_path: Path) -> None:
    result = watched(tmp_path, SEQUENTIAL, ("    net.train()\n", ""))
    assert first(result) == ("running_statistics", "out = net(X[part])")
    assert "train() again" in result.diagnosis


def test_an_evaluation_in_train_mode(tmp_path: Path) -> None:
    result = watched(tmp_path, SEQUENTIAL, ("    net.eval()\n", ""))
    assert first(result) == ("evaluation", "guess = net(X_test).argmax(dim=1)")


DROPOUT = ("nn.BatchNorm1d(8), nn.ReLU()", "nn.ReLU(), nn.Dropout(0.3)")


def test_dropout_in_the_right_modes_agrees(tmp_path: Path) -> None:
    assert watched(tmp_path, SEQUENTIAL, DROPOUT).agrees


def test_dropout_in_an_evaluation(tmp_path: Path) -> None:
    result = watched(tmp_path, SEQUENTIAL, DROPOUT, ("    net.eval()\n", ""))
    assert first(result) == ("dropout", "guess = net(X_test).argmax(dim=1)")
    assert "it drops units of an evaluation" in result.diagnosis


def test_dropout_that_stays_in_eval_mode(tmp_path: Path) -> None:
    result = watched(tmp_path, SEQUENTIAL, DROPOUT, ("    net.train()\n", ""))
    assert first(result) == ("dropout", "out = net(X[part])")
    assert "it drops nothing" in result.diagnosis
