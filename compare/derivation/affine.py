"""The affine map, a step a value and a gradient. G_x is d cost / d x."""

from compare.derivation.place import Derivation, Step

AFFINE = Derivation(
    forward=(
        Step(
            "s",
            "affine map of layer {l}",
            "s = x W' + b",
            "Each unit weighs the inputs of its sample and adds its bias.",
            "s = product(x, W)  # x W', (n, out)",
            lambda at: at.x @ at.W.T + at.b,
            "s += b[..., None, :]",
        ),
    ),
    backward=(
        Step(
            "W",
            "gradient of W{l}",
            "G_W = G_s' x + 2 lambda W",
            "s_ij = sum_k x_ik W_jk + b_j: W_jk meets sample i with weight x_ik; the penalty "
            "lambda ||W||^2 adds its own derivative.",
            "run.gradients[self.W] = weight_gradient(G, x, W)  # G' x, (out, in)",
            lambda at: at.G_s.T @ at.x + 2 * at.penalty * at.W,
            "add_scaled(run.gradients[name], 2 * penalty, run.parameters[name])",
        ),
        Step(
            "b",
            "gradient of b{l}",
            "G_b = sum_i G_s,i",
            "b_j is added in every sample, so it collects from all of them.",
            "run.gradients[self.b] = sum_over(-2, G)  # (out,)",
            lambda at: at.G_s.sum(axis=0),
        ),
    ),
    down=Step(
        "down",
        "way down to {input} through the W above it",
        "G_x = G_s W",
        "x_ik reaches every s_ij with weight W_jk.",
        "return None if self.first else G @ W  # (n, in)",
        lambda at: at.G_s @ at.W,
    ),
)
