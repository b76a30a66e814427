"""The page docs/checkers.md, from the counts."""

from collections import Counter
from typing import Any

from validation.counted import GROUPS, SHOWINGS
from validation.networks import networks
from validation.tables import COMPARED, FOUND, SHORT, compared_rows, found_rows, markdown

PAGE = """# Does the checker find what is wrong?

A test of the tester. Faults of the catalogue ({catalogue} of them, at every layer and everywhere
they can be made), coefficients drawn at random, {outside} faults that the catalogue does not have,
and pairs and triples of its faults are planted in {networks} small networks{sampled}.
Beside them stand implementations that are right and compute otherwise. All counts are of one run
with seed {seed}; they depend on no machine:

```
python -m validation{option} --json docs/benchmarks/checkers.json --markdown docs/checkers.md
```

## Faults found

{found}

In percent of those seen; combined are pairs and triples of the catalogue's faults.

- A fault at one place of one network counts once. **Seen** are those that change anything shown
  by more than 1e-8 of the tensor. Nobody could see the others there: a factor on the gradient of
  a bias below a batch norm, which is 0 whatever the factor; a penalty where lambda = 0.
- **Shown** are all intermediates of both passes, or (params) the gradients of the parameters with
  p, loss and cost. **Found**: anything at all was called wrong.
- **Suspected**: the operation and layer where the fault is first made is among the suspects.
  **Alone**: it is the only one, batch norm's way down (s_hat, v, mu, s) counting as one
  operation where its intermediates are not shown. From the parameters some operations cannot be
  told apart: a ReLU's mask and the way down to it hand on one gradient, and in a minibatch larger
  than the layer is wide that gradient does not follow from W's. **Mean**: how many suspects
  there are on average.
- **Named**: the diagnosis says this fault first. Asked of the catalogue's faults, of drawn
  coefficients, and of pairs ({pairs} of them), not of triples. **Layers**: and at
  the right layers. Where it does not, the values are the same: "b meaned twice" at every layer is
  that at the last layer alone where a batch norm makes the others 0, and of parameters alone a
  factor in the ReLU is one on the way down to it.
- The catalogue's faults are planted by the functions that the diagnosis tries. That they are named
  says that no other fault is taken for them, not that a slip in somebody's code is one of them.

{shortfalls}

## Written by hand

{written_faults} faults were written into {written_styles} programs of other people's styles (loops
over lists, samples in columns, einsum, objects, a tape of its own, dictionaries of caches;
`validation/written`), none of them by the functions that plant the others. The checker sees the
gradients of the parameters with p, loss and cost.

| detected | placed at the changed operation | named there | named elsewhere | right, accused |
| --- | --- | --- | --- | --- |
{written_row}

## Training

{state_faults} faults of training (running statistics, evaluation, update, learning rate), which no
gradient shows, are planted in eight updates of a network with batch norm, and found by the states
after each: {state_detected} detected, {state_placed} of them first in the state where they are
made, {state_named} named first. {state_accused}

## Right code

{right64} right variants in float64 and {right32} in float32 were judged: other formulas of every
step (batch norm in one line, by its Jacobian, node by node; the variance as a difference of
means; the softmax without its shift; loops, einsum, samples in columns, ...), random combinations
of them, torch's own layers, extended precision, permuted samples and units. **False alarms:
{alarms}.** In float32 the rule for low precision judges: float64 arbitrates.

## Other checks

{compared}

In percent of the faults; false alarms are right variants accused, away from kinks. On the same
faults and networks, intermediates hidden: CS231n's relative error with h = 1e-5 and an alarm
above 1e-5; `numpy.allclose` with its defaults against the same central differences;
`torch.autograd.gradcheck` with its defaults. They are given the code's own cost. {consistent}
planted faults are right for another cost, and no derivative of that cost contradicts them;
this project compares with the cost that was meant. Alone they are: {kinds}.

CS231n's rule takes the ratio of two roundings for an error where a gradient is zero in theory. At
a kink the cost has no derivative, and all three accuse right code. **Told apart** are faults that
a check detects in a network where it does not also accuse right code, of those away from kinks.

## Networks

{names}

"At a kink": unit 0 of every hidden layer hands its ReLU exactly 0. Every fault with its
explanation, and every shortfall by name: [benchmarks/checkers.json](benchmarks/checkers.json).
"""


def page(counts: dict[str, Any]) -> str:
    """The whole page."""
    catalogue, outside = (len(faults) for faults in counts["faults"].values())
    consistent = counts["right_for_another_cost"]
    training = counts["training"]
    state_faults = training["faults"]
    state_detected = state_faults - len(training["missed"])
    accused = ", ".join(training["accused"])
    written = counts["written"]
    sample = counts["sample"]
    numbers = {n: v if isinstance(v, int) else len(v) for n, v in written.items()}
    row = [str(numbers[name]) for name in ("detected", "placed", "named", "false")]
    row.append(f"{numbers['accused']} of {numbers['right']}")
    return PAGE.format(
        written_faults=numbers["faults"],
        written_styles=numbers["styles"],
        written_row=f"| {' | '.join(row)} |",
        option=chosen_options(counts),
        sampled="" if sample is None else f", {sample} of each drawn for each network",
        state_faults=state_faults,
        state_detected=state_detected,
        state_placed=state_detected - len(training["misplaced"]),
        state_named=state_detected - len(training["misnamed"]),
        state_accused=f"**Accused: {accused}.**"
        if accused
        else "Neither implementation is accused.",
        catalogue=catalogue,
        outside=outside,
        networks=len(counts["networks"]),
        seed=counts["seed"],
        found=markdown(FOUND, found_rows(counts)),
        pairs=counts["found"][GROUPS[-1]][SHOWINGS[True]]["asked"],
        shortfalls=shortfalls_text(counts),
        right64=counts["right_variants"]["float64"],
        right32=counts["right_variants"]["float32"],
        alarms=sum(len(accused) for accused in counts["false_alarms"].values()),
        compared=markdown(COMPARED, compared_rows(counts)),
        consistent=consistent["faults"],
        kinds=kinds(consistent["kinds"]),
        names="\n".join(f"- {name}" for name in counts["networks"]),
    )


def chosen_options(counts: dict[str, Any]) -> str:
    """The options of the command that made the counts, with a space before each."""
    sample, count = counts["sample"], len(counts["networks"])
    said = "" if sample is None else f" --sample {sample}"
    return said if count == len(networks()) else f"{said} --networks {count}"


def kinds(names: list[str]) -> str:
    """The single faults' names, the many sizes of eps as one."""
    others = [name for name in names if not name.startswith(("eps ", "a pair", "a triple"))]
    return ", ".join([*(["eps of another size or outside the root"] if names else []), *others])


def shortfalls_text(counts: dict[str, Any]) -> str:
    """What was missed or sought in the wrong place."""
    said = []
    for group in GROUPS:
        for shown in SHOWINGS.values():
            line = counts["found"][group][shown]
            for what in ("missed", "mislocalised", "misnamed"):
                counted = Counter(short(entry, group) for entry in line[what])
                if counted:
                    listed = "; ".join(
                        f"{name} ({n})" if n > 1 else name for name, n in counted.most_common()
                    )
                    said.append(f"- {what}, {group}, {SHORT[shown]} shown: {listed}")
    return "\n".join(["What fell short:", "", *said]) if said else "Nothing fell short."


def short(entry: str, group: str) -> str:
    """A shortfall without its network, and a single fault without its layer."""
    fault = entry.split("; said")[0].split(": ", 1)[1]
    return fault if group == GROUPS[-1] else fault.split(", layer")[0].removesuffix(", every layer")
