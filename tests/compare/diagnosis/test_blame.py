import re

import numpy as np
import pytest

import manual_impl
import manual_impl.layers
import torch_impl
import torch_impl.layers
from compare.cases import random_case
from compare.diagnosis.blame import blame
from compare.diagnosis.catalogue import FAULTS, Candidate, right_values
from compare.diagnosis.catalogue.fault import Inapplicable
from compare.diagnosis.evidence import Evidence
from compare.submissions.request import CaseSpec
from compare.twins.gradient_check import check_case
from tests.compare.planted import network_for, of_every_kind
from twingrad.network import Network

BY_NAME = {fault.name: fault for fault in FAULTS}

NETWORK = Network(6, (6, 6, 6), 6, normalization="batch")

NETWORKS = of_every_kind(6, (6, 6, 6), 6)

SEEDS = {True: 8, False: 13}
"""Seeds for which every fault shows at every layer; by whether it is in NETWORK."""

WIDE = Network(16, (15, 15, 15), 10, normalization="batch")
"""Wider than the minibatch: gradients by s follow from those of W."""

WIDE_PLAIN = Network(16, (15, 15, 15), 10, normalization="none")

TINY = {
    "guarded logarithm, 1e-12",
    *(
        f"eps {eps}{more}{norm}"
        for eps in ("1e-09", "1e-10", "1e-12")
        for more in ("", " outside the root")
        for norm in ("", ", layer norm")
    ),
}
"""They move values by no more than rounding's size: what they break first is not told for sure."""


def made(name, *layers, on):
    return Candidate(BY_NAME[name], layers).predict(on)


def statuses(found):
    return {(node.stage, node.name): node.status for node in found.nodes}


def candidates(fault, network):
    return [c for c in fault.candidates(network) if c.layer is not None or c.every]


def shown(case, prediction, *extra):
    """The gradients of the parameters, p and cost."""
    names = {*case.network.parameter_shapes, "forward p", "forward cost", *extra}
    return Evidence(case, {n: v for n, v in prediction.items() if n in names})


def visible(fault, network, samples, seed):
    """Every place at which a fault changes something, with what it gives."""
    spec = CaseSpec(
        network.hidden,
        network.batch_norm,
        network.inputs,
        network.classes,
        samples,
        0.1,
        seed,
        at_kink=True,
    )
    case = random_case(network, samples, penalty=0.1, seed=seed)
    if fault.name == "ReLU mask at >= 0":
        case = spec.case()
    for candidate in candidates(fault, network):
        try:
            found = candidate.predict(case)
        except Inapplicable:
            continue
        if Evidence(case, found).wrong:
            yield candidate, case, found


def first_of(candidate):
    """Operation and layer that go wrong first."""
    first = min if candidate.fault.stage == "forward" else max
    if candidate.fault.operation in ("p", "loss", "cost"):  # of the whole network, at its end
        return candidate.fault.operation, max(candidate.layers)
    return candidate.fault.operation, first(candidate.layers)


def planted(candidate):
    """Every node with a mistake of its own, as (stage, operation, layer)."""
    fault = candidate.fault
    return {
        (stage, operation, l)
        for stage in ("forward", "backward")
        for operation in getattr(fault, stage)
        for l in candidate.layers
    }


DEEP = re.compile(r"W([5-9]|10)( alone)?$")
"""Faults of a single layer that this network does not have."""

ALL = [f for f in FAULTS if f.name not in TINY and not DEEP.search(f.name)]


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_with_all_intermediates_the_operation_is_named_and_nothing_else(fault):
    network = network_for(fault, NETWORKS)
    places = list(visible(fault, network, 9, seed=SEEDS[network == NETWORK]))
    assert places
    for candidate, case, found in places:
        judged = blame(Evidence(case, found))
        assert (judged.stage, judged.suspects) == (fault.stage, (first_of(candidate),))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_with_all_intermediates_whatever_is_not_broken_inherits(fault):
    network = network_for(fault, NETWORKS)
    for candidate, case, found in visible(fault, network, 9, seed=SEEDS[network == NETWORK]):
        evidence = Evidence(case, found)
        for node in blame(evidence).nodes:
            name = f"forward {node.name}" if node.stage == "forward" else node.name
            if name not in evidence.wrong:
                assert node.status == "agrees"
            elif (node.stage, node.operation, node.layer or network.depth) in planted(candidate):
                # several layers: the first shows; of another shape the right step says nothing
                told = ("broken", "inherits", *(["unclear"] if "axis" in fault.name else []))
                assert node.status in told
            else:
                assert node.status == "inherits"


