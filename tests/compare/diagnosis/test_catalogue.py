"""Every fault of the catalogue is committed exactly: equal to code that has it written out."""

import string
from collections import Counter

import numpy as np
import pytest

from compare.cases import random_case
from compare.diagnosis.catalogue import FAULTS, Candidate, right_values
from compare.diagnosis.catalogue.fault import Inapplicable
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.search import FLOAT32
from compare.submissions.request import CaseSpec
from tests.compare.planted import network_for, of_every_kind
from tests.compare.written_out import written_out
from twingrad.network import Network

BY_NAME = {fault.name: fault for fault in FAULTS}
STATES = {fault.name for fault in STATE_FAULTS}

SQUARE = Network(6, (6, 6, 6), 6, normalization="batch")
"""Equal widths, so that wrong layers and transposes fit."""


NETWORKS = of_every_kind(6, (6, 6, 6), 6)


def case(network=SQUARE):
    return random_case(network, 9, penalty=0.1, seed=8)


def at_the_kink():
    """The input of the first unit of every ReLU is 0."""
    return CaseSpec((6, 6, 6), True, 6, 6, 9, 0.1, 8, at_kink=True).case()


def predict(name, *layers, on=None):
    return Candidate(BY_NAME[name], layers).predict(on or case())


ISSUE = {
    "penalty missing": ["penalty missing"],
    "lambda for 2 lambda": ["lambda for 2 lambda"],
    "2 lambda for lambda": ["2 lambda for lambda"],
    "penalty on b, gamma or beta": ["penalty on b", "penalty on gamma", "penalty on beta"],
    "not divided by n": ["not divided by n"],
    "divided twice": ["divided by n twice"],
    "sign": ["sign of G", "sign of all", "sign of W", "sign of b"],
    "bias gradient summed over the wrong axis": ["bias over the wrong axis"],
    "bias gradient meaned twice": ["b meaned twice"],
    "ReLU mask missing at one layer": ["ReLU mask missing"],
    "taken from another layer": [
        "ReLU mask from the layer above",
        "ReLU mask from the layer below",
    ],
    "taken at >= 0": ["ReLU mask at >= 0"],
    "taken before gamma/beta": ["ReLU mask before gamma and beta"],
    "mean and variance as constants": ["mean and variance as constants"],
    "the mean's term missing": ["mean's term missing"],
    "the variance's term missing": ["variance's term missing"],
    "n-1 for n": ["n - 1 for n, variance", "n - 1 for n, mean and variance", "unbiased variance"],
    "eps outside the root": ["eps 1e-05 outside the root"],
    "eps of another size": ["eps 1e-05", "eps 0.001"],
    "gamma left out going backward": ["gamma left out"],
    "gamma's gradient from s or s_tilde": [
        "gamma's gradient from s",
        "gamma's gradient from s_tilde",
    ],
    "beta's gradient missing": ["beta's gradient missing"],
    "G multiplied by gamma too early": ["G multiplied by gamma too early"],
    "transposed W on the way down": ["W transposed on the way down"],
    "wrong-layer W on the way down": [
        "W of the layer above on the way down",
        "W of the layer below on the way down",
    ],
    "W updated before it is used": ["W updated before it is used (eta 0.1)"],
    "p for p - y": ["p for p - Y"],
    "cost without penalty": ["cost without penalty"],
    "with half of it": ["cost with half the penalty"],
    "summed instead of averaged": ["cost summed"],
}

ISSUE_STATES = {
    "batch statistics where running ones belong": ["minibatch statistics in evaluation"],
    "and the reverse": ["running statistics in training"],
    "running variance unbiased": ["running variance unbiased"],
    "alpha and 1-alpha exchanged": ["alpha and 1 - alpha exchanged"],
    "running statistics started at 0 and 1": ["running statistics started at 0 and 1"],
    "evaluation that changes the running statistics": ["evaluation moves the running statistics"],
    "test data standardised by its own statistics": ["test data standardised by themselves"],
    "W updated before it is used": ["W updated before it is used"],
}


