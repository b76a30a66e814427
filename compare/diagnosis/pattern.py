"""Find the wrong operation if only the gradients of parameters are given.

From the last layer down, the right steps are applied to the gradient from above, and the results
are compared with the gradients of W_l, b_l, gamma_l and beta_l. If only one parameter's gradient is
wrong, its own formula is wrong. If all that use one intermediate gradient are wrong, the
intermediate gradient is wrong; if it can be recovered from the parameters' gradients, the search
continues with it.
"""

from dataclasses import dataclass, field

import numpy as np

from compare.derivation import Place, layer_of, steps_of
from compare.derivation.backward import operation_of, step_from
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.recovery import (
    WELL_CONDITIONED,
    Contradiction,
    input_of,
    recovered_s,
    recovered_s_tilde,
)
from twingrad.layers import LOSSES
from twingrad.network import Network

Suspects = list[tuple[str, int]]

SCALES = ("gamma", "beta")
"""Parameters of a normalisation."""


def way_down(network: Network, l: int) -> list[tuple[str, str]]:
    """(operation, name) of every gradient between the affine map above and layer l."""
    return [
        (operation, placed.name)
        for (operation, number), placed in steps_of(network, "backward").items()
        if number == l and operation not in ("W", "b") and placed.layer.kind not in LOSSES
    ]


def hides_b(network: Network, l: int) -> bool:
    """Whether the gradient of b is always zero, because a batch norm follows."""
    return l < network.depth and network.normalization == "batch"


@dataclass
class Walk:
    """State of the search.

    Arguments:
        evidence: the values found.
        G: gradients assumed, by name: results of right steps, starting from the last known one.
        broken: names of parameters whose own formula is wrong.
        suspects: operations that may be the first wrong one; empty if all values agree.
        lost: whether a wrong gradient could not be recovered, so that nothing below it can be
            judged.
        recovered: gradients recovered from those of the parameters.
    """

    evidence: Evidence
    G: dict[str, np.ndarray] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    suspects: Suspects = field(default_factory=list)
    lost: bool = False
    recovered: dict[str, np.ndarray] = field(default_factory=dict)

    def local(self, name: str) -> np.ndarray:
        """The result of the right step for the gradients assumed."""
        value = np.asarray(step_from(self.evidence.case, self.evidence.own_trace, self.G, name))
        self.G[name] = value
        return value

    def wrong(self, name: str) -> bool | None:
        """Whether a parameter's gradient is not the right step's result; None if not given."""
        if name not in self.evidence.found:
            return None
        return self.evidence.error(name, self.local(name)) > self.slack

    @property
    def slack(self) -> float:
        """Allowed error, in units of rounding; larger for gradients that were recovered."""
        return WELL_CONDITIONED if self.recovered else 1.0

    def leaf(self, *names: str) -> None:
        """Record parameters whose own formula is wrong."""
        self.broken.update(names)
        if not self.suspects:
            self.suspects = [split(name) for name in names[:1]]

    def path(self, suspects: Suspects) -> None:
        """Record the suspects for a wrong intermediate gradient."""
        if not self.suspects:
            self.suspects = suspects


def split(name: str) -> tuple[str, int]:
    """Split gamma2 into ("gamma", 2)."""
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind) :])


def walk_down(evidence: Evidence) -> Walk:
    """Judge the gradients of the parameters, starting with the last layer."""
    walk = Walk(evidence)
    network = evidence.case.network
    for l in range(network.depth, 0, -1):
        tilde_wrong = False
        if l == network.depth:
            walk.local(f"s{l}")
        for operation, name in way_down(network, l):
            if operation == "gamma":
                tilde_wrong = judge_scale(walk, l)
            elif operation not in SCALES:
                walk.local(name)
        judge_affine(walk, l, tilde_wrong)
        if walk.lost:
            break
    return walk


def judge_scale(walk: Walk, l: int) -> bool:
    """Judge gamma_l and beta_l; return whether both are wrong."""
    gamma, beta = walk.wrong(f"gamma{l}"), walk.wrong(f"beta{l}")
    if gamma and beta:
        return True
    if gamma or beta:
        walk.leaf(f"gamma{l}" if gamma else f"beta{l}")
    return False


def judge_affine(walk: Walk, l: int, tilde_wrong: bool) -> None:
    """Judge W_l and b_l, and with them the gradient of s_l."""
    W, b = walk.wrong(f"W{l}"), walk.wrong(f"b{l}")
    if W is not None and not W:
        judge_with_right_W(walk, l, bool(b), tilde_wrong)
        return
    if W is None and not tilde_wrong:
        if b:
            walk.leaf(f"b{l}")
        return
    try:
        G = recovered_s(walk.evidence, l)
    except Contradiction:
        judge_without_G(walk, l, bool(b), tilde_wrong, contradiction=True)
        return
    if G is None:
        judge_without_G(walk, l, bool(b), tilde_wrong, contradiction=False)
    else:
        judge_with_G(walk, l, bool(b), tilde_wrong, G)


def judge_with_right_W(walk: Walk, l: int, b: bool, tilde_wrong: bool) -> None:
    """W's gradient is right, so the gradient of s_l is right too."""
    if tilde_wrong:
        if behind_zero_gammas(walk, l):
            walk.path(above_scale(walk.evidence.case.network, l))
        else:
            walk.leaf(f"gamma{l}", f"beta{l}")
    elif b and not input_of(walk.evidence, "affine", l).any():
        # of an input of zeros W collects nothing, right or wrong
        walk.path([*path_to(walk, l, tilde_wrong, None), ("b", l)])
        walk.lost = True
    elif b:
        walk.leaf(f"b{l}")


