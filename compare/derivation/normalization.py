"""Batch norm and layer norm: one step for each value and each gradient.

They differ only in the axis of mu and v: the samples of a unit, or the units of a sample. The
letters are those of a normalisation before the activation, whose input is s.
"""

import numpy as np

from compare.derivation.place import Derivation, Place, Step, Term, total, zero


def centred(at: Place) -> np.ndarray:
    """s - mu."""
    return np.asarray(at.s - at.spread(at.mu))


MEAN = (Term("mu", "the mean", "sum", lambda at: at.s.mean(axis=at.axis)),)

VARIANCE = (
    Term(
        "v",
        "the variance",
        "sum",
        lambda at: np.square(centred(at)).mean(axis=at.axis),
        back=(("s", "variance"),),
    ),
)

NORMALISED = (
    Term("s", "s in s_hat", "s", lambda at: at.s / at.spread(at.root)),
    Term("mu", "the mean in s_hat", "- mu", lambda at: -at.spread(at.mu / at.root)),
)

SCALED_AND_SHIFTED = (
    Term(
        "scaled",
        "the product gamma s_hat",
        "gamma s_hat",
        lambda at: at.gamma * at.s_hat,
        back=(("gamma", "gamma"), ("s_hat", "s_hat")),
    ),
    Term("beta", "the shift beta", "beta", lambda at: at.beta, back=(("beta", "beta"),)),
)

GRADIENT_OF_GAMMA = (
    Term(
        "gamma",
        "the gradient of gamma",
        "sum_i G_s_tilde,i s_hat_i",
        lambda at: (at.G_s_tilde * at.s_hat).sum(axis=0),
        holds_n=True,
    ),
    Term(
        "penalty on gamma",
        "a penalty's part 2 lambda gamma",
        "",
        lambda at: 2 * at.penalty * at.gamma,
        zero,
    ),
)

GRADIENT_OF_BETA = (
    Term(
        "beta",
        "the gradient of beta",
        "sum_i G_s_tilde,i",
        lambda at: at.G_s_tilde.sum(axis=0),
        holds_n=True,
    ),
    Term(
        "penalty on beta",
        "a penalty's part 2 lambda beta",
        "",
        lambda at: 2 * at.penalty * at.beta,
        zero,
    ),
)

THROUGH_GAMMA = (
    Term(
        "s_hat",
        "the gradient passed down through gamma",
        "G_s_tilde gamma",
        lambda at: at.G_s_tilde * at.gamma,
        holds_n=True,
    ),
)

THROUGH_V = (
    Term(
        "v",
        "the gradient of the variance",
        "sum",
        lambda at: -0.5 * (at.G_s_hat * at.s_hat).sum(axis=at.axis) / at.variance,
        holds_n=True,
    ),
)

THROUGH_MU = (
    Term(
        "mu",
        "the gradient of the mean",
        "sum",
        lambda at: -at.G_s_hat.sum(axis=at.axis) / at.root,
        holds_n=True,
    ),
)


def ways_down(name: str, n: str) -> tuple[Term, ...]:
    """The three paths from the output to s."""
    return (
        Term(
            "direct",
            f"the direct term of {name}'s backward pass",
            "G_s_hat / sqrt(v + eps)",
            lambda at: at.G_s_hat / at.spread(at.root),
        ),
        Term(
            "mean",
            f"the mean's term of {name}'s backward pass",
            f"G_mu / {n}",
            lambda at: at.spread(at.G_mu) / at.size,
            holds_n=True,
        ),
        Term(
            "variance",
            f"the variance's term of {name}'s backward pass",
            f"G_v (2/{n}) (s - mu)",
            lambda at: at.spread(at.G_v) * (2 / at.size) * centred(at),
            holds_n=True,
        ),
    )


