"""The affine map: one step for each value and each gradient. G_x is d cost / d x."""

from compare.derivation.place import Derivation, Step, Term, total, zero

PRODUCT = (
    Term("product", "the product x W'", "x W'", lambda at: at.x @ at.W.T),
    Term("b", "the bias b", "b", lambda at: at.b, back=(("b", "b"),)),
)

GRADIENT_OF_W = (
    Term(
        "W",
        "the data's part of the gradient of W",
        "G_s' x",
        lambda at: at.G_s.T @ at.x,
        holds_n=True,
    ),
    Term(
        "penalty",
        "the penalty's part 2 lambda W of the gradient of W",
        "2 lambda W",
        lambda at: 2 * at.penalty * at.W,
    ),
)

GRADIENT_OF_B = (
    Term("b", "the gradient of b", "sum_i G_s,i", lambda at: at.G_s.sum(axis=0), holds_n=True),
    Term("penalty on b", "a penalty's part 2 lambda b", "", lambda at: 2 * at.penalty * at.b, zero),
)

WAY_DOWN = (
    Term(
        "down",
        "the gradient passed down through W",
        "G_s W",
        lambda at: at.G_s @ at.W,
        holds_n=True,
    ),
    Term("update", "the update -eta G_W of W", "", lambda at: -at.G_s @ at.G_W, zero),
)

AFFINE = Derivation(
    forward=(
        Step(
            "s",
            "affine map of layer {l}",
            "s = x W' + b",
            "Each unit weighs the inputs of its sample and adds its bias.",
            "s = product(x, W)  # x W', (n, out)",
            total(PRODUCT),
            "s += b[..., None, :]",
            PRODUCT,
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
            total(GRADIENT_OF_W),
            "add_scaled(run.gradients[name], 2 * penalty, run.parameters[name])",
            GRADIENT_OF_W,
        ),
        Step(
            "b",
            "gradient of b{l}",
            "G_b = sum_i G_s,i",
            "b_j is added in every sample, so it collects from all of them.",
            "run.gradients[self.b] = sum_over(-2, G)  # (out,)",
            total(GRADIENT_OF_B),
            terms=GRADIENT_OF_B,
        ),
    ),
    down=Step(
        "down",
        "way down to {input} through the W above it",
        "G_x = G_s W",
        "x_ik reaches every s_ij with weight W_jk.",
        "return None if self.first else G @ W  # (n, in)",
        total(WAY_DOWN),
        terms=WAY_DOWN,
    ),
)
