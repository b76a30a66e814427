"""Torch tensors are recorded as arrays, with their gradients after each step."""

import pytest

from tests.compare.agent.support import plain, recorded, written

pytestmark = pytest.mark.slow

pytest.importorskip("torch")

LOOP = """
import torch
torch.manual_seed(0)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(4, 3)
        self.norm = torch.nn.BatchNorm1d(3)
    def forward(self, x):
        s = self.fc1(x)
        return self.norm(s)
model = Net()
w = torch.ones(3, requires_grad=True)
optimizer = torch.optim.SGD([*model.parameters(), w], lr=0.5)
x = torch.randn(5, 4)
for update in range(2):
    optimizer.zero_grad()
    out = model(x)
    loss = ((out * w) ** 2).mean()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    w -= 0.1
    model.fc1.weight[:] = 2
    for name, p in model.named_parameters():
        p.data.mul_(0)
half = torch.ones(2, dtype=torch.bfloat16)
print(loss.item(), torch.rand(1).item(), model.fc1.weight._version)
"""


@pytest.fixture(scope="module")
def got(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    return recorded(written(folder, LOOP), folder=folder)


def test_the_program_prints_and_draws_the_same(got, tmp_path):
    assert got.out == plain(written(tmp_path, LOOP), folder=tmp_path).stdout


def test_parameters_buffers_and_gradients_after_each_step(got):
    weights = got.seen("optimizer.step[model].fc1.weight")
    gradients = got.seen("loss.backward[model].fc1.weight.grad")
    assert (len(weights), len(gradients)) == (2, 2)
    before = got.seen("loss.backward[model].fc1.weight")
    assert abs(weights[0] - (before[0] - 0.5 * gradients[0])).max() < 1e-7
    assert len(got.seen("optimizer.step[model].norm.running_mean")) == 2
    assert got.seen("optimizer.step[w]")[0].shape == (3,)
    assert len(got.seen("loss.backward[w].grad")) == 2
    assert not [event for event in got.recording.events if "[self.fc1]" in event.name]


def test_tensors_and_tensors_changed_in_place(got):
    assert got.seen("x", "assign")[0].shape == (5, 4)
    assert len(got.numbers("loss")) == 2
    assert got.seen("w", "augmented")[0].shape == (3,)
    assert (got.seen("model.fc1.weight", "item")[0] == 2).all()
    assert (got.seen("p.data", "augmented")[0] == 0).all()
    assert got.seen("half")[0].tolist() == [1, 1]


def test_torch_is_not_imported_for_a_program_that_does_not(tmp_path):
    text = "import sys, numpy as np\nW = np.ones(3)\nprint('torch' in sys.modules)\n"
    assert recorded(written(tmp_path, text), folder=tmp_path).out == "False\n"
