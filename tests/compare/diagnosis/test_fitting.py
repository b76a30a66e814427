"""Coefficients fitted to what code gave, by code that has them written out."""

import numpy as np
import pytest

from compare.cases import random_case
from compare.derivation import Place, steps_of
from compare.diagnosis.catalogue import right_values
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import examine
from compare.diagnosis.numbers import readings, shortest
from compare.diagnosis.search import diagnose
from twingrad.network import Network

PLAIN = random_case(Network(7, (6,), 4), 5, penalty=0.1, seed=2)


def parameters(case):
    return {name: value for name, value in right_values(case).items() if name in case.parameters}


def best(case, found):
    return diagnose(Evidence(case, found)).matches[0].candidate


def test_a_penalty_added_one_and_a_half_times_is_told_with_that_number():
    found = parameters(PLAIN)
    for name in ("W1", "W2"):
        found[name] = found[name] + 0.1 * PLAIN.parameters[name]  # 2 lambda W is 0.2 W
    candidate = best(PLAIN, found)
    assert candidate.name == "penalty added 1.5 times, every layer"
    assert (
        "is added 1.5 times at every layer" in examine("yours", Evidence(PLAIN, found)).sentences[1]
    )


def test_two_wrong_terms_of_one_step_are_two_faults_of_that_step():
    found = parameters(PLAIN)
    W = PLAIN.parameters["W2"]
    found["W2"] = 3 * (found["W2"] - 0.2 * W)
    assert best(PLAIN, found).name == "W: W times 3, layer 2 + penalty missing, layer 2"


def test_a_gradient_that_is_wholly_scaled_is_one_fault():
    found = parameters(PLAIN)
    found["W2"] = 0.3 * found["W2"]
    assert best(PLAIN, found).name == "W: all times 0.3, layer 2"


@pytest.mark.parametrize(
    ("divided", "name"), [(2, "divided by 2 n"), (7 / 5, "divided by d for n")]
)
def test_what_g_is_divided_by_is_read_as_it_is_written(divided, name):
    right = right_values(PLAIN)
    penalties = {n: 0.2 * PLAIN.parameters[n] for n in ("W1", "W2")}
    found = {n: v / divided for n, v in right.items() if n in PLAIN.parameters}
    for n, penalty in penalties.items():
        found[n] = found[n] + penalty * (1 - 1 / divided)
    assert best(PLAIN, found).parts[0].fault.name == name


def test_a_factor_on_a_single_number_is_not_believed_unless_it_is_one_that_people_write():
    right = right_values(PLAIN)
    cost = {"forward loss": right["forward loss"], "forward cost": right["forward cost"]}
    penalty = right["forward cost"] - right["forward loss"]
    odd = diagnose(Evidence(PLAIN, cost | {"forward cost": right["forward loss"] + 1.37 * penalty}))
    assert odd.matches == ()
    twice = diagnose(Evidence(PLAIN, cost | {"forward cost": right["forward loss"] + 2 * penalty}))
    assert twice.matches[0].candidate.name == "cost with twice the penalty, layer 2"


def test_a_forward_slip_with_an_unchanged_backward_pass_is_named_as_that():
    case, P = PLAIN, PLAIN.parameters
    s1 = case.X @ P["W1"].T + P["b1"]
    x1 = np.where(s1 > 0, s1, 0.23 * s1)
    s2 = x1 @ P["W2"].T + P["b2"]
    e = np.exp(s2)
    p = e / e.sum(axis=1, keepdims=True)
    G = (p - np.eye(4)[case.y]) / 5
    G1 = (G @ P["W2"]) * (s1 > 0)
    found = {
        "forward p": p,
        "W2": G.T @ x1 + 0.2 * P["W2"],
        "b2": G.sum(axis=0),
        "W1": G1.T @ case.X + 0.2 * P["W1"],
        "b1": G1.sum(axis=0),
    }
    fault = best(case, found).parts[0].fault
    assert fault.name == "leaky ReLU, slope 0.23, forward alone"
    assert fault.stage == "forward"


def test_a_number_is_written_as_short_as_the_fit_allows():
    assert shortest(1.4999999999, 1e-6) == 1.5
    assert shortest(1 / 3, 1e-6) == 0.333333
    layer = steps_of(PLAIN.network, "backward")["W", 2].layer
    at = Place(PLAIN, layer, {}, {})
    assert [number.text for number in readings(1 / 5, at, "W", 1e-6)] == ["1/n"]
