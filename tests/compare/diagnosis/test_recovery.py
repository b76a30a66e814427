import numpy as np
import pytest

from compare.cases import random_case
from compare.diagnosis.catalogue import FAULTS, Candidate, right_values
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.recovery import Contradiction, recovered_s, recovered_s_tilde
from twingrad.network import Network

WIDE = Network(16, (15, 15), 10, normalization="batch")


def case(samples=11, network=WIDE):
    return random_case(network, samples, penalty=0.1, seed=7)


def fault(name, *layers):
    return Candidate(next(fault for fault in FAULTS if fault.name == name), layers)


def close(value, expected):
    # solving for G loses up to four digits
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("l", [1, 2])
def test_the_gradient_by_s_follows_from_that_of_w(l):
    right = right_values(case())
    close(recovered_s(Evidence(case(), right), l), right[f"s{l}"])


def test_a_wrong_one_follows_just_as_well():
    found = fault("ReLU mask missing", 2).predict(case())
    close(recovered_s(Evidence(case(), found), 1), found["s1"])
    assert np.abs(found["s1"] - right_values(case())["s1"]).max() > 1e-3


def test_the_network_may_be_narrower_than_the_minibatch_and_then_it_is_not_determined():
    on = case(samples=16)
    assert recovered_s(Evidence(on, right_values(on)), 1) is None


def test_without_the_gradient_of_w_it_is_not_determined():
    assert recovered_s(Evidence(case(), {"b1": right_values(case())["b1"]}), 1) is None


@pytest.mark.parametrize("name", ["penalty missing", "W's gradient from s"])
def test_a_w_that_no_gradient_by_s_can_give_is_a_contradiction(name):
    found = fault(name, 2).predict(case())
    with pytest.raises(Contradiction):
        recovered_s(Evidence(case(), found), 2)


def test_the_gradient_by_s_tilde_follows_from_that_by_s_with_gamma_and_beta():
    for values in (right_values(case()), fault("ReLU mask missing", 1).predict(case())):
        close(recovered_s_tilde(Evidence(case(), values), 1, values["s1"]), values["s_tilde1"])


def test_a_gamma_of_0_hides_the_gradient_by_s_tilde():
    on = case()
    on.parameters["gamma1"][3] = 0
    right = right_values(on)
    assert recovered_s_tilde(Evidence(on, right), 1, right["s1"]) is None
