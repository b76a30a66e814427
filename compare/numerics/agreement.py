"""Compare two tensors: how much they differ, where, and on which scale that is judged."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from compare.diagnosis.examination import Examination

Verdict = Literal["agree", "disagree"]


@dataclass(frozen=True)
class TensorVerdict:
    """One tensor compared with one witness.

    Arguments:
        name: the tensor.
        witness: the source of the expected values.
        verdict: whether the error is within the tolerance.
        max_abs: maximum absolute difference.
        max_rel: max_abs relative to the largest magnitude in either tensor; None if both are 0.
        worst_index: the entry with the largest difference relative to its tolerance.
        expected, actual: the values at that entry: the witness's, and the one under test.
        scale: the unit of the tolerance: "relative" to the tensor, or "absolute".
        tolerance: in that unit.
        compared: number of entries or directions compared.
        left_out: number that could not be judged (central differences across a ReLU's kink).
        note: the reason for the scale, or a remark for the reader.
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
        """Every field, ready for JSON; NaN and infinity, which JSON lacks, become strings."""
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
    """Compare two tensors entry by entry; the tolerance of an entry is the sum of those given.

    Arguments:
        expected, actual: of the same shape.
        relative: tolerance relative to the largest magnitude in the tensor. It suits gradients,
            whose small entries are often sums of large terms that cancel: their rounding is that
            of the terms.
        absolute: tolerance that is the same for every entry.
        entrywise: tolerance relative to the entry's own magnitude.
        note: becomes part of the verdict.

    Raises:
        ValueError: the shapes differ.
    """
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if expected.shape != actual.shape:
        raise ValueError(f"{name}: shapes {expected.shape} and {actual.shape}")
    with np.errstate(invalid="ignore"):
        difference = np.abs(actual - expected)
    difference = np.where(np.isnan(difference), np.inf, difference)  # NaN never agrees
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
    """The tensors of one case, compared with each witness.

    Arguments:
        name: the case.
        tensors: in order of execution, forward before backward.
        first_fault: the first tensor in that order that disagrees, and its pass.
        not_judged: names of values that were missing.
        examination: which operation is wrong and why, if any.
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
        """The case in the format of `check --json`."""
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
    """Disagree if any of the verdicts disagrees."""
    return "disagree" if "disagree" in verdicts else "agree"
