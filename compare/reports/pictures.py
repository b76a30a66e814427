"""Figures of agreement: gradient errors by tensor, and the divergence of two trainings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from compare.numerics.agreement import CaseVerdict
from compare.twins.lockstep import Lockstep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (
    *("W", "b", "gamma", "beta", "s", "mu", "v"),
    *("s_hat", "s_tilde", "x", "x_hat", "x_tilde", "x_drop"),
)


def gradient_heat_map(cases: Sequence[CaseVerdict]) -> "Figure":
    """The worst error of every gradient over all cases, tensors down, layers across.

    Each cell holds log10 of the larger of the errors against autograd and complex step:
    relative, but absolute where the gradient is zero in theory. A cell framed red disagrees.
    """
    from matplotlib.figure import Figure

    worst: dict[tuple[int, int], float] = {}
    faults: set[tuple[int, int]] = set()
    for case in cases:
        for tensor in case.tensors:
            kind = tensor.name.rstrip("0123456789")
            if kind not in KINDS or tensor.witness == "central differences":
                continue
            cell = (KINDS.index(kind), int(tensor.name[len(kind) :]) - 1)
            error = tensor.max_abs if tensor.scale == "absolute" else tensor.max_rel or 0.0
            worst[cell] = max(worst.get(cell, 0.0), error)
            if tensor.verdict == "disagree":
                faults.add(cell)
    layers = max(layer for _, layer in worst) + 1
    kinds = [kind for row, kind in enumerate(KINDS) if any(cell[0] == row for cell in worst)]
    rows = {KINDS.index(kind): row for row, kind in enumerate(kinds)}
    worst = {(rows[row], layer): error for (row, layer), error in worst.items()}
    faults = {(rows[row], layer) for row, layer in faults}
    grid = np.full((len(kinds), layers), np.nan)
    for cell, error in worst.items():
        grid[cell] = np.log10(np.clip(error, 1e-17, 1e3))

    figure = Figure(figsize=(1.6 + 0.9 * layers, 5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(grid, cmap="viridis", vmin=-17, vmax=0, aspect="auto")
    for (row, column), error in worst.items():
        text = f"{error:.0e}" if error else "0"
        shade = "black" if grid[row, column] > -6 else "white"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=shade)
    for row, column in faults:
        axes.plot(column, row, marker="s", ms=26, mfc="none", mec="red", mew=2)
    axes.set_xticks(range(layers), [str(layer + 1) for layer in range(layers)])
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xlabel("layer")
    axes.set_title("largest error of d cost / d tensor, over all cases")
    figure.colorbar(image, label="log10 error")
    return figure


def lockstep_figure(result: Lockstep) -> "Figure":
    """The difference of two float64 trainings after every update."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    worst = np.maximum(result.worst, 1e-17)
    axes.semilogy(np.arange(1, len(worst) + 1), worst, color="#333333", lw=1.2)
    axes.axhline(result.tolerance, color="#b00020", ls="--", label=f"{result.tolerance:g} allowed")
    axes.axvline(result.judged, color="gray", ls=":", label=f"judged up to {result.judged}")
    axes.set_xlabel("update")
    axes.locator_params(axis="x", integer=True)
    axes.set_ylabel("largest relative difference")
    axes.set_title("float64: parameters and running statistics, update by update")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
