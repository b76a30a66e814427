"""The checker against faults planted on purpose, and against right code written otherwise."""

import json
import re

import numpy as np
import pytest

from compare.derivation import STAGES, steps_of
from compare.diagnosis.catalogue import FAULTS, right_values
from validation.gathered import OUTSIDE, combined, outside_singles
from validation.networks import is_further, networks, touches_kink
from validation.others import RememberedCost, central_differences, say
from validation.ours import alarm, examine
from validation.planting import Planted, catalogue
from validation.variants import (
    FORMULAS,
    applicable,
    by_hand,
    combinations,
    in_float32,
    variants,
    with_formulas,
)

pytestmark = pytest.mark.slow

NETWORKS = networks()
BY_NAME = {case.name: case for case in NETWORKS}
PLAIN = BY_NAME["8-6-4 n=11 lambda=0.1"]
NORMALISED = BY_NAME["8-6-4 BN n=11 lambda=0.1"]

STEPS = {
    (stage, operation): placed.step
    for case in NETWORKS
    if not is_further(case.network)
    for stage in STAGES
    for (operation, _), placed in steps_of(case.network, stage).items()
}
"""Every step of those of batch norm and ReLU, by pass and operation."""


@pytest.fixture(scope="module", params=[PLAIN, NORMALISED], ids=lambda case: case.name)
def named(request):
    """What is said of every fault of the catalogue that can be seen, everything shown."""
    return [
        examine(fault, everything=True, name_it=True)
        for fault in catalogue(request.param)
        if fault.visible(everything=True)
    ]


def test_every_fault_of_the_catalogue_is_detected(named):
    assert [finding.planted.name for finding in named if not finding.detected] == []


def test_the_catalogue_is_localised(named):
    assert np.mean([finding.localised for finding in named]) >= 0.98


def test_the_catalogue_is_named_first(named):
    assert np.mean([finding.named for finding in named]) >= 0.95


@pytest.mark.parametrize("case", [*NETWORKS[:4], NETWORKS[-2]], ids=lambda case: case.name)
def test_faults_outside_the_catalogue_are_detected_and_localised(case):
    planted = [f for f in (*outside_singles(case), *combined(case, 0)) if f.visible(True)]
    findings = [examine(fault, everything=True, name_it=False) for fault in planted]
    assert [finding.planted.name for finding in findings if not finding.detected] == []
    assert np.mean([finding.localised for finding in findings]) >= 0.9


def test_every_fault_outside_the_catalogue_changes_something_somewhere():
    seen = {f.kind for case in NETWORKS for f in outside_singles(case) if f.visible(True)}
    assert {fault.name for fault in OUTSIDE} - seen == set()


def test_there_are_enough_faults_outside_the_catalogue_and_none_is_in_it():
    assert len({fault.name for fault in OUTSIDE}) >= 30
    known = catalogue(NORMALISED)
    for fault in outside_singles(NORMALISED):
        if fault.visible(everything=True):
            assert [other.name for other in known if equal(fault, other)] == [], fault.name


def equal(one, other):
    """Whether two faults give the same values to rounding."""
    return all(
        value.shape == other.values[name].shape
        and np.allclose(value, other.values[name], rtol=1e-12, atol=1e-14)
        for name, value in one.values.items()
    )


def test_almost_every_fault_of_the_catalogue_can_be_seen_on_some_network():
    seen = {f.kind for case in NETWORKS for f in catalogue(case) if f.visible(True)}
    unseen = {fault.name for fault in FAULTS} - seen
    # layers that these networks do not have, and guards too small for any p here
    too_small = r"^eps 1e-(09|10|12).*, layer norm$|^guarded logarithm, 1e-(09|10|12)$"
    deeper = r" of W\d+| the layer two (above|below)| two (above|below)"
    left = [name for name in unseen if not re.search(f"{too_small}|{deeper}", name)]
    assert left == []


def test_the_place_of_a_fault_is_where_it_is_made():
    fault = next(f for f in catalogue(NORMALISED) if f.name == "variance's term missing, layer 1")
    assert fault.place == ("backward", "s", 1)


def test_a_fault_that_changes_nothing_is_not_seen():
    fault = next(f for f in catalogue(NORMALISED) if f.name == "b meaned twice, layer 1")
    assert not fault.visible(everything=True)
    assert fault.place is None


@pytest.mark.parametrize("case", NETWORKS[::2], ids=lambda case: case.name)
def test_right_variants_agree_with_the_gradients_by_hand_and_raise_no_alarm(case):
    right = by_hand(case)
    for variant in variants(case, seed=3):
        values = variant.values
        for name, value in values.items():
            magnitude = np.abs(right[name]).max()
            assert np.abs(value - right[name]).max() <= 1e-10 * max(magnitude, 1), variant.name
        assert alarm(case, values) == "", variant.name


def test_other_formulas_are_other_code():
    for formula in FORMULAS:
        usual = STEPS[formula.stage, formula.operation].compute
        assert formula.compute.__code__.co_code != usual.__code__.co_code, formula.name
    assert len({formula.compute.__code__.co_code for formula in FORMULAS}) >= 60


def test_every_step_with_arithmetic_is_rounded_otherwise_by_some_formula():
    right = {case.name: right_values(case) for case in NETWORKS}
    differing = {
        (formula.stage, formula.operation)
        for case in NETWORKS
        for formula in applicable(case.network)
        for values in [with_formulas([formula])(case)]
        if any(not np.array_equal(v, right[case.name][n]) for n, v in values.items())
    }
    exact = {("forward", "x"), ("backward", "mask"), ("backward", "s_hat")}  # they do not round
    assert STEPS.keys() - differing - exact == set()


def test_float32_variants_compute_in_float32():
    chosen = next(combinations(applicable(NORMALISED.network), 1, seed=0))
    values = in_float32(chosen)(NORMALISED)
    assert {value.dtype for value in values.values()} == {np.dtype(np.float32)}


def say_of(case, values):
    shared = RememberedCost(Planted(case, "", "", ()).cost, case.parameters)
    return list(say(values, central_differences(shared), shared).values())


def test_the_other_checks_pass_right_gradients_and_see_a_missing_penalty():
    right = right_values(PLAIN)
    assert say_of(PLAIN, right) == [False, False, False]
    wrong = right | {"W1": right["W1"] - 0.2 * PLAIN.parameters["W1"]}
    assert say_of(PLAIN, wrong) == [True, True, True]


def test_the_other_checks_take_another_shape_for_a_fault():
    right = right_values(PLAIN)
    assert say_of(PLAIN, right | {"b1": np.zeros(3)}) == [True, True, True]


def test_the_relative_error_rule_accuses_right_code_below_a_batch_norm():
    assert say_of(NORMALISED, right_values(NORMALISED)) == [True, False, False]


def test_networks_at_a_kink_touch_it():
    assert [case.name for case in NETWORKS if touches_kink(case)] == [
        name for name in BY_NAME if name.endswith("at a kink")
    ]


def test_the_page_holds_the_counts_of_its_json():
    from tests.support import ROOT
    from validation.page import page

    counts = json.loads((ROOT / "docs/benchmarks/checkers.json").read_text())
    assert (ROOT / "docs/checkers.md").read_text() == page(counts)
