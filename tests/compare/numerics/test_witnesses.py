import numpy as np
import pytest

import manual_impl
import manual_impl.layers
import torch_impl
import torch_impl.layers
from compare.cases import random_case
from compare.numerics.witnesses import camps
from compare.twins.gradient_check import check_case
from twingrad.network import Network

VALUES = np.array([1.0, -2.0, 300.0])


def test_all_that_agree_are_one_camp():
    found = camps("W1", {"by hand": VALUES, "autograd": VALUES * (1 + 1e-14)})
    assert found.camps == (("by hand", "autograd"),)
    assert found.alone is None


def test_one_against_two_stands_alone():
    said = {"yours": VALUES + 1e-3, "by hand": VALUES, "autograd": VALUES}
    found = camps("W1", said)
    assert found.camps == (("by hand", "autograd"), ("yours",))
    assert found.alone == "yours"


def test_one_against_one_nobody_stands_alone():
    assert camps("W1", {"by hand": VALUES, "autograd": -VALUES}).alone is None


def test_with_three_camps_nobody_stands_alone():
    said = {"a": VALUES, "b": VALUES, "c": 2 * VALUES, "d": 3 * VALUES}
    assert camps("W1", said).alone is None


def test_central_differences_are_allowed_what_they_lose_and_bridge_nothing():
    said = {
        "central differences": VALUES + 5e-7,
        "by hand": VALUES,
        "autograd": VALUES + 1e-6,
    }
    found = camps("W1", said)
    assert ("by hand", "central differences") in found.camps
    assert ("autograd",) in found.camps


def test_central_differences_beyond_a_millionth_stand_alone():
    said = {"by hand": VALUES, "autograd": VALUES, "central differences": VALUES + 2e-6}
    assert camps("W1", said).alone == "central differences"


def test_where_a_witness_cannot_tell_it_does_not_disagree():
    across_kink = np.array([np.nan, -2.0, np.nan])
    found = camps("W1", {"by hand": VALUES, "central differences": across_kink})
    assert len(found.camps) == 1


def test_json_names_the_camps_and_who_stands_alone():
    found = camps("W1", {"yours": -VALUES, "by hand": VALUES, "autograd": VALUES})
    assert found.as_json() == {
        "name": "W1",
        "camps": [["by hand", "autograd"], ["yours"]],
        "alone": "yours",
    }


def checked():
    case = random_case(Network(8, (6, 5), 10, normalization="batch"), 12, penalty=0.1, seed=3)
    return check_case(case, manual_impl, torch_impl, every_below=8, entries=4).examination


def alone(examination):
    return {c.name: c.alone for c in examination.witnesses if c.alone is not None}


def test_the_code_by_hand_stands_alone_where_it_is_wrong(monkeypatch):
    right = manual_impl.layers.BatchNorm.backward

    def wrong(self, s, run):
        G = right(self, s, run)
        run.gradients[self.gamma] = 2 * run.gradients[self.gamma]
        return G

    monkeypatch.setattr(manual_impl.layers.BatchNorm, "backward", wrong)
    examination = checked()
    assert alone(examination) == {"gamma1": "by hand", "gamma2": "by hand"}
    said = "Of the witnesses by hand stands alone: gamma1, gamma2."
    assert said in examination.sentences


def test_autograd_stands_alone_where_it_is_wrong(monkeypatch):
    def forward(self, s, run):
        gamma, beta, trace = run.parameters[self.gamma], run.parameters[self.beta], run.trace
        trace[self.mu] = mu = s.mean(dim=0)
        trace[self.v] = v = (s - mu).square().mean(dim=0)
        trace[self.s_hat] = s_hat = (s - mu) / (v + self.eps).sqrt()
        # the value is right, and gamma's gradient doubled
        trace[self.output] = (2 * gamma - gamma.detach()) * s_hat + beta

    monkeypatch.setattr(torch_impl.layers.BatchNorm, "forward", forward)
    examination = checked()
    assert {name: who for name, who in alone(examination).items() if name[:5] == "gamma"} == {
        "gamma1": "autograd",
        "gamma2": "autograd",
    }
    assert set(alone(examination).values()) == {"autograd"}


@pytest.mark.parametrize("name", ["gamma1", "W3"])
def test_every_witness_is_heard_on_every_parameter(monkeypatch, name):
    monkeypatch.setattr(
        manual_impl.layers.ReLU, "backward", lambda self, s, run: run.gradients[self.output]
    )
    (heard,) = [c for c in checked().witnesses if c.name == name]
    said = {witness for camp in heard.camps for witness in camp}
    assert said == {"by hand", "autograd", "complex step", "central differences"}