def test_a_right_implementation_is_not_blamed():
    case = random_case(NETWORK, 9, penalty=0.1, seed=8)
    judged = blame(Evidence(case, right_values(case)))
    assert (judged.stage, judged.suspects, judged.first) == (None, (), None)
    assert set(statuses(judged).values()) == {"agrees"}


def test_the_worst_entry_is_told_with_both_values():
    case = random_case(NETWORK, 9, penalty=0.1, seed=8)
    right = right_values(case)
    changed = right["W2"].copy()
    changed[3, 1] += 0.5
    (node,) = [n for n in blame(Evidence(case, right | {"W2": changed})).nodes if n.name == "W2"]
    assert (node.status, node.worst_index) == ("broken", (3, 1))
    assert node.actual - node.expected == pytest.approx(0.5)


def group(operation):
    """Where no intermediate is shown, batch norm's way down is one operation."""
    return "way down" if operation in ("s_hat", "v", "mu", "s") else operation


UNTOLD = {
    "sign of all": "W and b of the last layer together look like their G",
    "G multiplied by gamma too early": "gamma and beta together look like their G",
    "ReLU mask at >= 0": "it needs an input of exactly 0, and W's rows of 0 hand nothing down",
}
"""Not determined by the gradients of the parameters alone, and why."""

