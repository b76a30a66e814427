import json

import numpy as np
import pytest

from reproduction.verdicts.gradients import (
    check_gradients,
    gradient_checks,
    small_case,
    two_point_differences,
)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("layers", [2, 9])
def test_gradients_by_hand_pass_both_measures(layers, batch_norm):
    check = check_gradients(small_case(layers, batch_norm, 0.005), as_published=False)
    assert (check.passed_report, check.passed_ours, check.diagnosis) == (True, True, "")
    assert list(check.kinds) == (["W", "b", "gamma", "beta"] if batch_norm else ["W", "b"])
    # rounding of J / h, 1e-11, and h^2 times a third derivative, 1e-8 below eight batch norms
    assert max(check.kinds.values()) < 5e-8
    assert 0 < check.relative < 1e-12


def test_the_missing_penalty_passes_without_one_and_fails_by_its_size_with_one():
    blind, seeing = (
        check_gradients(small_case(3, False, penalty), as_published=True)
        for penalty in (0.0, 0.005)
    )
    assert (blind.passed_report, blind.passed_ours) == (True, True)
    assert (seeing.passed_report, seeing.passed_ours) == (False, False)
    largest = 2 * 0.005 * np.abs(small_case(3, False, 0.005).parameters["W1"]).max()
    assert seeing.kinds["W"] == pytest.approx(largest, abs=1e-9)
    assert seeing.kinds["b"] < 1e-9
    assert seeing.diagnosis == "penalty missing, layer 1"


def test_two_point_differences_of_the_cost_without_a_network_are_its_textbook_gradient():
    case = small_case(1, False, 0.1)
    scores = np.exp(case.X @ case.parameters["W1"].T + case.parameters["b1"])
    G = (scores / scores.sum(axis=1, keepdims=True) - np.eye(10)[case.y]) / len(case.y)
    found = two_point_differences(case)
    expected = G.T @ case.X + 2 * 0.1 * case.parameters["W1"]
    np.testing.assert_allclose(found["W1"], expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["b1"], G.sum(axis=0), rtol=0, atol=1e-9)


def test_every_network_is_checked_and_those_without_batch_norm_as_published_too(monkeypatch):
    monkeypatch.setattr("reproduction.verdicts.gradients.LAYERS", (2,))
    checks = gradient_checks()
    assert [(c.as_published, c.batch_norm, c.layers, c.penalty) for c in checks] == [
        (False, False, 2, 0.0),
        (False, False, 2, 0.005),
        (False, True, 2, 0.0),
        (False, True, 2, 0.005),
        (True, False, 2, 0.0),
        (True, False, 2, 0.005),
    ]
    assert [c.passed_report for c in checks] == [True] * 5 + [False]
    fields = json.loads(json.dumps(checks[-1].as_json(), allow_nan=False))
    assert fields["kinds"]["W"] == checks[-1].kinds["W"]
