"""Optimisers in their published form, for arrays of one network or of N.

An optimiser has no state of its own: its moving averages are in `memory`, arrays by name that are
saved and restored like the parameters. The gradients it takes are those of the cost, including the
penalty unless the decay is decoupled, and it may overwrite them.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from manual_impl.arrays import Array, Scalars, add_scaled, per_network
from twingrad.network import Gradients, Parameters
from twingrad.recipe import Recipe

Memory = dict[str, np.ndarray]
"""The optimiser's state: "velocity.W1", ..., each in its parameter's shape."""

Constants = Mapping[str, Scalars]
"""momentum, beta1, beta2 and adam_eps, each a float or one value for each network."""

Step = Callable[[str, Array, Array, Memory, Constants, Scalars, int], None]
"""(name, value, gradient, memory, constants, eta, t): update a parameter in place; t from 1."""


def sgd(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """w <- w - eta G."""
    add_scaled(w, -eta, G)


def momentum(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """u <- rho u + G, w <- w - eta u (Polyak 1964, in the form of torch.optim.SGD)."""
    u = memory[f"velocity.{name}"]
    u *= per_network(constants["momentum"], u)
    u += G
    add_scaled(w, -eta, u)


def nesterov(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """u <- rho u + G, w <- w - eta (G + rho u) (Sutskever et al. 2013, in torch's form)."""
    u = memory[f"velocity.{name}"]
    u *= per_network(constants["momentum"], u)
    u += G
    add_scaled(G, constants["momentum"], u)
    add_scaled(w, -eta, G)


def adam(
    name: str, w: Array, G: Array, memory: Memory, constants: Constants, eta: Scalars, t: int
) -> None:
    """w <- w - eta m_hat / (sqrt(r_hat) + eps), with m_hat and r_hat the bias-corrected moving
    averages of G and G^2 (Kingma and Ba 2015)."""
    m, r = memory[f"moment1.{name}"], memory[f"moment2.{name}"]
    beta1, beta2 = constants["beta1"], constants["beta2"]
    m *= per_network(beta1, m)
    add_scaled(m, 1 - beta1, G)
    np.square(G, out=G)
    r *= per_network(beta2, r)
    add_scaled(r, 1 - beta2, G)
    # m_hat = m / (1 - beta1^t) and r_hat = r / (1 - beta2^t), since m and r started at 0
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
"""The step of each optimiser, and the kinds of memory it keeps for every parameter."""

CONSTANTS = ("momentum", "beta1", "beta2", "adam_eps")


def constants_of(recipes: Sequence[Recipe]) -> dict[str, np.ndarray]:
    """The optimiser constants of each recipe, (networks,) float64."""
    return {name: np.array([getattr(recipe, name) for recipe in recipes]) for name in CONSTANTS}


def memory_names(optimizer: str, parameters: Sequence[str]) -> list[str]:
    """The names of the optimiser's memory, which starts at zero."""
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
    """Update every parameter in place.

    Arguments:
        recipe: selects the optimiser, and whether the decay is decoupled: then the weights are
            first multiplied by 1 - 2 eta lambda (Loshchilov and Hutter 2019), and the gradients
            are those of the loss.
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
