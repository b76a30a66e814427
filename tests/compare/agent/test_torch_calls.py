"""What torch's modules and losses compute inside is recorded, and changes nothing."""

import numpy as np
import pytest

from tests.compare.agent.support import plain, recorded, written

pytestmark = pytest.mark.slow

pytest.importorskip("torch")

PROGRAM = """
import pickle
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(inplace=True))
        self.top = nn.Linear(3, 2)
    def forward(self, x):
        return self.top(F.dropout(self.body(x), 0.5, self.training))
net = Net()
x, y = torch.randn(6, 4), torch.tensor([0, 1, 1, 0, 1, 0])
loss = F.cross_entropy(net(x), y)
loss.backward()
log_p = F.log_softmax(net(x), dim=1)
print(loss.item(), F.nll_loss(log_p, y).item(), nn.CrossEntropyLoss()(log_p, target=y).item())
print(type(loss.grad_fn).__name__, net.top.weight.grad, torch.rand(2))
print(net, F.cross_entropy.__name__)
assert pickle.loads(pickle.dumps(F.cross_entropy)) is F.cross_entropy
plain = nn.Linear(4, 2)
print(torch.equal(torch.jit.script(plain)(x), plain(x)))
print(torch.vmap(lambda s, t: F.cross_entropy(s, t))(torch.ones(2, 3, 4), torch.zeros(2, 3).long()))
"""


@pytest.fixture(scope="module")
def got(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    return recorded(written(folder, PROGRAM), folder=folder)


def test_the_program_prints_and_draws_the_same(got, tmp_path):
    expected = plain(written(tmp_path, PROGRAM), folder=tmp_path)
    assert expected.returncode == 0, expected.stderr
    assert got.out == expected.stdout
    assert got.recording.end["faults"] == 0


def test_every_layer_of_a_sequential_is_seen_before_it_is_changed_in_place(got):
    s, hat, x = (got.seen(name, "call")[0] for name in ("body.0", "body.1", "body.2"))
    W, b = got.seen("body.0.weight", "operand")[0], got.seen("body.0.bias", "operand")[0]
    given = got.seen("body.0 input", "operand")[0]
    np.testing.assert_allclose(s, given @ W.T + b, atol=1e-6)
    np.testing.assert_allclose(hat, (s - s.mean(0)) / np.sqrt(s.var(0) + 1e-5), atol=1e-5)
    np.testing.assert_array_equal(x, np.maximum(hat, 0))


def test_the_softmax_inside_the_losses_is_seen_at_the_line_that_called_them(got):
    logits = got.seen("cross_entropy input", "operand")[0]
    e = np.exp(logits)
    p = got.seen("cross_entropy softmax", "call")[0]
    np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True), atol=1e-6)
    assert got.seen("cross_entropy target")[0].tolist() == [0, 1, 1, 0, 1, 0]
    assert len(got.seen("nll_loss softmax", "call")) == 1
    event = got.named("cross_entropy softmax", "call")[0]
    assert got.recording.text(event.site) == "loss = F.cross_entropy(net(x), y)"


def test_the_mode_of_batch_norm_is_seen(got):
    assert got.numbers("body.1.training") == [1, 1]
