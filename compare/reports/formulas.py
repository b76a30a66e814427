"""A step of the derivation as it reads at one layer, with the part that a mistake got wrong."""

import re
from dataclasses import dataclass

from compare.derivation import Step
from compare.derivation.source import code_of
from compare.derivation.wording import Form, in_form
from compare.diagnosis.catalogue import Candidate
from compare.diagnosis.examination import Examination
from twingrad.network import Network

QUANTITY = re.compile(
    r"(?<![A-Za-z_])(G_)?(s_tilde|s_hat|gamma|beta|mu|W|b|s|v|x)(?=(?:_[ij])?(?![A-Za-z0-9_]))"
)
"""What carries the number of a layer, by itself or with the index of a sample or unit."""


@dataclass(frozen=True)
class Formula:
    """A formula cut where a mistake touches it; `before + wrong + after` is all of it."""

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


def formula(step: Step, network: Network, l: int) -> str:
    """What a step computes at layer l, in numbered letters: "s_tilde2 = gamma2 s_hat2 + beta2"."""
    return numbered(without_alternatives(step.formula, network), step, l)


def marked(step: Step, network: Network, l: int, wrong: str) -> Formula:
    """The same, cut around a fault's `wrong` part; the whole right side where that is "".

    Arguments:
        wrong: a part of the step's formula, word by word.
    """
    text = without_alternatives(step.formula, network)
    wrong = wrong if network.batch_norm else wrong.replace("s_tilde", "s")
    right = text.index(" = ") + 3
    start = text.find(wrong, right) if wrong else -1
    start, end = (start, start + len(wrong)) if start >= 0 else (right, len(text))
    return Formula(
        *(numbered(part, step, l) for part in (text[:start], text[start:end], text[end:]))
    )


def without_alternatives(text: str, network: Network) -> str:
    """A formula without what it says of other networks, and of other layers."""
    text = re.split(r"[,;] without batch norm|, with G_s and W of", text)[0]
    return text if network.batch_norm else text.replace("s_tilde", "s")


def numbered(text: str, step: Step, l: int) -> str:
    """Every quantity with the number of its layer."""

    def name(found: re.Match[str]) -> str:
        gradient, kind = found[1] or "", found[2]
        layer = l
        if step.operation == "down" and kind in ("s", "W"):
            layer = l + 1
        elif kind == "x" and not gradient and step.operation in ("s", "W"):
            layer = l - 1  # what the affine map multiplies
        return f"{gradient}{kind}{layer}" if layer else "X"

    return QUANTITY.sub(name, text)


def title(step: Step, l: int) -> str:
    """What a step is, at layer l."""
    return step.title.replace("{l}", str(l))


def broken_steps(examination: Examination) -> list[BrokenStep]:
    """The steps that the first diagnosis calls wrong; without one those suspected, unmarked."""
    network = examination.evidence.case.network
    if examination.best is not None:
        parts = examination.best.candidate.parts
        # a fault of all values, such as their precision, is a mistake in no step
        return [
            of_fault(part, network, examination.evidence.form)
            for part in parts
            if part.fault.backward or part.fault.forward
        ]
    return [
        BrokenStep(
            title(step, l),
            Formula(formula(step, network, l)),
            step.why,
            quoted(step, examination.evidence.form),
        )
        for step, l in examination.steps
    ]


def quoted(step: Step, form: Form) -> tuple[tuple[str, str], ...]:
    """Place and text of our code for a step; said where its penalty is another than in the form."""
    return tuple(
        (place, f"{code}  # there the cost has lambda ||W||^2, yours lambda/2 ||W||^2")
        if form == "half" and "penalty" in code
        else (place, code)
        for place, code in code_of(step)
    )


def of_fault(part: Candidate, network: Network, form: Form) -> BrokenStep:
    """The step that a fault makes first, with its wrong part."""
    fault = part.fault
    first = min(part.layers) if fault.stage == "forward" else max(part.layers)
    others = ", ".join(str(l) for l in sorted(part.layers) if l != first)
    also = f"; likewise at layer{'s' if len(part.layers) > 2 else ''} {others}" if others else ""
    formula = marked(fault.step, network, first, fault.wrong)
    return BrokenStep(
        title(fault.step, first) + also,
        Formula(*(in_form(part, form) for part in vars(formula).values())),
        in_form(fault.step.why, form),
        quoted(fault.step, form),
    )
