"""Verdicts on single layers, one case per layer."""

from collections.abc import Iterator

import numpy as np

from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.submissions.submission import CENTRAL, EXACT, LayerAnswer

ABSOLUTE, RELATIVE = {CENTRAL: 1e-6}, {EXACT: 1e-11}
"""By reference: the precision of central differences, and rounding of a few dozen terms."""


def judge_layer(layer: LayerAnswer) -> CaseVerdict:
    """Compare the gradients of one layer with each reference."""
    if layer.loss is not None:
        return judge_loss(layer, *layer.loss)
    tensors = [
        judge(
            f"{layer.name}: d{name}",
            witness,
            expected,
            layer.found[name],
            absolute=ABSOLUTE.get(witness, 0.0),
            relative=RELATIVE.get(witness, 0.0),
        )
        for name in layer.found
        for witness, arrays in layer.expected.items()
        if name in arrays and (expected := arrays[name]).shape == layer.found[name].shape
    ]
    tensors += misshapen(layer)
    wrong = next((t.name for t in tensors if t.verdict == "disagree"), None)
    fault = None if wrong is None else {"tensor": wrong, "pass": "backward"}
    name = layer.name + (f" ({layer.kind})" if layer.kind else "")
    return CaseVerdict(name, tuple(tensors), fault)


def judge_loss(layer: LayerAnswer, value: float, right: float) -> CaseVerdict:
    """A loss whose gradient is that of the known loss, while its value is another."""
    name = f"{layer.name}: its value"
    tensor = judge(name, EXACT, np.array(right), np.array(value), relative=RELATIVE[EXACT])
    fault = {"tensor": name, "pass": "forward"}
    return CaseVerdict(f"{layer.name} ({layer.kind})", (tensor,), fault)


def misshapen(layer: LayerAnswer) -> Iterator[TensorVerdict]:
    """A disagreement for each gradient with another shape than its input."""
    for name, value in layer.found.items():
        expected = layer.expected[CENTRAL][name]
        if value.shape != expected.shape:
            note = f"it has shape {value.shape}, but expected {expected.shape}"
            nothing = np.full(expected.shape, np.nan)
            yield judge(f"{layer.name}: d{name}", CENTRAL, expected, nothing, note=note)


def sentences(layer: LayerAnswer) -> Iterator[str]:
    """Where a layer is wrong, in words."""
    if layer.loss is not None:
        where = f", line {layer.line}" if layer.line else ""
        yield (
            f"{layer.name}{where}: wrong is its value, {layer.loss[0]:.6g} where expected "
            f"{layer.loss[1]:.6g}. Its gradient is that of the {layer.kind}."
        )
        return
    case = judge_layer(layer)
    wrong = list(dict.fromkeys(t.name for t in case.tensors if t.verdict == "disagree"))
    if wrong:
        where = f", line {layer.line}" if layer.line else ""
        names = ", ".join(name.split(": ")[1] for name in wrong)
        right = [n for n in layer.found if f"{layer.name}: d{n}" not in wrong]
        beside = f" (right: {', '.join(f'd{n}' for n in right)})" if right else ""
        yield f"{layer.name}{where}: wrong is its gradient {names}{beside}."
