"""Faults of training, which no gradient shows, planted in a short training."""

from typing import Any

import manual_impl
import torch_impl
from compare.diagnosis.state_diagnosis import examine_states, faults_in, states_with
from compare.diagnosis.states import SETTINGS, course, judge_states


def training_counts() -> dict[str, Any]:
    """The number of faults, and the names of those missed, misplaced or misnamed.

    A fault counts once in each setting in which it can be made.
    """
    short: dict[str, list[str]] = {"missed": [], "misplaced": [], "misnamed": []}
    planted = [(setting, fault) for setting in SETTINGS for fault in faults_in(setting)]
    for setting, fault in planted:
        found, name = states_with((fault,), setting), f"{setting}: {fault.name}"
        verdicts = judge_states("right", states_with((), setting), found, setting)
        examined = examine_states(found, verdicts, setting)
        if examined is None:
            short["missed"].append(name)
            continue
        if examined.tensor.rstrip("0123456789") != fault.tensor:
            short["misplaced"].append(f"{name}; said: {examined.tensor}")
        if not examined.matches or examined.matches[0].faults != (fault,):
            short["misnamed"].append(name)
    accused = [
        f"{side.__name__}: {setting}"
        for side in (manual_impl, torch_impl)
        for setting in SETTINGS
        if any(
            verdict.verdict == "disagree"
            for verdict in judge_states(
                "right", states_with((), setting), course(side, setting), setting
            )
        )
    ]
    return {"faults": len(planted), **short, "accused": accused}