def normalization(
    name: str, mean: str, n: str, i: str, shared: str, sums: tuple[str, str]
) -> Derivation:
    """The steps of one normalisation.

    Arguments:
        name: for people.
        mean: words for the values that mu averages.
        n, i: the letters for their number and their index.
        shared: words for the entries that share mu and v.
        sums: second lines of code for the gradients of v and mu; "" for none.
    """
    ways = ways_down(name, n)
    return Derivation(
        forward=(
            Step(
                "mu",
                f"mean of {name} {{l}}",
                f"mu = 1/{n} sum_{i} s_{i}",
                mean,
                "mu = sum_over(axis, s) / n  # (m,)",
                total(MEAN),
                terms=MEAN,
            ),
            Step(
                "v",
                f"variance of {name} {{l}}",
                f"v = 1/{n} sum_{i} (s_{i} - mu)^2",
                f"The biased variance: divided by {n}, not by {n} - 1.",
                "v = sum_over(axis, centred * centred) / n  # (m,)",
                total(VARIANCE),
                terms=VARIANCE,
            ),
            Step(
                "s_hat",
                f"normalisation of {name} {{l}}",
                "s_hat = (s - mu) / sqrt(v + eps)",
                "In standard deviations; eps stands under the root.",
                "s_hat /= np.sqrt(v + self.eps)[self.spread]  # (n, m)",
                lambda at: centred(at) / at.spread(at.root),
                terms=NORMALISED,
            ),
            Step(
                "s_tilde",
                f"scale and shift of {name} {{l}}",
                "s_tilde = gamma s_hat + beta",
                "The network may undo what normalising took away.",
                "s_tilde = run.parameters[self.gamma][..., None, :] * s_hat  # (n, m)",
                total(SCALED_AND_SHIFTED),
                "s_tilde += run.parameters[self.beta][..., None, :]",
                SCALED_AND_SHIFTED,
            ),
        ),
        backward=(
            Step(
                "gamma",
                "gradient of gamma{l}",
                "G_gamma = sum_i G_s_tilde,i s_hat_i",
                "s_tilde = gamma s_hat + beta, and gamma is shared by all samples.",
                "run.gradients[self.gamma] = sum_over(-2, G * s_hat)  # (m,)",
                total(GRADIENT_OF_GAMMA),
                terms=GRADIENT_OF_GAMMA,
            ),
            Step(
                "beta",
                "gradient of beta{l}",
                "G_beta = sum_i G_s_tilde,i",
                "beta is added in every sample.",
                "run.gradients[self.beta] = sum_over(-2, G)  # (m,)",
                total(GRADIENT_OF_BETA),
                terms=GRADIENT_OF_BETA,
            ),
            Step(
                "s_hat",
                "way down through gamma{l}",
                "G_s_hat = G_s_tilde gamma",
                "s_tilde = gamma s_hat + beta.",
                "run.gradients[self.s_hat] = G_hat = G * run.parameters[self.gamma]"
                "[..., None, :]  # (n, m)",
                total(THROUGH_GAMMA),
                terms=THROUGH_GAMMA,
            ),
            Step(
                "v",
                "gradient of the variance v{l}",
                f"G_v = -1/2 sum_{i} G_s_hat,{i} s_hat_{i} / (v + eps)",
                "d s_hat / d v = -1/2 (s - mu) (v + eps)^(-3/2) = -1/2 s_hat / (v + eps), and v "
                f"is shared by all {shared}.",
                "run.gradients[self.v] = -0.5 * along / variance  # (m,)",
                total(THROUGH_V),
                sums[0],
                THROUGH_V,
            ),
            Step(
                "mu",
                "gradient of the mean mu{l}",
                f"G_mu = -sum_{i} G_s_hat,{i} / sqrt(v + eps)",
                "d s_hat / d mu = -1 / sqrt(v + eps). mu is also in v, but d v / d mu = "
                f"-2/{n} sum(s - mu) = 0.",
                "run.gradients[self.mu] = -total / root  # (m,)",
                total(THROUGH_MU),
                sums[1],
                THROUGH_MU,
            ),
        ),
        down=Step(
            "s",
            f"way down through {name} {{l}} to {{input}}",
            f"G_s = G_s_hat / sqrt(v + eps) + G_mu / {n} + G_v (2/{n}) (s - mu)",
            f"s goes three ways: straight into s_hat, with its share 1/{n} into mu, and with its "
            f"share 2 (s - mu) / {n} into v.",
            "G_s = s_hat * (along / -n)[self.spread]  # (n, m)",
            total(ways),
            "G_s -= (total / n)[self.spread]",
            ways,
        ),
    )


BATCH_NORM = normalization(
    "batch norm", "The mean of every unit over the minibatch.", "n", "i", "samples", ("", "")
)

LAYER_NORM = normalization(
    "layer norm",
    "The mean of every sample over its units, of which there are m.",
    "m",
    "j",
    "units of its sample",
    ("return sum_over(-1, G_hat), sum_over(-1, G_hat * s_hat)",) * 2,
)