def judge_without_G(walk: Walk, l: int, b: bool, tilde_wrong: bool, *, contradiction: bool) -> None:
    """W's gradient is wrong and that of s_l is unknown; the layer below may decide."""
    hidden = hides_b(walk.evidence.case.network, l)
    right_below = not tilde_wrong and follows_below(walk, l, walk.G[f"s{l}"])
    alone = l == 1 and not b and not tilde_wrong and (not hidden or contradiction)
    if right_below or alone:
        walk.leaf(f"W{l}", *([f"b{l}"] if b else []))
        return
    path = path_to(walk, l, tilde_wrong, None)
    walk.path(path if b or tilde_wrong else [*path, ("W", l)])
    walk.lost = True


def judge_with_G(walk: Walk, l: int, b: bool, tilde_wrong: bool, G: np.ndarray) -> None:
    """W's gradient is wrong, but would follow from another gradient G: decide whether G came from
    above."""
    evidence, network, name = walk.evidence, walk.evidence.case.network, f"s{l}"
    hidden = hides_b(network, l)
    follows = evidence.error(f"b{l}", G.sum(axis=0)) <= WELL_CONDITIONED if b else hidden
    right_below = follows_below(walk, l, walk.G[name]) and not follows_below(walk, l, G)
    if not tilde_wrong and (not follows or right_below):
        # b tells of another gradient than W, or the layer below does
        walk.leaf(f"W{l}", *([f"b{l}"] if b else []))
        return
    path = path_to(walk, l, tilde_wrong, G)
    if hidden and not b and not tilde_wrong and l == 1 and passed_batch_norm(walk, l, G):
        path = [*path, ("W", l)]
    walk.path(path)
    walk.G[name] = walk.recovered[name] = G


def behind_zero_gammas(walk: Walk, l: int) -> bool:
    """Whether gamma_l and beta_l are wrong only in units with gamma = 0, which hides s_tilde."""
    evidence = walk.evidence
    gamma_l = evidence.case.parameters[f"gamma{l}"]
    for name in (f"gamma{l}", f"beta{l}"):
        found, right = evidence.found.get(name), walk.G[name]
        if found is None or found.shape != right.shape:
            return False
        off = np.abs(found - right) > evidence.rounding * np.abs(right).max()
        if np.any(off & (gamma_l != 0)):
            return False
    return True


def follows_below(walk: Walk, l: int, G_s: np.ndarray) -> bool:
    """Whether the layer below agrees with this gradient."""
    if l == 1:
        return False
    evidence, network = walk.evidence, walk.evidence.case.network
    below = Walk(evidence, {f"s{l}": G_s, f"W{l}": walk.G[f"W{l}"]})
    names = ["W", "b"]
    for operation, name in way_down(network, l - 1):
        if operation == "gamma":
            names = ["gamma", "beta"]
            break
        below.local(name)
    return any(below.wrong(f"{name}{l - 1}") is False for name in names)


def passed_batch_norm(walk: Walk, l: int, G_s: np.ndarray) -> bool:
    """Whether a gradient is orthogonal to s_hat, as it is after batch norm's backward pass."""
    s_hat = walk.evidence.trace[f"s_hat{l}"]
    along = np.abs((G_s * s_hat).sum(axis=0)).max() / np.abs(G_s).sum(axis=0).max()
    return bool(along <= WELL_CONDITIONED * walk.evidence.rounding)


def path_to(walk: Walk, l: int, tilde_wrong: bool, G_s: np.ndarray | None) -> Suspects:
    """The operations that may make s_l's gradient wrong."""
    evidence, network = walk.evidence, walk.evidence.case.network
    if l == network.depth:
        return [(operation_of(network, f"s{l}")[0], l)]
    operations = [(operation, l) for operation, _ in way_down(network, l)]
    if network.normalization == "none":
        above, G = operations, G_s
    elif tilde_wrong:
        above = above_scale(network, l)
        G = None if G_s is None else recovered_s_tilde(evidence, l, G_s)
    else:
        skipped = [*above_scale(network, l), *((scale, l) for scale in SCALES)]
        return [place for place in operations if place not in skipped]
    return above if G is None else masked_or_not(walk, l, G, above)


def above_scale(network: Network, l: int) -> Suspects:
    """The operations that may make the gradient of s_tilde_l wrong."""
    operations = [operation for operation, _ in way_down(network, l)]
    return [(operation, l) for operation in operations[: operations.index("gamma")]]


def masked_or_not(walk: Walk, l: int, G: np.ndarray, above: Suspects) -> Suspects:
    """Decide whether the ReLU is wrong or the gradient above it.

    The ReLU is wrong if it passes entries that it should stop, or if the entries that it passes are
    right and some are missing. Otherwise both are suspects: a wrong slope of the ReLU and a wrong
    gradient above it are different only in the values that it passes. Undecided for other
    activations, and if dropout follows.
    """
    evidence = walk.evidence
    layer = layer_of(evidence.case.network, "activation", l)
    if layer is None or layer.kind != "relu" or len(above) > 2:
        return above
    x = walk.G[f"x{l}"]
    passes = Place(evidence.case, layer, evidence.trace, {}).input > 0  # (n, m)
    size = max(float(np.abs(x).max()), float(np.abs(G).max()))
    near = WELL_CONDITIONED * evidence.rounding * size
    through = bool((np.abs(G[~passes]) > near).any())
    same = np.abs(G - x) <= near
    if through or bool((same | (np.abs(G) <= near)).all()):
        return [("mask", l)]
    return [("down", l), ("mask", l)]
