"""Faults and right variants written by hand into programs in different styles.

A program of `validation/written` is changed in one place, run, and judged by what it returns; the
functions that plant the catalogue's faults are not used.
"""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from compare.cases import Case, random_case
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import Examination, examine
from twingrad.network import Network

FOLDER = Path(__file__).parent / "written"

NORMALISED = ("columns", "caches")
"""Programs that need batch norm; in `modules` and `tape` it is optional."""


@dataclass(frozen=True)
class Written:
    """A program with one change.

    Arguments:
        style: the program.
        old, new: the change.
        place: the pass and the operations that are acceptable places, such as "backward s v"; ""
            for right code.
    """

    style: str
    old: str
    new: str
    place: str = ""

    @property
    def places(self) -> set[tuple[str, str]]:
        """(pass, operation) of every acceptable place."""
        stage, *operations = self.place.split()
        return {(stage, operation) for operation in operations}

    @property
    def run(self) -> Callable[..., dict[str, Any]]:
        """The program's function."""
        text = (FOLDER / f"{self.style}.py").read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.style}: {self.old!r} occurs {text.count(self.old)} times")
        names: dict[str, Any] = {}
        exec(compile(text.replace(self.old, self.new), f"{self.style}.py", "exec"), names)
        return names["run"]

    def evidence(self, case: Case) -> Evidence:
        """Its gradients of the parameters, p, loss and cost for a case."""
        parameters = {name: value.copy() for name, value in case.parameters.items()}
        with np.errstate(all="ignore"):
            given = self.run(
                case.X.copy(), case.y.copy(), parameters, case.penalty, case.network.eps
            )
        found = {f"forward {name}": np.asarray(given[name]) for name in ("p", "loss", "cost")}
        return Evidence(case, found | given["grads"])


def written(kind: str) -> Iterator[Written]:
    """The changes in the file "faults" or "right"."""
    for style, entries in tomllib.loads((FOLDER / f"{kind}.toml").read_text()).items():
        yield from (Written(style, **entry) for entry in entries)


@cache
def case_of(style: str) -> Case:
    """The case on which a program is run: three layers, and fewer samples than inputs."""
    norm = "none" if style in ("loops", "einsums") else "batch"
    return random_case(Network(8, (6, 5), 4, norm), 7, penalty=0.1, seed=3)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one change.

    Arguments:
        written: the change.
        detected: whether anything was called wrong.
        placed: whether an acceptable place is among the places reported.
        named: whether there is an explanation at an acceptable place.
        false: whether there is an explanation at another place.
        said: the sentences reported.
    """

    written: Written
    detected: bool
    placed: bool
    named: bool
    false: bool
    said: str


def judge(one: Written) -> Verdict:
    """Examine the values that a changed program returns."""
    found = examine("yours", one.evidence(case_of(one.style)))
    places = said_places(found)
    best = found.best
    true = bool(places & one.places)
    return Verdict(
        one,
        detected=bool(found.evidence.wrong),
        placed=true,
        named=best is not None and true,
        false=best is not None and not true,
        said=" ".join(found.sentences),
    )


def said_places(found: Examination) -> set[tuple[str, str]]:
    """(pass, operation) of the explanation's mistakes, or of the suspects if there is none."""
    if found.best is not None:
        return {(part.fault.stage, part.fault.operation) for part in found.best.candidate.parts}
    return {(found.blame.stage or "", operation) for operation, _ in found.blame.suspects}
