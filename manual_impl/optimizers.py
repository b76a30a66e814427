"""From a gradient to a step: each optimiser in its published form, on arrays of one network or N.

An optimiser keeps nothing itself. What it must remember is in `memory`, arrays by name that are
saved and restored like the parameters. The gradients it is given are those of the cost, penalty
included, unless the decay is decoupled; it may overwrite them.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from manual_impl.arrays import Array, Scalars, add_scaled, per_network
from twingrad.network import Gradients, Parameters
from twingrad.recipe import Recipe

Memory = dict[str, np.ndarray]
"""What an optimiser remembers of each parameter: "velocity.W1", ... in the parameter's shape."""

Constants = Mapping[str, Scalars]
"""momentum, beta1, beta2 and adam_eps of the recipe, or of each network's."""

Step = Callable[[str, Array, Array, Memory, Constants, Scalars, int], None]
"""(name, value, gradient, memory, constants, eta, t): moves a parameter in place; t from 1."""


def sgd(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """w <- w - eta G."""
    add_scaled(w, -eta, G)


def momentum(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """u <- rho u + G, w <- w - eta u (Polyak 1964, as torch.optim.SGD has it)."""
    u = memory[f"velocity.{name}"]
    u *= per_network(constants["momentum"], u)
    u += G
    add_scaled(w, -eta, u)


def nesterov(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """u <- rho u + G, w <- w - eta (G + rho u) (Sutskever et al. 2013, as torch has it)."""
    u = memory[f"velocity.{name}"]
    u *= per_network(constants["momentum"], u)
    u += G
    add_scaled(G, constants["momentum"], u)
    add_scaled(w, -eta, G)


def adam(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """Decaying means m of G and r of G^2, both corrected for their start at 0:
    w <- w - eta m_hat / (sqrt(r_hat) + eps) (Kingma and Ba 2015)."""
    m, r = memory[f"moment1.{name}"], memory[f"moment2.{name}"]
    beta1, beta2 = constants["beta1"], constants["beta2"]
    m *= per_network(beta1, m)
    add_scaled(m, 1 - beta1, G)
    np.square(G, out=G)
    r *= per_network(beta2, r)
    add_scaled(r, 1 - beta2, G)
    # m_hat = m / (1 - beta1^t) and r_hat = r / (1 - beta2^t): what the zeros at the start lack
    root = np.sqrt(r)
    root /= per_network(np.sqrt(1 - beta2**t), r)
    root += per_network(constants["adam_eps"], r)
    np.divide(m, root, out=root)
    add_scaled(w, -eta / (1 - beta1**t), root)


OPTIMIZERS: Mapping[str, tuple[Step, tuple[str, ...]]] = {
    "sgd": (sgd, ()),
    "momentum": (momentum, ("velocity",)),
    "nesterov": (nesterov, ("velocity",)),
    "adam": (adam, ("moment1", "moment2")),
}
"""The step, and what it remembers of every parameter."""

CONSTANTS = ("momentum", "beta1", "beta2", "adam_eps")


def constants_of(recipes: Sequence[Recipe]) -> dict[str, np.ndarray]:
    """The constants of each recipe's optimiser, (networks,) float64."""
    return {name: np.array([getattr(one, name) for one in recipes]) for name in CONSTANTS}


def memory_names(optimizer: str, parameters: Sequence[str]) -> list[str]:
    """What the optimiser remembers, by name, zeros at first."""
    return [f"{kind}.{name}" for kind in OPTIMIZERS[optimizer][1] for name in parameters]


def descend(
    recipe: Recipe,
    parameters: Parameters,
    gradients: Gradients,
    memory: Memory,
    constants: Constants,
    *,
    penalty: Scalars,
    eta: Scalars,
    t: int,
) -> None:
    """One step of every parameter, in place.

    Arguments:
        recipe: names the optimiser, and says whether the weights' decay is decoupled: then they
            shrink by 2 eta lambda first (Loshchilov and Hutter 2019), and the gradients are
            those of the loss.
        gradients: of each parameter; overwritten.
        penalty: lambda.
        eta: the learning rate.
        t: the number of the update, from 1.
    """
    step, _ = OPTIMIZERS[recipe.optimizer]
    for name, value in parameters.items():
        if recipe.decoupled and name.startswith("W") and name not in recipe.unpenalised:
            value *= per_network(1 - 2 * eta * penalty, value)
        step(name, value, gradients[name], memory, constants, eta, t)
