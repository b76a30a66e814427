"""The page docs/checkers.md, from the counts."""

from collections import Counter
from typing import Any

from validation.counted import GROUPS, SHOWINGS
from validation.networks import networks
from validation.tables import COMPARED, FOUND, SHORT, compared_rows, found_rows, markdown

PAGE = """# Does the checker find what is wrong?

A test of the tester. Four groups of faults are planted in {networks} small networks{sampled}:
the catalogue's {catalogue} faults, at each layer and at all layers; coefficients drawn at random;
{outside} faults that the catalogue does not contain; and pairs and triples of catalogue faults.
Right implementations with other formulas are judged too. All counts are from one run with seed
{seed} and do not depend on the machine:

```
python -m validation{option} --json docs/benchmarks/checkers.json --markdown docs/checkers.md
```

## Faults found

{found}

Percentages are of the faults seen. "Combined" are the pairs and triples.

- A fault at one place in one network counts once.
- **Shown**: what the checker is given. "All" is every intermediate of both passes; "params" is
  the gradients of the parameters with p, loss and cost.
- **Seen**: the fault changes something shown by more than 1e-8 of the tensor. The others have no
  effect in that network: for example, a factor on the gradient of a bias below a batch norm, which
  is 0, or a wrong penalty if lambda = 0.
- **Found**: something was called wrong.
- **Suspected**: the suspects include the operation and layer of the fault. **Alone**: it is the
  only suspect. If intermediates are not shown, batch norm's backward pass (s_hat, v, mu, s) counts
  as one operation. **Mean**: the average number of suspects. The parameters do not tell all
  operations apart. For example, a ReLU's mask and the product with W above it are two steps of one
  gradient, which cannot be recovered from W's gradient if the minibatch is larger than the layer.
- **Named**: the first explanation is this fault. Measured for catalogue faults, drawn coefficients
  and pairs ({pairs} of them), but not for triples. **Layers**: the first explanation also names the
  right layers. If it does not, several places give the same values. For example, below a batch norm
  b's gradient is 0, so "b meaned twice" at every layer equals the same fault at the last layer.
- The diagnosis tries the same functions that plant the catalogue's faults. A named fault therefore
  shows that it is not confused with others, and not that a slip in somebody's code is recognised.
  The next section measures that.

{shortfalls}

## Written by hand

{written_faults} faults were written by hand into {written_styles} programs in different styles
(`validation/written`): loops over lists, samples in columns, einsum, objects, automatic
differentiation with a tape, dictionaries of caches. The functions that plant the other faults are
not used. The checker is given the gradients of the parameters with p, loss and cost.

| detected | placed at the changed operation | named there | named elsewhere | right, accused |
| --- | --- | --- | --- | --- |
{written_row}

## Training

{state_faults} faults of training (running statistics, evaluation, update, learning rate), which no
gradient shows, are planted in a training of eight updates. The checker compares the state after
each update: {state_detected} are detected, {state_placed} of them first in the state where they are
made, and {state_named} are named first. {state_accused}

## Right code

{right64} right variants in float64 and {right32} in float32 were judged: other formulas for every
step (batch norm in one line, by its Jacobian, or node by node; the variance as a difference of
means; the softmax without its shift; loops, einsum, samples in columns, ...), random combinations
of them, torch's own layers, extended precision, permuted samples and units. **False alarms:
{alarms}.** Float32 is judged by the rule for low precision, with float64 as the reference.

## Other checks

{compared}

Percentages are of the faults. False alarms are right variants that a check calls wrong, counted in
networks that are not at a kink. All checks see the same faults and networks, without intermediates:
CS231n's relative error with h = 1e-5 and an alarm above 1e-5; `numpy.allclose` with its defaults
against the same central differences; `torch.autograd.gradcheck` with its defaults. They use the
cost of the code under test. {consistent} planted faults are right for another cost, so no
derivative of that cost contradicts them; twingrad compares with the cost that was meant. The single
faults among them: {kinds}.

If a gradient is zero in theory, CS231n's rule takes the ratio of two rounding errors for an error.
At a kink the cost has no derivative, and all three accuse right code. **Told apart**: faults
detected in networks in which the check does not also accuse right code, as a share of those not at
a kink.

## Networks

{names}

"At a kink": the ReLU's input of unit 0 is exactly 0 in every hidden layer. Every fault with its
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
        sampled="" if sample is None else f", at most {sample} of each group in each network",
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
    """The names of the single faults, with all sizes of eps as one."""
    others = [name for name in names if not name.startswith(("eps ", "a pair", "a triple"))]
    return ", ".join([*(["eps of another size or outside the root"] if names else []), *others])


def shortfalls_text(counts: dict[str, Any]) -> str:
    """The faults that were missed, misplaced or misnamed, as a list."""
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
    return "\n".join(["Shortfalls:", "", *said]) if said else "There were no shortfalls."


def short(entry: str, group: str) -> str:
    """A shortfall without its network; a single fault also without its layer."""
    fault = entry.split("; said")[0].split(": ", 1)[1]
    return fault if group == GROUPS[-1] else fault.split(", layer")[0].removesuffix(", every layer")