@pytest.mark.parametrize("asked", ISSUE)
def test_every_fault_asked_for_of_one_pass_is_there(asked):
    assert [name for name in ISSUE[asked] if name not in BY_NAME] == []


@pytest.mark.parametrize("asked", ISSUE_STATES)
def test_every_fault_asked_for_of_training_is_there(asked):
    assert [name for name in ISSUE_STATES[asked] if name not in STATES] == []


def test_names_are_unique():
    names = [FLOAT32, *(f.name for f in FAULTS), *(f.name for f in STATE_FAULTS)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_an_explanation_says_where_if_that_is_a_question(fault):
    fields = {name for _, name, *_ in string.Formatter().parse(fault.explanation) if name}
    places = {c.where for c in fault.candidates(network_for(fault, NETWORKS))}
    assert fields <= {"where"}
    assert "where" in fields or len(places) == 1
    assert "{" not in fault.fix


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_wrong_part_stands_in_the_formula(fault):
    network = network_for(fault, NETWORKS)
    assert fault.wrong in fault.step_in(network, fault.layers(network)[0]).step.formula


def can_be_made(fault, on):
    for candidate in fault.candidates(on.network):
        try:
            candidate.predict(on)
        except Inapplicable:
            continue
        return True
    return False


def test_every_fault_can_be_made_on_a_network_of_ten_equal_layers():
    cases = {network: case(network) for network in of_every_kind(6, (6,) * 9, 6)}
    left = [f.name for f in FAULTS if not can_be_made(f, cases[network_for(f, cases)])]
    assert left == []


def case_for(fault):
    network = network_for(fault, NETWORKS)
    # of these seeds every fault shows at every layer
    return random_case(network, 9, penalty=0.1, seed=8 if network == SQUARE else 13)


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if can_be_made(f, case_for(f))], ids=lambda fault: fault.name
)
def test_nothing_before_its_operation_changes(fault):
    on = at_the_kink() if fault.name == "ReLU mask at >= 0" else case_for(fault)
    right = right_values(on)
    order = [name for name in right if name[:8] == "forward "]
    order += [name for name in right if name[:8] != "forward "]
    tried = 0
    for candidate in fault.candidates(on.network):
        try:
            predicted = candidate.predict(on)
        except Inapplicable:
            continue
        changed = [name for name in order if differs(predicted[name], right[name])]
        if not changed:
            continue
        tried += 1
        placed = fault.step_in(on.network, candidate.first_layer)
        assert changed[0].removeprefix("forward ") == placed.name
    assert tried >= 1


def differs(predicted, right):
    """By more than the rounding of a formula that says the same in another order."""
    if predicted.shape != right.shape:
        return True
    return np.abs(predicted - right).max() > 1e-14 * max(np.abs(right).max(), 1)


WRITTEN_OUT = [
    ("penalty missing", 2),
    ("penalty missing", 4),
    ("lambda for 2 lambda", 1),
    ("penalty on b", 3),
    ("not divided by n", 4),
    ("sign of G", 4),
    ("p for p - Y", 4),
    ("bias over the wrong axis", 4),
    ("ReLU mask missing", 2),
    ("ReLU mask before gamma and beta", 1),
    ("ReLU mask from the layer above", 2),
    ("mean and variance as constants", 3),
    ("mean's term missing", 2),
    ("variance's term missing", 1),
    ("variance's term halved", 2),
    ("n - 1 for n, variance", 2),
    ("unbiased variance", 2),
    ("gamma left out", 3),
    ("gamma's gradient from s_tilde", 2),
    ("G multiplied by gamma too early", 1),
    ("gamma and beta before the mask", 2),
    ("W transposed on the way down", 2),
    ("W of the layer below on the way down", 2),
    ("W updated before it is used (eta 0.1)", 3),
    ("cost without penalty", 4),
    ("cost with half the penalty", 4),
    ("cost summed", 4),
]


