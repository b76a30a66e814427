"""What was assumed to call functions of (X, Y, net_params, lam), in words."""

from typing import TYPE_CHECKING

from compare.submissions.binding import layers_of, roles
from compare.submissions.handing_on import order_words
from compare.submissions.holding import FORMS
from compare.submissions.names import FORWARD, FORWARD_PARTS, rank
from compare.submissions.stepping import RATE, descent_of
from compare.submissions.things import written

if TYPE_CHECKING:
    from compare.submissions.layouts.dd2424_code import DD2424Code


def assumptions(code: "DD2424Code") -> dict[str, str]:
    """The assumptions, in words for the user."""
    said = {}
    for what in ("forward", "backward", "cost"):
        function = getattr(code.functions, what)
        if function is not None:
            line = code.source.line_of(function)
            said[what] = function.__name__ + (f", line {line}" if line else "")
            if what == "forward" and rank(function.__name__, FORWARD, FORWARD_PARTS, ()) < 0:
                said[what] += (
                    " (no forward function was recognised by its name; this one was taken for "
                    "its arguments)"
                )
    said |= code.orientation.words()
    if code.functions.backward is not None:
        used = roles(code.functions.backward)
        if code.holder is not None:
            held = ", ".join(f"{n} = {written(path)}" for n, path in code.places.items())
            said["parameters"] = f"in an object of {code.holder.cls.__name__}: {held}"
        elif "parameters" in used or code.form == "single":
            said["parameters"] = FORMS[code.form]
        elif layers_of(code.functions.backward):
            said["parameters"] = "each an argument of its own"
        else:
            said["parameters"] = "a list per kind"
    own = {kind: name for name, kind in code.guessed.items()}
    if "gamma" in own:
        said["batch norm's parameters"] = f"gamma = {own['gamma']}, beta = {own['beta']}"
    if code.updates:
        said["gradients"] = (
            f"what the backward function takes from the parameters at a learning rate of {RATE:g}"
        )
        rules = descent_of(code.functions.backward, code.strings) if code.functions.backward else {}
        for name, rule in rules.items():
            said["gradients"] += f", with {name} = {rule!r}"
    if code.holder is not None and code.holder.off:
        rates = " and ".join(code.holder.rates)
        said["dropout"] = (
            f"{rates} = {code.holder.off:g} switches it off, as the share that is kept: with 0 "
            "nothing is left"
        )
    if code.renamed:
        renamed = ", ".join(sorted(code.renamed))
        said["told by value"] = f"{renamed}: what has these names is the gradient of another"
    if len(code.orders) > 1:
        said["handed on"] = order_words(code.orders, code.order, code.written, code.names)
    if code.returned:
        said["returned"] = f"{code.returned}, in this order"
    where = "columns" if code.orientation.columns else "rows"
    said["labels"] = f"one-hot {where}" if code.prefers_one_hot else "classes from 0, y (n,)"
    said["penalty"] = "lambda * sum ||W||^2, gradient 2 lambda W"
    return said
