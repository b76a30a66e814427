"""Group the witnesses of a gradient into camps that agree, and find one that is alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.numerics.derivatives import Derivatives

TOLERANCES = {"central differences": 1e-6}
"""Absolute tolerance for comparisons with a witness that is not exact to rounding."""

EXACT = 1e-10
"""Tolerance between exact witnesses, relative to the largest derivative: it allows for rounding and
for terms that cancel."""


@dataclass(frozen=True)
class Camps:
    """The witnesses of one parameter's gradient.

    Arguments:
        name: the parameter.
        camps: names of witnesses that agree with each other, the largest camp first.
    """

    name: str
    camps: tuple[tuple[str, ...], ...]

    @property
    def alone(self) -> str | None:
        """The witness that disagrees with all others, if at least two others agree."""
        first, *others = self.camps
        single = [camp[0] for camp in others if len(camp) == 1]
        return single[0] if len(first) > 1 and len(others) == 1 and single else None

    def as_json(self) -> dict[str, Any]:
        """Name, camps and the witness that is alone, ready for JSON."""
        return {"name": self.name, "camps": [list(c) for c in self.camps], "alone": self.alone}


def camps(name: str, values: Mapping[str, np.ndarray]) -> Camps:
    """Group witnesses that agree along the same probes.

    Arguments:
        values: by witness; NaN where a witness has no value.
    """
    groups: list[list[str]] = []
    # exact witnesses first, so that central differences join one camp instead of bridging two
    for witness in sorted(values, key=lambda w: w in TOLERANCES):
        for group in groups:
            if agree(values, witness, group[0]):
                group.append(witness)
                break
        else:
            groups.append([witness])
    groups.sort(key=len, reverse=True)
    return Camps(name, tuple(tuple(group) for group in groups))


def agree(values: Mapping[str, np.ndarray], one: str, other: str) -> bool:
    """Whether two witnesses agree wherever both have a value."""
    a, b = values[one], values[other]
    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return bool(np.isnan(a).all() or np.isnan(b).all())
    size = max(1.0, float(np.abs(b[both]).max()), float(np.abs(a[both]).max()))
    allowed = max(TOLERANCES.get(one, 0), TOLERANCES.get(other, 0)) or EXACT * size
    return bool((np.abs(a - b)[both] <= allowed).all())


def camps_along(
    name: str, values: Derivatives, gradients: Mapping[str, Mapping[str, np.ndarray]]
) -> Camps:
    """The camps of one parameter, from gradients and numerical derivatives along its probes."""
    slopes = {
        witness: np.array([float(np.vdot(probe.direction, given[name])) for probe in values.probes])
        for witness, given in gradients.items()
        if name in given and given[name].shape == values.probes[0].direction.shape
    }
    slopes["complex step"] = np.array(values.complex_step)
    slopes["central differences"] = np.array(values.central)
    return camps(name, slopes)
