"""Our network and update in JAX: grad, scan over the minibatches, jit."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from twingrad.dataset import Dataset
from twingrad.network import Network, Parameters


def training(
    network: Network,
    start: Parameters,
    dataset: Dataset,
    *,
    eta: float,
    penalty: float,
    alpha: float,
    networks: int | None = None,
) -> tuple[Callable[[Any, Any], tuple[Any, Any]], Any]:
    """Updates of one network, or with vmap of many that share their minibatches.

    Arguments:
        network: with batch norm.
        start: initial parameters; converted to float32.
        dataset: its training samples are used.
        eta, penalty: learning rate and lambda; arrays with vmap.
        alpha: weight of the old running statistics.
        networks: number of networks, all with the same start; None for one without a leading axis.

    Returns:
        A function of the state and an order (updates, batch) that returns the new state and the
        costs (updates, [networks]); and the initial state: parameters, running statistics, and
        the weight of the new batch statistics in the running ones.
    """
    X_all, y_all = jnp.asarray(dataset.training.X), jnp.asarray(dataset.training.y)

    def cost(parameters: dict[str, Any], X: Any, y: Any, penalty: Any) -> Any:
        x: Any = X
        moments: dict[str, Any] = {}
        for l in range(1, network.depth):
            s = x @ parameters[f"W{l}"].T + parameters[f"b{l}"]
            mu, v = s.mean(axis=0), s.var(axis=0)
            moments |= {f"mu{l}": mu, f"v{l}": v}
            s_hat = (s - mu) / jnp.sqrt(v + network.eps)
            x = jax.nn.relu(parameters[f"gamma{l}"] * s_hat + parameters[f"beta{l}"])
        logits = x @ parameters[f"W{network.depth}"].T + parameters[f"b{network.depth}"]
        log_p = jax.nn.log_softmax(logits)
        squares = sum((parameters[f"W{l}"] ** 2).sum() for l in range(1, network.depth + 1))
        loss = -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
        return loss + penalty * squares, moments

    def update(
        parameters: Any, running: Any, share: Any, eta: Any, penalty: Any, X: Any, y: Any
    ) -> Any:
        differentiated = jax.value_and_grad(cost, has_aux=True)
        (value, new), gradients = differentiated(parameters, X, y, penalty)
        parameters = {n: p - eta * gradients[n] for n, p in parameters.items()}
        running = {n: (1 - share) * old + share * new[n] for n, old in running.items()}
        return parameters, running, value

    parameters = {name: jnp.asarray(value, jnp.float32) for name, value in start.items()}
    running = {name: jnp.zeros(shape) for name, shape in network.statistic_shapes.items()}
    updates: Any = update
    rates: Any = eta
    penalties: Any = penalty
    if networks is not None:
        updates = jax.vmap(update, in_axes=(0, 0, None, 0, 0, None, None))
        rates, penalties = (jnp.full(networks, value, jnp.float32) for value in (eta, penalty))
        parameters, running = (
            {name: jnp.stack([value] * networks) for name, value in values.items()}
            for values in (parameters, running)
        )

    def step(state: Any, rows: Any) -> tuple[Any, Any]:
        parameters, running, share = state
        parameters, running, value = updates(
            parameters, running, share, rates, penalties, X_all[rows], y_all[rows]
        )
        return (parameters, running, jnp.float32(1 - alpha)), value

    run = jax.jit(lambda state, order: jax.lax.scan(step, state, order))
    return run, (parameters, running, jnp.float32(1))
