"""Our network and update as users of JAX write them, for `benchmarks.peers`."""

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
) -> tuple[Callable[[Any, Any], tuple[Any, Any]], Any]:
    """Updates: grad, scan over the minibatches, jit.

    Arguments:
        network: with batch norm.
        start: initial parameters; made float32.
        dataset: gives the training samples.
        eta, penalty, alpha: learning rate, lambda, and the share of the old running statistics.

    Returns:
        A function of the state and of an order (updates, batch), which gives the state after
        them and the costs; and the initial state: parameters, running statistics, and the share
        of the new statistics in these.
    """
    X_all, y_all = jnp.asarray(dataset.training.X), jnp.asarray(dataset.training.y)

    def cost(parameters: dict[str, Any], X: Any, y: Any) -> Any:
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

    def update(state: Any, rows: Any) -> tuple[Any, Any]:
        parameters, running, share = state
        differentiated = jax.value_and_grad(cost, has_aux=True)
        (value, new), gradients = differentiated(parameters, X_all[rows], y_all[rows])
        parameters = {n: p - eta * gradients[n] for n, p in parameters.items()}
        running = {n: (1 - share) * old + share * new[n] for n, old in running.items()}
        return (parameters, running, jnp.float32(1 - alpha)), value

    parameters = {name: jnp.asarray(value, jnp.float32) for name, value in start.items()}
    running = {name: jnp.zeros(shape) for name, shape in network.statistic_shapes.items()}
    run = jax.jit(lambda state, order: jax.lax.scan(update, state, order))
    return run, (parameters, running, jnp.float32(1))
