"""Which gradients are zero in theory, so that what is computed of them is rounding alone."""

from common.network import Network

VANISHING = 1e-12
"""Below a batch norm, a tensor without a larger entry is taken for rounding. Its terms are near
1 and cancel; that they do can hang on the data, as where a ReLU lets a single sample through."""


def structural_zeros(network: Network, samples: int) -> dict[str, str]:
    """Names whose gradient's data part vanishes, each with the reason.

    Batch norm takes shift and scale of s out again. So b below it has no gradient, and neither
    has W where s has a single input, which W merely scales. With two samples s_hat is +1 and -1
    whatever s is, so nothing below the last batch norm reaches the cost (up to eps). W then
    keeps only its penalty's part.

    Arguments:
        network: with or without batch norm.
        samples: n, the size of the minibatch.
    """
    zeros: dict[str, str] = {}
    normalised = [layer.number for layer in network.layers if layer.kind == "batch_norm"]
    for l in normalised:
        zeros[f"b{l}"] = "zero in theory: the batch norm above takes the shift b out again"
        if network.widths[l - 1] == 1:
            zeros[f"W{l}"] = "zero in theory: the batch norm above takes the scale W out again"
    if samples == 2 and normalised:
        last = normalised[-1]
        reason = "zero in theory: two samples normalise to +1 and -1 whatever they are"
        for l in normalised:
            below = ["W", "b", "s"]
            if l < last:
                below += ["mu", "v", "s_hat", "gamma", "beta", "s_tilde", "x"]
            zeros |= {f"{kind}{l}": reason for kind in below if f"{kind}{l}" not in zeros}
    return zeros


def below_batch_norm(network: Network, name: str) -> bool:
    """Whether a tensor reaches the cost only through a batch norm."""
    kind = name.rstrip("0123456789")
    number = int(name[len(kind) :])
    last = network.depth - 1 if network.batch_norm else 0
    return number < last or (number == last and kind in ("W", "b", "s"))
