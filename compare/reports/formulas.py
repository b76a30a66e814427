"""A step's formula at one layer, with the wrong part marked."""

from dataclasses import dataclass

from compare.derivation import Placed
from compare.derivation.letters import numbered
from compare.derivation.source import code_of
from compare.derivation.wording import Form, in_form
from compare.diagnosis.catalogue import Candidate
from compare.diagnosis.examination import Examination
from twingrad.network import Network


@dataclass(frozen=True)
class Formula:
    """A formula in three parts: before, wrong and after."""

    before: str
    wrong: str = ""
    after: str = ""

    def __str__(self) -> str:
        return self.before + self.wrong + self.after


@dataclass(frozen=True)
class BrokenStep:
    """A step that is broken, or suspected, for people.

    Arguments:
        title: what it is.
        formula: what it computes, with the wrong part where a known fault says which.
        why: the sentence that derives it.
        code: file and line, and the code there, of every line that it becomes.
    """

    title: str
    formula: Formula
    why: str
    code: tuple[tuple[str, str], ...]


def marked(placed: Placed, wrong: str) -> Formula:
    """A step's formula, cut around a fault's `wrong` part; if that is "", the whole right-hand side
    is marked.

    Arguments:
        wrong: a part of the step's formula, word by word.
    """
    text = placed.step.formula
    right = text.index(" = ") + 3
    start = text.find(wrong, right) if wrong else -1
    start, end = (start, start + len(wrong)) if start >= 0 else (right, len(text))
    parts = (text[:start], text[start:end], text[end:])
    return Formula(*(numbered(part, placed.layer) for part in parts))


def broken_steps(examination: Examination) -> list[BrokenStep]:
    """The steps that the first explanation calls wrong; without one, the suspects, unmarked."""
    network, form = examination.evidence.case.network, examination.evidence.form
    if examination.best is not None:
        parts = examination.best.candidate.parts
        # a fault of all values, such as their precision, is a mistake in no step
        return [
            of_fault(part, network, form)
            for part in parts
            if part.fault.backward or part.fault.forward
        ]
    return [
        BrokenStep(placed.title, Formula(placed.formula), placed.why, quoted(placed, form))
        for placed in examination.steps
    ]


def quoted(placed: Placed, form: Form) -> tuple[tuple[str, str], ...]:
    """The location and code of a step; a note if its penalty has another form than the user's."""
    return tuple(
        (place, f"{code}  # there the cost has lambda ||W||^2, yours lambda/2 ||W||^2")
        if form == "half" and "penalty" in code
        else (place, code)
        for place, code in code_of(placed.step)
    )


def of_fault(part: Candidate, network: Network, form: Form) -> BrokenStep:
    """The first step of a fault, with the wrong part marked."""
    fault, first = part.fault, part.first_layer
    placed = fault.step_in(network, first)
    others = ", ".join(str(l) for l in sorted(part.layers) if l != first)
    also = f"; likewise at layer{'s' if len(part.layers) > 2 else ''} {others}" if others else ""
    return BrokenStep(
        placed.title + also,
        Formula(*(in_form(text, form) for text in vars(marked(placed, fault.wrong)).values())),
        in_form(placed.why, form),
        quoted(placed, form),
    )
