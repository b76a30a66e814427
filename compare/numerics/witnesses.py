"""Who agrees with whom: the witnesses of a gradient in camps, and who stands alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.numerics.derivatives import Derivatives

TOLERANCES = {"central differences": 1e-6}
"""Absolute where it is a witness; the others agree within rounding."""

EXACT = 1e-10
"""Limit relative to the largest derivative probed: rounding, and room for terms that cancel."""


@dataclass(frozen=True)
class Camps:
    """The witnesses of one parameter's gradient.

    Arguments:
        name: the parameter.
        camps: the names of those that agree with each other, the largest camp first.
    """

    name: str
    camps: tuple[tuple[str, ...], ...]

    @property
    def alone(self) -> str | None:
        """Who stands alone against at least two that agree."""
        first, *others = self.camps
        single = [camp[0] for camp in others if len(camp) == 1]
        return single[0] if len(first) > 1 and len(others) == 1 and single else None

    def as_json(self) -> dict[str, Any]:
        """Name, camps and who stands alone."""
        return {"name": self.name, "camps": [list(c) for c in self.camps], "alone": self.alone}


def camps(name: str, values: Mapping[str, np.ndarray]) -> Camps:
    """Groups witnesses by agreement along the same probes.

    Arguments:
        values: by witness; NaN where a witness cannot tell.
    """
    groups: list[list[str]] = []
    # the exact ones first, so that central differences join a camp and do not bridge two
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
    """Whether two witnesses say the same wherever both can tell."""
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
    """The camps of one parameter, from its numerical derivatives along probes."""
    said = {
        witness: np.array([float(np.vdot(probe.direction, given[name])) for probe in values.probes])
        for witness, given in gradients.items()
        if name in given and given[name].shape == values.probes[0].direction.shape
    }
    said["complex step"] = np.array(values.complex_step)
    said["central differences"] = np.array(values.central)
    return camps(name, said)
