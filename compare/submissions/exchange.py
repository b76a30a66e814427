"""The folder through which both processes speak: JSON and `.npz`, never a pickle."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compare.submissions.request import CaseSpec
from compare.submissions.submission import Answer, Finding, LayerAnswer, Submission

REQUEST, RESULT, HUNG, STATES = "request.json", "result.json", "hung.txt", "states.npz"
GROUPS = ("gradients", "forward", "wrong_shapes")


class Report:
    """What the child has learnt so far; every change is on disk before the user's code runs on.

    Arguments:
        folder: to write into.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers = 0
        self.known: set[tuple[str, str | None]] = set()
        self.result: dict[str, Any] = {
            "layout": "",
            "assumed": {},
            "penalty_forms": ["full", "half"],
            "eps_forms": [],
            "lines": {},
            "answers": [],
            "findings": [],
            "untried": [],
            "unusable": None,
            "done": False,
        }

    def set(self, **values: Any) -> None:
        """Sets entries of the result."""
        self.result |= values
        self.save()

    def find(self, finding: Finding) -> None:
        """Adds a finding; one of each kind for a tensor is enough."""
        if (finding.kind, finding.tensor) not in self.known:
            self.known.add((finding.kind, finding.tensor))
            self.result["findings"].append(asdict(finding))
            self.save()

    def answer(self, answer: Answer) -> None:
        """Adds the answer to one case."""
        arrays: dict[str, Any] = {
            f"{group}/{name}": value
            for group in GROUPS
            for name, value in getattr(answer, group).items()
        }
        np.savez(self.folder / f"answer{self.answers}.npz", **arrays)
        self.result["answers"].append(
            {
                "spec": asdict(answer.spec),
                "own_cost": answer.own_cost,
                "raw_shapes": answer.raw_shapes,
                "seconds": answer.seconds,
            }
        )
        self.answers += 1
        self.save()

    def layers(self, layers: list[LayerAnswer]) -> None:
        """Adds what was found of single layers, whose arrays are small."""
        self.set(layers=[as_lists(asdict(layer)) for layer in layers])

    def states(self, states: dict[str, Any]) -> None:
        """Adds what a training by the user's code went through."""
        np.savez(self.folder / STATES, **states)

    def save(self) -> None:
        """Writes the result beside the old one, then renames: the parent may read at any time."""
        beside = self.folder / f".{RESULT}"
        beside.write_text(json.dumps(self.result))
        os.replace(beside, self.folder / RESULT)


def as_lists(value: Any) -> Any:
    """Arrays as lists, for JSON."""
    if isinstance(value, dict):
        return {key: as_lists(entry) for key, entry in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def as_layer(values: dict[str, Any]) -> LayerAnswer:
    """The inverse for one layer."""
    found = {name: np.array(value) for name, value in values["found"].items()}
    expected = {
        witness: {name: np.array(value) for name, value in arrays.items()}
        for witness, arrays in values["expected"].items()
    }
    missing = tuple(values["missing"])
    return LayerAnswer(**{**values, "found": found, "expected": expected, "missing": missing})


def read_result(folder: Path) -> dict[str, Any]:
    """The child's result as far as it came; {} where it never began."""
    path = folder / RESULT
    return json.loads(path.read_text()) if path.is_file() else {}


def as_submission(
    path: Path, folder: Path, result: dict[str, Any], findings: list[Finding], output: str
) -> Submission:
    """The parent's view of a result.

    Arguments:
        findings: the parent's own, to go after the child's.
        output: what the code printed.
    """
    answers = [
        as_answer(folder / f"answer{i}.npz", values)
        for i, values in enumerate(result.get("answers", []))
    ]
    own = [Finding(**values) for values in result.get("findings", [])]
    return Submission(
        path=path,
        layout=result.get("layout", ""),
        assumed=result.get("assumed", {}),
        penalty_forms=tuple(result.get("penalty_forms", ())),
        eps_forms=tuple(result.get("eps_forms", ())),
        lines=result.get("lines", {}),
        answers=tuple(answers),
        findings=(*own, *findings),
        untried=tuple(result.get("untried", ())),
        states=read_arrays(folder / STATES) if (folder / STATES).is_file() else {},
        output=output,
        layers=tuple(map(as_layer, result.get("layers", []))),
    )


def as_answer(file: Path, values: dict[str, Any]) -> Answer:
    """One answer from its JSON and its file."""
    groups: dict[str, Any] = {group: {} for group in GROUPS}
    for key, array in read_arrays(file).items():
        group, name = key.split("/")
        groups[group][name] = array
    spec = dict(values["spec"])
    return Answer(
        spec=CaseSpec(**{**spec, "hidden": tuple(spec["hidden"])}),
        **groups,
        own_cost={
            name: [(tuple(index), float(value)) for index, value in entries]
            for name, entries in values["own_cost"].items()
        },
        raw_shapes={name: tuple(shape) for name, shape in values["raw_shapes"].items()},
        seconds=values["seconds"],
    )


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.npz`, refusing pickles."""
    with np.load(file, allow_pickle=False) as content:
        return dict(content.items())
