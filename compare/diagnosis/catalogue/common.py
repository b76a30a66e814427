"""Coefficients that people often get wrong, with their names.

An entry lists the wrong coefficients of one step by term; terms that are not listed are right. The
general wording of `scaled` is used unless an entry has its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compare.derivation import DERIVATIONS, STAGES, Step
from compare.derivation.steps import ENDS as LAST_STEPS
from compare.derivation.steps import Stage
from compare.diagnosis.catalogue.fault import Fault
from compare.diagnosis.catalogue.scaled import Coefficients, Scaling, told
from compare.diagnosis.numbers import NUMBERS, plain


@dataclass(frozen=True)
class Common:
    """Coefficients with a name.

    Arguments:
        name: of the fault.
        operation: whose coefficients; of the forward pass with a "!" behind it, and with "!!" if
            the backward pass follows it.
        terms: "p n, Y n", the coefficient of every term that has a wrong one.
        explanation, fix, wrong: as in `Fault`; "" for the general words.
        kind: of layer, if only its terms are meant.
    """

    name: str
    operation: str
    terms: str
    explanation: str = ""
    fix: str = ""
    wrong: str = ""
    kind: str = ""

    @property
    def texts(self) -> dict[str, str]:
        """Coefficient of each term, as text."""
        pairs = (term.strip().rsplit(":", 1) for term in self.terms.split(","))
        return {name: text.strip() for name, text in pairs}

    @property
    def coefficients(self) -> Coefficients:
        """Coefficient of each term."""
        return {name: NUMBERS[text] for name, text in self.texts.items()}

    def fits(self, scaling: Scaling) -> bool:
        """Whether the entry is about these steps."""
        passes = ("!" if scaling.stage == "forward" else "") + ("!" if scaling.followed else "")
        own = self.operation == scaling.operation + passes
        return own and (not self.kind or (self.kind,) == scaling.kinds)

    def fault(self, scaling: Scaling) -> Fault:
        """The fault at these steps."""
        general = told(scaling, self.coefficients)
        layer_norm = scaling.kinds == ("layer_norm",)

        def worded(own: str, other: str) -> str:
            n, norm = ("m", "layer norm") if layer_norm else ("n", "batch norm")
            return own.replace("{n}", n).replace("{norm}", norm) or other

        return replace(
            general,
            name=self.name + (", layer norm" if layer_norm else ""),
            explanation=worded(self.explanation, general.explanation),
            fix=worded(self.fix, general.fix),
            wrong=worded(self.wrong, general.wrong),
        )


def of_leaf(name: str) -> Iterator[Common]:
    """Wrong coefficients in the gradient of a parameter that is a sum over samples."""
    missing = "bias missing" if name == "b" else f"{name}'s gradient missing"
    yield Common(missing, name, f"{name}: 0", f"The gradient of {name} is zero at {{where}}.")
    yield Common(f"{name} not divided by n", name, f"{name}: n")
    yield Common(f"{name} meaned twice", name, f"{name}: 1/n")
    yield Common(f"sign of {name}", name, f"{name}: -1")
    yield Common(
        f"penalty on {name}",
        name,
        f"penalty on {name}: 1",
        f"A penalty's part 2 lambda {name} is in the gradient of {name} at {{where}}, but only W "
        "is penalised.",
        f"Leave {name} out of the penalty.",
    )


LEAVES = (
    Common(
        "penalty missing",
        "W",
        "penalty: 0",
        "The penalty's part 2 lambda W is missing from the gradient of W at {where}.",
        "Add 2 * lam * W there.",
        "2 lambda W",
    ),
    Common(
        "lambda for 2 lambda",
        "W",
        "penalty: 1/2",
        "The gradient of the penalty lambda ||W||^2 is 2 lambda W, but half of that was added at "
        "{where}.",
        "Write 2 * lam * W; or, if your cost has lambda/2 ||W||^2, give your cost function too.",
    ),
    Common(
        "2 lambda for lambda",
        "W",
        "penalty: 2",
        "The penalty's part is twice what belongs to this cost at {where}.",
        "Halve it: the factor 2 of the square is there already.",
    ),
    Common("penalty subtracted", "W", "penalty: -1"),
    Common("penalty divided by n", "W", "penalty: 1/n", fix="Only the loss is a mean."),
    Common("W not divided by n", "W", "W: n"),
    Common("W divided by n twice", "W", "W: 1/n", fix="G holds 1/n already."),
    Common(
        "sign of W",
        "W",
        "W: -1, penalty: -1",
        "The gradient of W has the wrong sign at {where}.",
        "Turn it.",
    ),
    *of_leaf("b"),
    *of_leaf("gamma"),
    *of_leaf("beta"),
)

G = "Divide p - Y by n, and nothing after it."

MEANT = "but the gradient belongs to lambda sum ||W||^2."

ENDS = (
    Common(
        "not divided by n",
        "softmax",
        "p: n, Y: n",
        "G is not divided by n: the loss is a mean over the minibatch, these are gradients of its "
        "sum.",
        G,
        "/ n",
    ),
    *(
        Common(name, "softmax", f"p: {number}, Y: {number}", f"{what}.", G, "/ n")
        for name, number, what in (
            (
                "divided by n twice",
                "1/n",
                "Everything but the penalty's part is divided by n twice",
            ),
            ("divided by 2 n", "1/2", "G is divided by 2 n instead of n"),
            ("mean over all entries", "1/K", "G is divided by n times the number of classes"),
            ("divided by d for n", "n/d", "G is divided by the number of inputs instead of n"),
        )
    ),
    Common(
        "sign of G",
        "softmax",
        "p: -1, Y: -1",
        "The gradient has the wrong sign except for the penalty's part: Y - p stands for p - Y.",
        "Write p - Y.",
        "(p - Y)",
    ),
    Common(
        "p for p - Y",
        "softmax",
        "Y: 0",
        "G is p / n: the one-hot classes were not subtracted.",
        "Write (p - Y) / n.",
        "(p - Y)",
    ),
    Common(
        "p + Y for p - Y",
        "softmax",
        "Y: -1",
        "The one-hot classes were added to p instead of subtracted.",
        "Write (p - Y) / n.",
        "(p - Y)",
    ),
    Common(
        "summed for averaged",
        "loss!!",
        "loss: n",
        "Cost and gradients are those of a sum over the samples instead of a mean.",
        "Divide by n; in torch that is reduction='mean'.",
        kind="cross_entropy",
    ),
    Common("cost summed", "loss!", "loss: n", kind="cross_entropy"),
    Common("cost averaged over all entries", "loss!", "loss: 1/K", kind="cross_entropy"),
    Common(
        "cost without penalty",
        "cost!",
        "penalty: 0",
        "The cost lacks lambda sum ||W||^2.",
        "Add it.",
        "+ lambda sum_l ||W_l||^2",
    ),
    Common(
        "cost with half the penalty",
        "cost!",
        "penalty: 1/2",
        f"The cost has lambda/2 sum ||W||^2, {MEANT}",
        "Take the factor 1/2 out, or halve the penalty's part of the gradients.",
        "lambda",
    ),
    Common(
        "cost with twice the penalty",
        "cost!",
        "penalty: 2",
        f"The cost has 2 lambda sum ||W||^2, {MEANT}",
        "Halve it.",
        "lambda",
    ),
    Common("penalty inside the mean", "cost!", "penalty: 1/n", fix="Only the loss is a mean."),
    Common(
        "penalty on b in the cost alone",
        "cost!",
        "penalty on b: 1",
        "The cost penalises b too, and the gradients of b do not have that part.",
        "Leave b out of the penalty.",
    ),
    Common(
        "penalty on b in both passes",
        "cost!!",
        "penalty on b: 1",
        "Cost and gradients penalise b too.",
        "Leave b out of the penalty.",
    ),
    Common(
        "no penalty at all",
        "cost!!",
        "penalty: 0",
        "The penalty is in neither the cost nor the gradients.",
        "Add lambda sum ||W||^2 to the cost, and 2 lambda W to each gradient of W.",
        "+ lambda sum_l ||W_l||^2",
    ),
)

NORMS = (
    Common(
        "mean and variance as constants",
        "s",
        "mean: 0, variance: 0",
        "The backward pass of {norm} at {where} treats mean and variance as if they did not depend "
        "on s.",
        "Add the terms of mu and v.",
        "+ G_mu / {n} + G_v (2/{n}) (s - mu)",
    ),
    Common("mean's term missing", "s", "mean: 0"),
    Common("variance's term missing", "s", "variance: 0"),
    Common("variance's term halved", "s", "variance: 1/2"),
    Common("sign of the variance's term", "s", "variance: -1"),
    Common("sign of the mean's term", "s", "mean: -1"),
    Common("mean's term not divided by n", "s", "mean: size"),
    Common(
        "n - 1 for n, variance",
        "s",
        "variance: size/(size - 1)",
        "The backward pass of {norm} divides the variance's term by {n} - 1 at {where}, but its "
        "variance by {n}.",
    ),
    Common(
        "n - 1 for n, mean and variance",
        "s",
        "mean: size/(size - 1), variance: size/(size - 1)",
        "The backward pass of {norm} divides by {n} - 1 instead of {n} at {where}.",
        "Write 1 / {n} and 2 / {n}.",
        "/ {n} + G_v (2/{n})",
    ),
    *(
        Common(
            f"unbiased variance{more}",
            f"v{passes}",
            "v: size/(size - 1)",
            f"The {{norm}} of {{where}} normalises by the variance with {{n}} - 1; the backward "
            f"pass {back}.",
            "Divide by {n}: ddof=0, unbiased=False, or var(s, 1) in Matlab.",
        )
        for more, passes, back in (
            ("", "!!", "differentiates that"),
            (", forward alone", "!", "is that of the variance with {n}"),
        )
    ),
)

BENDS = (
    Common(
        "ReLU mask missing",
        "mask",
        "below: 1, at 0: 1",
        "The gradient passes the ReLU of {where} unmasked.",
        "Keep it where the ReLU's input is above 0, and set the rest to 0.",
        "where s_tilde > 0, else 0",
        kind="relu",
    ),
    Common(
        "ReLU mask at >= 0",
        "mask",
        "at 0: 1",
        "The ReLU of {where} lets the gradient through where its input is exactly 0.",
        "Compare with > 0; by convention the derivative at 0 is 0.",
        "> 0",
        kind="relu",
    ),
    Common(
        "ReLU mask inverted",
        "mask",
        "above: 0, below: 1",
        "The ReLU of {where} lets the gradient through where its input is below 0.",
        "Turn the comparison.",
        "> 0",
        kind="relu",
    ),
    Common(
        "leaky ReLU left out on the way back",
        "mask",
        "below: 1, at 0: 1",
        "The gradient passes the leaky ReLU of {where} as it is.",
        "Multiply it by the slope where the leaky ReLU's input is not above 0.",
        "where s_tilde > 0, else slope G_x",
        kind="leaky_relu",
    ),
    Common(
        "slope missing on the way back",
        "mask",
        "below: 0, at 0: 0",
        "The gradient passes the leaky ReLU of {where} as it would a ReLU: 0 below 0.",
        "Multiply it by the slope there.",
        "slope G_x",
        kind="leaky_relu",
    ),
    Common(
        "slope twice on the way back", "mask", "below: slope^2, at 0: slope^2", kind="leaky_relu"
    ),
    Common(
        "slope on the wrong side on the way back",
        "mask",
        "above: slope, below: 1, at 0: 1",
        "The backward pass of the leaky ReLU of {where} has its slope above 0.",
        "Turn the comparison.",
        "> 0",
        kind="leaky_relu",
    ),
    Common(
        "ReLU for leaky ReLU",
        "x!!",
        "below: 0",
        "The leaky ReLU of {where} has no slope below 0, in both passes.",
        "Multiply what is not above 0 by the slope.",
        "slope s_tilde",
        kind="leaky_relu",
    ),
    Common(
        "slope on the wrong side",
        "x!!",
        "above: slope, below: 1",
        "The leaky ReLU of {where} has its slope above 0, in both passes.",
        "Turn the comparison.",
        "> 0",
        kind="leaky_relu",
    ),
    Common(
        "GELU left out on the way back",
        "mask",
        "Phi: 0, density: 0, G: 1",
        "The gradient passes the GELU of {where} as it is.",
        "Multiply it by Phi + s phi, the slope at the GELU's input.",
        "(Phi(s_tilde) + s_tilde phi(s_tilde))",
        kind="gelu",
    ),
    Common(
        "GELU's density left out",
        "mask",
        "density: 0",
        "The backward pass of the GELU of {where} has Phi alone: Phi is taken as a constant.",
        "Add s phi, the derivative of Phi times s.",
        "+ s_tilde phi(s_tilde)",
        kind="gelu",
    ),
    Common(
        "GELU's derivative without s",
        "mask",
        "density: 0, density alone: 1",
        "The backward pass of the GELU of {where} adds phi where it should add s phi.",
        "Multiply the density by the GELU's input.",
        "s_tilde phi(s_tilde)",
        kind="gelu",
    ),
    Common(
        "tanh left out on the way back",
        "mask",
        "square: 0",
        "The gradient passes the tanh of {where} as it is.",
        "Multiply it by 1 - x^2, where x is the tanh's output.",
        "(1 - x^2)",
        kind="tanh",
    ),
    Common(
        "tanh's derivative without the square",
        "mask",
        "square: 0, first power: -1",
        "The backward pass of the tanh of {where} has 1 - x where it should have 1 - x^2.",
        "Square the tanh's output.",
        "x^2",
        kind="tanh",
    ),
    Common(
        "sigmoid's derivative for tanh's",
        "mask",
        "G: 0, first power: 1",
        "The backward pass of the tanh of {where} has x (1 - x), the derivative of a sigmoid.",
        "Multiply the gradient by 1 - x^2.",
        "(1 - x^2)",
        kind="tanh",
    ),
    Common(
        "sigmoid left out on the way back",
        "mask",
        "first power: 0, square: 0, G: 1",
        "The gradient passes the sigmoid of {where} as it is.",
        "Multiply it by x (1 - x), where x is the sigmoid's output.",
        "(x - x^2)",
        kind="sigmoid",
    ),
    Common(
        "sigmoid's derivative without 1 - x",
        "mask",
        "square: 0",
        "The backward pass of the sigmoid of {where} multiplies the gradient by x alone.",
        "Multiply it by x (1 - x).",
        "- x^2",
        kind="sigmoid",
    ),
    Common(
        "sigmoid's derivative without x",
        "mask",
        "first power: -1, square: 0, G: 1",
        "The backward pass of the sigmoid of {where} multiplies the gradient by 1 - x alone.",
        "Multiply it by x (1 - x).",
        "x - x^2",
        kind="sigmoid",
    ),
    Common(
        "tanh's derivative for sigmoid's",
        "mask",
        "first power: 0, G: 1",
        "The backward pass of the sigmoid of {where} has 1 - x^2, the derivative of a tanh.",
        "Multiply the gradient by x (1 - x).",
        "x - x^2",
        kind="sigmoid",
    ),
)

DROPPED = (
    ("dropout left out", "1", "1", "drops nothing", "mask / keep"),
    ("mask missing", "1/keep", "1/keep", "divides by keep, but does not use the mask", "mask"),
    ("mask not scaled", "1", "0", "uses the mask, but does not divide by keep", "/ keep"),
    ("mask scaled twice", "1/keep^2", "0", "divides by keep twice", "/ keep"),
    ("multiplied by keep", "keep", "0", "multiplies by keep instead of dividing by it", "/ keep"),
    ("divided by the dropout probability", "1/(1 - keep)", "0", "divides by 1 - keep", "/ keep"),
    ("mask inverted", "0", "1/keep", "keeps what the mask drops, and drops the rest", "mask"),
)
"""Name, coefficients of kept and dropped entries, description, and what is wrong."""

DROPOUTS = tuple(
    Common(
        name + where,
        operation,
        f"kept: {kept}, dropped: {dropped}",
        said.format(does),
        "Multiply by the mask and divide by keep, the probability of being kept.",
        wrong,
    )
    for name, kept, dropped, does, wrong in DROPPED
    for where, operation, said in (
        (" on the way back", "drop", "The backward pass of dropout at {{where}} {}."),
        (
            " in the forward pass",
            "x_drop!",
            "The forward pass of dropout at {{where}} {}; the backward pass is right.",
        ),
        ("", "x_drop!!", "Dropout at {{where}} {}, in both passes."),
    )
)

COMMON: tuple[Common, ...] = (*LEAVES, *ENDS, *NORMS, *BENDS, *DROPOUTS)


SHARED = ("gamma", "beta", "cost")
"""Operations that are the same in every kind of layer."""


def all_scalings() -> Iterator[Scaling]:
    """Every operation of every kind of layer, with its terms."""
    steps: dict[tuple[str, Stage, str], tuple[Step, list[str]]] = {}
    for kind, derivation in (*DERIVATIONS.items(), *LAST_STEPS.items()):
        for stage in STAGES:
            backward = (*derivation.backward, derivation.down)
            for step in derivation.forward if stage == "forward" else backward:
                key = (step.operation, stage, "" if step.operation in SHARED else kind)
                steps.setdefault(key, (step, []))[1].append(kind)
    for (_, stage, _), (step, kinds) in steps.items():
        if step.terms:
            own = Scaling(step.operation, stage, step.terms, step.formula, tuple(kinds))
            if stage == "forward" and any(term.back for term in step.terms):
                yield replace(own, followed=True)
            yield own


SCALINGS = tuple(all_scalings())

EXAMPLES: tuple[tuple[str, str, str, tuple[float, ...]], ...] = (
    ("x", "below", "relu", (0.01, 0.1)),
    ("x", "below", "leaky_relu", (0.01, 0.3)),
    ("down", "update", "affine", (0.1, 0.001)),
    ("W", "penalty", "affine", (1.5,)),
    ("mask", "below", "relu", (0.05,)),
)
"""Operation, term, kind of layer and example numbers of mistakes that may contain any number."""


def listed() -> Iterator[Fault]:
    """Every common mistake, and the examples."""
    for scaling in SCALINGS:
        yield from (common.fault(scaling) for common in COMMON if common.fits(scaling))
        if scaling.stage == "backward" or scaling.followed:
            for operation, term, kind, values in EXAMPLES:
                if scaling.operation == operation and scaling.kinds == (kind,):
                    yield from (told(scaling, {term: plain(value)}) for value in values)


SCALED_FAULTS = tuple(listed())
