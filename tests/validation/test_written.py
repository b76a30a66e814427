"""Faults and right variants written by hand, and coefficients drawn at random."""

import pytest

from validation.drawn import drawn
from validation.networks import networks
from validation.ours import examine
from validation.written_code import case_of, judge, written

FAULTS, RIGHT = list(written("faults")), list(written("right"))


def test_there_are_enough_of_them():
    assert len(FAULTS) >= 60
    assert len(RIGHT) >= 40
    assert len({one.style for one in FAULTS}) == 6


@pytest.mark.parametrize("one", RIGHT, ids=lambda one: f"{one.style} {one.new[:30]}")
def test_right_code_is_not_accused(one):
    assert one.evidence(case_of(one.style)).wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("one", FAULTS, ids=lambda one: f"{one.style} {one.new[:30]}")
def test_a_fault_is_placed_and_no_sentence_is_false(one):
    verdict = judge(one)
    assert (verdict.detected, verdict.placed, verdict.false) == (True, True, False), verdict.said


@pytest.mark.slow
def test_drawn_numbers_are_named_with_their_value():
    case = next(case for case in networks() if case.name == "8-6-4 BN n=11 lambda=0.1")
    planted = [fault for fault in drawn(case, 5) if fault.visible(everything=True)]
    found = [examine(fault, everything=True, name_it=True) for fault in planted]
    assert len(found) >= 20
    assert [f.planted.name for f in found if not f.detected] == []
    assert [f.said for f in found if not f.named] == []