WRONG_SLOPES = {"ReLU's output for its slope", "ReLU's slope for the gradient"}
"""They stop what the ReLU stops, so a wrong gradient above it may look the same."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [f for f in ALL if f.stage == "backward" and f.name not in UNTOLD],
    ids=lambda fault: fault.name,
)
@pytest.mark.parametrize("network", [WIDE, WIDE_PLAIN], ids=["batch norm", "plain"])
def test_with_parameters_alone_the_place_follows_from_the_pattern(fault, network):
    for candidate, case, found in visible(fault, network, 11, seed=8):
        judged = blame(shown(case, found))
        operation, l = first_of(candidate)
        suspects = {(group(o), at) for o, at in judged.suspects}
        assert judged.stage == "backward"
        if suspects == {("way down", 1), ("W", 1)}:  # no layer below tells one from the other
            suspects = {("way down" if operation != "W" else "W", 1)}
        if fault.name == "gradients before the way back" and l == 1:
            # its W and b look like one wrong G, and no layer below shows that it is right
            assert suspects == {("way down", 1)}
        elif operation == "down" or fault.name in WRONG_SLOPES:
            assert {(operation, l)} <= suspects <= {("down", l), ("mask", l)}
        else:
            assert suspects == {(group(operation), l)}


FORWARD_FAULTS = [
    ("cost summed", 4, "loss", ("loss", 4)),
    ("cost without penalty", 4, "cost", ("cost", 4)),
    ("unbiased variance", 2, "v2", ("v", 2)),
    ("eps 0.001 outside the root", 1, "s_hat1", ("s_hat", 1)),
]


@pytest.mark.parametrize(("name", "l", "tensor", "suspect"), FORWARD_FAULTS)
def test_a_fault_of_the_forward_pass_is_seen_there(name, l, tensor, suspect):
    case = random_case(NETWORK, 9, penalty=0.1, seed=8)
    judged = blame(Evidence(case, made(name, l, on=case)))
    assert (judged.stage, judged.suspects) == ("forward", (suspect,))
    assert (judged.first.name, judged.first.stage) == (tensor, "forward")


def test_a_value_seen_late_leaves_all_operations_before_it_in_question():
    case = random_case(NETWORK, 9, penalty=0.1, seed=8)
    found = made("unbiased variance", 3, on=case)
    evidence = Evidence(case, {n: found[n] for n in ("forward s3", "forward x3")})
    judged = blame(evidence)
    names = ["mu", "v", "s_hat", "s_tilde", "x"]
    assert judged.suspects == tuple((name, 3) for name in names)
    assert judged.first.status == "unclear"
    # what lies below a value known to be right is acquitted
    assert statuses(judged)["forward", "s3"] == "agrees"


def test_of_two_faults_both_nodes_are_broken_and_the_first_is_blamed():
    case = random_case(NETWORK, 9, penalty=0.1, seed=8)
    pair = Candidate(BY_NAME["ReLU mask missing"], (1,), Candidate(BY_NAME["gamma left out"], (3,)))
    judged = blame(Evidence(case, pair.predict(case)))
    broken = [node.name for node in judged.nodes if node.status == "broken"]
    assert broken == ["s_hat3", "s_tilde1"]
    assert judged.suspects == (("s_hat", 3),)


def test_of_two_faults_in_parameters_alone_the_second_is_seen_below_the_first():
    case = random_case(WIDE, 11, penalty=0.1, seed=8)
    pair = Candidate(
        BY_NAME["gamma's gradient from s"], (3,), Candidate(BY_NAME["sign of W"], (1,))
    )
    judged = blame(shown(case, pair.predict(case)))
    assert [node.name for node in judged.nodes if node.status == "broken"] == ["gamma3", "W1"]


def test_gradients_that_were_not_given_are_recovered_and_said_to_be():
    case = random_case(WIDE, 11, penalty=0.1, seed=8)
    judged = blame(shown(case, made("ReLU mask missing", 2, on=case)))
    recovered = {node.name: node.status for node in judged.nodes if node.recovered}
    assert recovered["s2"] == "broken"
    assert statuses(judged)["backward", "s_tilde2"] == "not given"


def alone_wrong(examination):
    return {node.name for node in examination.blame.nodes if node.alone is False}


def relu_unmasked(self, s, run):
    if self.output == "x2":
        return run.gradients[self.output]
    return np.where(s <= 0, 0, run.gradients[self.output])


def batch_norm_without_its_mean(right):
    def backward(self, s, run):
        return right(self, s, run) - run.gradients[self.mu] / len(s)

    return backward


SMALL = Network(8, (6, 5, 4), 10, normalization="batch")


def check_small():
    case = random_case(SMALL, 12, penalty=0.1, seed=3)
    return check_case(case, manual_impl, torch_impl, every_below=8, entries=4)


def test_a_relu_broken_by_hand_is_broken_alone_too_and_no_other_layer_is(monkeypatch):
    monkeypatch.setattr(manual_impl.layers.ReLU, "backward", relu_unmasked)
    verdict = check_small()
    assert (verdict.verdict, verdict.examination.side) == ("disagree", "by hand")
    assert alone_wrong(verdict.examination) == {"s_tilde2"}
    assert verdict.examination.blame.suspects == (("mask", 2),)
    assert verdict.first_fault == {"tensor": "s_tilde2", "pass": "backward"}


def test_a_batch_norm_broken_by_hand_everywhere_is_broken_alone_everywhere(monkeypatch):
    right = manual_impl.layers.BatchNorm.backward
    monkeypatch.setattr(
        manual_impl.layers.BatchNorm, "backward", batch_norm_without_its_mean(right)
    )
    examination = check_small().examination
    assert alone_wrong(examination) == {"s1", "s2", "s3"}
    assert examination.blame.suspects == (("s", 3),)
    assert examination.best.candidate.name == "mean's term missing, every layer"


def test_a_layer_of_torch_that_detaches_is_broken_alone(monkeypatch):
    def forward(self, x, run):
        W, b = run.parameters[self.W], run.parameters[self.b]
        run.trace[self.output] = x @ W.T + b.detach() + (0 * b).sum()

    monkeypatch.setattr(torch_impl.layers.Affine, "forward", forward)
    verdict = check_small()
    assert verdict.examination.side == "autograd"
    # b below a batch norm has no gradient: its absence shows at the last layer alone
    assert "b4" in alone_wrong(verdict.examination)
    assert not {"W4", "s3", "x3", "W1"} & alone_wrong(verdict.examination)
    assert verdict.examination.blame.suspects == (("b", 4),)
    assert verdict.examination.best.candidate.fault.name == "bias missing"
