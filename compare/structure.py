"""Which gradients are zero in theory, so that what is computed of them is rounding alone."""

from common.network import Network


def structural_zeros(network: Network, samples: int) -> dict[str, str]:
    """Names whose gradient's data part vanishes, each with the reason.

    Below a batch norm, b moves every sample of a unit alike and the mean takes it out again, so
    its gradient is 0. With two samples s_hat is +1 and -1
    whatever s is, so nothing below the last batch norm reaches the cost (up to eps); W then
    keeps only its penalty's part.

    Arguments:
        network: with or without batch norm.
        samples: n, the size of the minibatch.
    """
    zeros: dict[str, str] = {}
    normalised = [layer.number for layer in network.layers if layer.kind == "batch_norm"]
    for l in normalised:
        zeros[f"b{l}"] = "zero in theory: the batch norm above takes b out again"
    if samples == 2 and normalised:
        last = normalised[-1]
        reason = "zero in theory: two samples normalise to +1 and -1 whatever they are"
        for l in normalised:
            below = ["W", "b", "s"]
            if l < last:
                below += ["mu", "v", "s_hat", "gamma", "beta", "s_tilde", "x"]
            zeros |= {f"{kind}{l}": reason for kind in below if f"{kind}{l}" not in zeros}
    return zeros
