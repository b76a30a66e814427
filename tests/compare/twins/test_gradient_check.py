import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import manual_impl
import torch_impl
from compare.architectures import random_cases
from compare.cases import random_case, standard_cases
from compare.twins.gradient_check import check_case
from tests.compare.faults import FAULTS, no_penalty_on_layer_1, with_gradients
from twingrad.layers import KINDS
from twingrad.network import Network

NETWORK = Network(8, (6, 5), 10, normalization="batch")


def small_case():
    return random_case(NETWORK, 12, penalty=0.1, seed=3)


def test_the_standard_cases_agree():
    verdicts = [check_case(case, manual_impl, torch_impl) for case in standard_cases(0)]
    assert [v.verdict for v in verdicts] == ["agree"] * 26
    assert all(v.first_fault is None for v in verdicts)


@pytest.mark.parametrize("case", list(random_cases(40, seed=1)), ids=lambda case: case.name)
def test_random_kinds_of_layer_agree(case):
    verdict = check_case(case, manual_impl, torch_impl, every_below=8, entries=4)
    assert [t for t in verdict.tensors if t.verdict == "disagree"] == []


def test_the_random_architectures_have_every_kind_of_layer():
    kinds = {layer.kind for case in random_cases(40, seed=1) for layer in case.network.layers}
    assert kinds == set(KINDS)


@st.composite
def architectures(draw):
    inputs = draw(st.one_of(st.integers(1, 60), st.integers(1, 3072)))
    hidden = tuple(draw(st.lists(st.integers(1, 40), min_size=1, max_size=9)))
    return Network(inputs, hidden, 10, "batch" if draw(st.booleans()) else "none")


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    network=architectures(),
    samples=st.integers(2, 100),
    penalty=st.sampled_from([0.0, 0.005, 0.1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_architectures_agree(network, samples, penalty, seed):
    case = random_case(network, samples, penalty=penalty, seed=seed)
    verdict = check_case(case, manual_impl, torch_impl, every_below=8, entries=4)
    faults = [t for t in verdict.tensors if t.verdict == "disagree"]
    assert faults == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_every_planted_fault_is_caught(fault):
    verdict = check_case(small_case(), with_gradients(fault), torch_impl)
    assert verdict.verdict == "disagree"
    assert verdict.first_fault["pass"] == "backward"


def test_the_report_names_the_tensor_that_is_wrong_and_only_that():
    verdict = check_case(small_case(), with_gradients(no_penalty_on_layer_1), torch_impl)
    wrong = {(t.name, t.witness) for t in verdict.tensors if t.verdict == "disagree"}
    assert wrong == {
        ("W1", "autograd"),
        ("W1", "complex step"),
        ("W1", "central differences"),
    }
    assert verdict.first_fault == {"tensor": "W1", "pass": "backward"}


def test_biases_below_a_batch_norm_are_judged_absolutely_and_it_says_so():
    verdict = check_case(small_case(), manual_impl, torch_impl)
    judged = {t.name: (t.scale, t.note) for t in verdict.tensors if t.witness == "autograd"}
    assert judged["b1"][0] == judged["b2"][0] == "absolute"
    assert "zero in theory" in judged["b1"][1]
    assert judged["b3"] == ("relative", "")


def test_a_fault_in_the_forward_pass_is_first_seen_there():
    def forward(network, parameters, X, y, *, penalty, statistics=None):
        if statistics is None:
            X = X * (1 + 1e-6)
        return manual_impl.forward(
            network, parameters, X, y, penalty=penalty, statistics=statistics
        )

    faulty = type("Faulty", (), {"forward": staticmethod(forward)})
    faulty.gradients = staticmethod(manual_impl.gradients)
    verdict = check_case(small_case(), faulty, torch_impl)
    assert verdict.first_fault == {"tensor": "s1", "pass": "forward"}


def test_json_of_a_case_has_the_fields_of_the_design():
    case = check_case(small_case(), manual_impl, torch_impl).as_json()
    assert {"name", "verdict", "tensors", "first_fault", "diagnosis"} <= set(case)
    needed = {"name", "verdict", "max_abs", "max_rel", "worst_index", "expected", "actual"}
    assert needed <= set(case["tensors"][0])
    assert np.isfinite(case["tensors"][0]["max_abs"])
