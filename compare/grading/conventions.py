"""The rubric's conventions that a submission uses."""

import re

from compare.reports.check_result import CheckResult
from compare.submissions.conventions import PENALTIES
from twingrad.network import EPS


def conventions_of(result: CheckResult) -> tuple[str, ...]:
    """The names of the conventions, from what the check assumed about the code."""
    assumed, found = result.assumed, []
    if assumed.get("penalty") == PENALTIES["half"]:
        found.append("half penalty")
    eps = re.match(r"[\d.e+-]+", assumed.get("eps", ""))
    if eps is not None and float(eps[0]) != EPS:
        found.append("eps")
    if "cross-entropy" in assumed:
        found.append("sum")
    if "penalty of b" in assumed:
        found.append("bias penalty")
    if "ReLU" in assumed:
        found.append("kink")
    if any("divided by the number of samples" in said for said in assumed.values()):
        found.append("layer mean")
    if "label smoothing" in assumed:
        found.append("label smoothing")
    if "activation" in assumed:
        leaky = assumed["activation"].startswith("leaky ReLU")
        found.append("leaky ReLU" if leaky else "other activation")
    if "loss" in assumed:
        found.append("sigmoid outputs")
    if "gamma and beta" in assumed:
        found.append("plain batch norm")
    return tuple(found)