def assert_equal(predicted, expected):
    for name, value in expected.items():
        size = max(np.abs(value).max(), 1.0)  # b below a batch norm is rounding alone
        np.testing.assert_allclose(predicted[name], value, rtol=0, atol=1e-12 * size, err_msg=name)


def test_without_a_mistake_it_is_what_is_written_out():
    assert_equal(right_values(case()), written_out(case()))


@pytest.mark.parametrize(("name", "l"), WRITTEN_OUT, ids=lambda value: str(value))
def test_a_fault_is_what_code_with_it_gives(name, l):
    on = case()
    expected = written_out(on, name, l)
    assert_equal(predict(name, l, on=on), expected)
    # so that the comparison above says something; an axis may give another shape
    right = written_out(on)
    assert any(
        np.shape(expected[key]) != np.shape(value) or np.abs(expected[key] - value).max() > 1e-4
        for key, value in right.items()
    )


@pytest.mark.parametrize("name", ["eps 0.001", "eps 0.001 outside the root"])
def test_another_eps_is_what_code_with_it_in_both_passes_gives(name):
    on = case()
    expected = written_out(on, name)
    assert_equal(predict(name, 3, 2, 1, on=on), expected)
    assert np.abs(expected["W1"] - written_out(on)["W1"]).max() > 1e-5


def test_at_the_kink_the_derivative_of_the_relu_is_taken_as_1():
    on = at_the_kink()
    expected = written_out(on, "ReLU mask at >= 0", 3)
    assert_equal(predict("ReLU mask at >= 0", 3, on=on), expected)
    assert np.abs(expected["beta3"] - written_out(on)["beta3"])[0] > 1e-4


def test_a_missing_penalty_takes_2_lambda_w_from_w_alone():
    on = case()
    right, found = right_values(on), predict("penalty missing", 2, on=on)
    np.testing.assert_allclose(right["W2"] - found["W2"], 0.2 * on.parameters["W2"], atol=1e-15)
    assert [name for name in right if not np.array_equal(right[name], found[name])] == ["W2"]


def test_at_every_layer_it_is_made_at_every_layer():
    on = case()
    (every,) = [c for c in BY_NAME["penalty missing"].candidates(SQUARE) if c.every]
    right, found = right_values(on), every.predict(on)
    assert every.layers == (4, 3, 2, 1)
    changed = {name for name in right if not np.array_equal(right[name], found[name])}
    assert changed == {"W1", "W2", "W3", "W4"}


def test_a_pair_makes_both_in_the_same_step():
    on = case()
    pair = Candidate(
        BY_NAME["W not divided by n"], (2,), Candidate(BY_NAME["penalty missing"], (2,))
    )
    data = right_values(on)["W2"] - 0.2 * on.parameters["W2"]
    np.testing.assert_allclose(pair.predict(on)["W2"], 9 * data, rtol=0, atol=1e-13)


def test_a_pair_of_passes_hands_the_wrong_values_on():
    on = case()
    pair = Candidate(BY_NAME["eps 0.1"], (3, 2, 1), Candidate(BY_NAME["sign of W"], (1,)))
    eps = Candidate(BY_NAME["eps 0.1"], (3, 2, 1)).predict(on)
    np.testing.assert_allclose(pair.predict(on)["W1"], -eps["W1"], rtol=0, atol=1e-15)


def test_what_cannot_be_made_on_a_network_is_not_tried():
    oblong = random_case(Network(6, (5, 4), 10, "batch"), 9, penalty=0.1, seed=8)
    for name, l in [("W transposed on the way down", 1), ("ReLU mask from the layer above", 1)]:
        with pytest.raises(Inapplicable):
            predict(name, l, on=oblong)


def test_without_batch_norm_there_are_no_faults_of_it():
    plain = Network(6, (5, 4), 10, normalization="none")
    left = [c.name for fault in FAULTS for c in fault.candidates(plain) if "gamma" in c.name]
    assert left == []
