"""Faults of training, which no gradient shows: planted in a short training, found by its states."""

from typing import Any

import manual_impl
import torch_impl
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.state_diagnosis import examine_states, states_with
from compare.diagnosis.states import course, judge_states


def training_counts() -> dict[str, Any]:
    """How many were detected, first seen in the right state, and named first; by name the rest."""
    right = states_with(())
    short: dict[str, list[str]] = {"missed": [], "misplaced": [], "misnamed": []}
    for fault in STATE_FAULTS:
        found = states_with((fault,))
        examined = examine_states(found, judge_states("right", right, found))
        if examined is None:
            short["missed"].append(fault.name)
            continue
        if examined.tensor.rstrip("0123456789") != fault.tensor:
            short["misplaced"].append(f"{fault.name}; said: {examined.tensor}")
        if not examined.matches or examined.matches[0].faults != (fault,):
            short["misnamed"].append(fault.name)
    accused = [
        side.__name__
        for side in (manual_impl, torch_impl)
        if any(v.verdict == "disagree" for v in judge_states("right", right, course(side)))
    ]
    return {"faults": len(STATE_FAULTS), **short, "accused": accused}
