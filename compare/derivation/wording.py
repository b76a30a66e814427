"""Wording for both forms of the penalty: lambda ||W||^2 (ours) and lambda/2 ||W||^2."""

from typing import Literal

Form = Literal["full", "half", "given"]
"""The penalty's form: lambda ||W||^2 or lambda/2 ||W||^2; "given" is the former in code that has a
cost function."""

GIVE_COST = "; or, if your cost has lambda/2 ||W||^2, give your cost function too"

HALF = (
    (
        "lambda/2 sum ||W||^2, but the gradient belongs to lambda sum",
        "lambda/4 sum ||W||^2, but the gradient belongs to lambda/2 sum",
    ),
    (
        "2 lambda sum ||W||^2, but the gradient belongs to lambda sum",
        "lambda sum ||W||^2, but the gradient belongs to lambda/2 sum",
    ),
    ("2 * lam * W", "reg * W"),
    ("2 lambda", "lambda"),
    ("lambda ||W||^2", "lambda/2 ||W||^2"),
    ("lacks lambda sum", "lacks lambda/2 sum"),
    ("lambda sum_l", "lambda/2 sum_l"),
)


def in_form(text: str, form: Form) -> str:
    """A sentence or formula about lambda ||W||^2, for code with this form of the penalty."""
    if form != "full":
        text = text.replace(GIVE_COST, "")
    if form == "half":
        for ours, theirs in HALF:
            text = text.replace(ours, theirs)
    return text
