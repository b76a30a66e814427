"""Whether two tensors agree: how far apart, where, and on which scale that was judged."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from compare.diagnosis.examination import Examination

Verdict = Literal["agree", "disagree"]


@dataclass(frozen=True)
class TensorVerdict:
    """One tensor against one witness.

    Arguments:
        name: the tensor.
        witness: who says what was expected.
        verdict: whether the error is within the tolerance.
        max_abs: the largest absolute difference.
        max_rel: that, relative to the largest magnitude in either tensor; None where both are 0.
        worst_index: of the entry furthest beyond, or nearest to, what it was allowed.
        expected, actual: the values there; the witness's and the one under test.
        scale: what the tolerance is measured in: "relative" to the tensor, or "absolute".
        tolerance: what was allowed, on that scale.
        compared: how many entries or directions.
        left_out: how many could not be judged (central differences across a ReLU kink).
        note: why it is judged on that scale, or what else a reader should know.
    """

    name: str
    witness: str
    verdict: Verdict
    max_abs: float
    max_rel: float | None
    worst_index: tuple[int, ...]
    expected: float
    actual: float
    scale: Literal["relative", "absolute"]
    tolerance: float
    compared: int
    left_out: int = 0
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Every field; what is not finite becomes a string, since JSON has no NaN."""
        fields = dataclasses.asdict(self)
        return {
            key: repr(value) if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in fields.items()
        }


def judge(
    name: str,
    witness: str,
    expected: np.ndarray,
    actual: np.ndarray,
    *,
    relative: float = 0.0,
    absolute: float = 0.0,
    entrywise: float = 0.0,
    note: str = "",
) -> TensorVerdict:
    """Compares entry by entry; an entry may differ by the sum of the tolerances given.

    Arguments:
        expected, actual: of the same shape.
        relative: of the largest magnitude in the tensor. The scale for gradients: entries that
            are sums of cancelling terms carry the rounding of these terms, not of their own
            small value.
        absolute: the same for every entry.
        entrywise: of the entry's own magnitude.
        note: kept in the verdict.
    """
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if expected.shape != actual.shape:
        raise ValueError(f"{name}: shapes {expected.shape} and {actual.shape}")
    with np.errstate(invalid="ignore"):
        difference = np.abs(actual - expected)
    difference = np.where(np.isnan(difference), np.inf, difference)  # a NaN agrees with nothing
    magnitude = float(max(np.abs(expected).max(), np.abs(actual).max()))
    allowed = absolute + relative * magnitude + entrywise * np.abs(expected)
    agrees = bool((difference <= allowed).all() and np.isfinite(magnitude))
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.where(difference == 0, 0, difference / allowed)
    excess = np.where(np.isinf(difference), np.inf, excess)
    worst = np.unravel_index(int(excess.argmax()), difference.shape)
    max_abs = float(difference.max())
    return TensorVerdict(
        name=name,
        witness=witness,
        verdict="agree" if agrees else "disagree",
        max_abs=max_abs,
        max_rel=max_abs / magnitude if 0 < magnitude < np.inf else None,
        worst_index=tuple(int(i) for i in worst),
        expected=float(expected[worst]),
        actual=float(actual[worst]),
        scale="relative" if relative else "absolute",
        tolerance=relative or absolute,
        compared=expected.size,
        note=note,
    )


@dataclass(frozen=True)
class CaseVerdict:
    """One case: its tensors against each witness.

    Arguments:
        name: the case.
        tensors: in order of execution, forward before backward.
        first_fault: the first tensor in that order that disagrees, and the pass it belongs to.
        not_judged: what was not given.
        examination: which operation is broken and why, where something is.
    """

    name: str
    tensors: tuple[TensorVerdict, ...]
    first_fault: dict[str, str] | None
    not_judged: tuple[str, ...] = ()
    examination: Examination | None = None

    @property
    def verdict(self) -> Verdict:
        return overall([tensor.verdict for tensor in self.tensors])

    def as_json(self) -> dict[str, Any]:
        """As DESIGN's `check` writes a case."""
        examination = None if self.examination is None else self.examination.as_json()
        return {
            "name": self.name,
            "verdict": self.verdict,
            "tensors": [tensor.as_json() for tensor in self.tensors],
            "first_fault": self.first_fault,
            "diagnosis": [] if examination is None else examination["diagnosis"],
            "not_judged": list(self.not_judged),
            "examination": examination,
        }


def overall(verdicts: list[Verdict]) -> Verdict:
    """Disagreement anywhere is disagreement."""
    return "disagree" if "disagree" in verdicts else "agree"
