"""The whole network in torch: the contract's functions, and the same layers as an nn.Module."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from torch_impl.layers import Tensors, build, loss_and_cost
from twingrad.network import Network


def forward(
    network: Network,
    parameters: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    penalty: float,
    statistics: Mapping[str, Any] | None = None,
) -> Tensors:
    """Every intermediate: s1, mu1, v1, s_hat1, s_tilde1, x1, ..., sk, p, loss, cost.

    Arguments:
        network: gives the layers and their names.
        parameters: arrays or tensors, float32 or float64, all of one dtype and device.
        X: (n, d), likewise.
        y: (n,) int64, classes from 0.
        penalty: lambda.
        statistics: running statistics to use in place of the minibatch's; not changed.

    Returns:
        Tensors by name, in order of execution, on the device of what was given; part of an
        autograd graph where the parameters are.
    """
    values = as_tensors(parameters)
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    averages = None if statistics is None else as_tensors(statistics)
    trace = run_layers(network, values, X, averages)
    logits = trace[f"s{network.depth}"]
    trace["p"] = logits.softmax(dim=1)
    trace["loss"], trace["cost"] = loss_and_cost(network, logits, y, values, penalty)
    return trace


def gradients(
    network: Network,
    parameters: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    penalty: float,
    upstream: Mapping[str, Any] | None = None,
) -> Tensors:
    """d cost / d of every parameter and intermediate, by autograd.

    Arguments:
        network, parameters, X, y, penalty: as in `forward`.
        upstream: handed to every layer as the gradient of its output, in place of what the
            layer above computed (teacher forcing).
    """
    leaves = {
        name: value.detach().requires_grad_() for name, value in as_tensors(parameters).items()
    }
    trace = forward(network, leaves, X, y, penalty=penalty)
    if upstream is not None:
        return teacher_forced(network, leaves, trace, as_tensors(upstream), penalty)
    sources = {name: s for name, s in trace.items() if name not in ("p", "loss", "cost")} | leaves
    derivatives = torch.autograd.grad(trace["cost"], list(sources.values()))
    return dict(zip(sources, derivatives, strict=True))


def teacher_forced(
    network: Network, leaves: Tensors, trace: Tensors, upstream: Tensors, penalty: float
) -> Tensors:
    """The gradients that each layer alone makes of the gradient of its output."""
    layers = build(network)
    last = layers[-1].output
    found = {last: torch.autograd.grad(trace["cost"], trace[last], retain_graph=True)[0]}
    names = list(trace)
    for layer, below in zip(reversed(layers), [*reversed(layers[:-1]), None], strict=True):
        first = 0 if below is None else names.index(below.output)
        sources = {name: trace[name] for name in names[first : names.index(layer.output)]}
        sources |= {name: leaves[name] for name in layer.parameters}
        derivatives = torch.autograd.grad(
            trace[layer.output],
            list(sources.values()),
            upstream[layer.output],
            retain_graph=True,
        )
        found |= dict(zip(sources, derivatives, strict=True))
    for l in range(1, network.depth + 1):
        W = leaves[f"W{l}"]
        found[f"W{l}"] += torch.autograd.grad(penalty * W.square().sum(), W)[0]
    return found


def run_layers(
    network: Network, parameters: Tensors, X: Tensor, statistics: Tensors | None
) -> Tensors:
    """The intermediates up to the logits, the last of them."""
    trace: Tensors = {}
    x = X
    for layer in build(network):
        layer.forward(x, parameters, trace, statistics)
        x = trace[layer.output]
    return trace


def as_tensors(values: Mapping[str, Any]) -> Tensors:
    """The same values as tensors, without a copy where they are tensors or arrays."""
    return {name: torch.as_tensor(value) for name, value in values.items()}


class TorchNetwork(nn.Module):
    """The network as torch users know it: a module from X (n, d) to logits (n, classes).

    Its parameters are called W1, b1, gamma1, beta1, ... and its buffers mu1, v1, ..., so its
    state dict has the names of `parameters.safetensors`. In training mode it normalises by the
    minibatch and moves the running statistics (in place of their absence at the first one); in
    evaluation mode it uses these and changes nothing.

    Arguments:
        network: gives the layers.
        parameters: initial values, arrays or tensors; copied.
        statistics: running statistics to continue from; none before the first minibatch.
        alpha: share of the old value in a running statistic.
        dtype, device: of parameters and buffers.
    """

    def __init__(
        self,
        network: Network,
        parameters: Mapping[str, Any],
        statistics: Mapping[str, Any] | None = None,
        *,
        alpha: float = 0.9,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.network, self.alpha = network, alpha
        for name in network.parameter_shapes:
            value = torch.as_tensor(parameters[name]).detach().to(device, dtype, copy=True)
            self.register_parameter(name, nn.Parameter(value))
        for name in network.statistic_shapes:
            start = None if not statistics else torch.as_tensor(statistics[name])
            self.register_buffer(
                name, None if start is None else start.to(device, dtype, copy=True)
            )

    def parameters_by_name(self) -> Tensors:
        """The parameters themselves, W1, b1, ...; not copies."""
        return dict(self.named_parameters())

    def statistics(self) -> Tensors:
        """The running statistics themselves; empty before the first minibatch."""
        return dict(self.named_buffers())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *options: Any) -> None:
        """Makes room for saved running statistics where there are none yet."""
        for name in self.network.statistic_shapes:
            saved = state_dict.get(prefix + name)
            if saved is not None and getattr(self, name) is None:
                like = next(self.parameters())
                setattr(self, name, torch.empty_like(saved, dtype=like.dtype, device=like.device))
        super()._load_from_state_dict(state_dict, prefix, *options)

    def forward(self, X: Float[Tensor, "n d"]) -> Float[Tensor, "n classes"]:
        """The logits.

        Raises:
            RuntimeError: in evaluation mode, before there are running statistics.
        """
        statistics = None if self.training else self.statistics()
        if statistics == {} and self.network.statistic_shapes:
            raise RuntimeError(
                "evaluation mode needs running statistics: train on a minibatch or load them first"
            )
        trace = run_layers(self.network, self.parameters_by_name(), X, statistics)
        if self.training:
            self._update_statistics(trace)
        return trace[f"s{self.network.depth}"]

    @torch.no_grad()
    def _update_statistics(self, trace: Tensors) -> None:
        for name in self.network.statistic_shapes:
            average, new = getattr(self, name), trace[name].detach()
            if average is not None:
                new = self.alpha * average + (1 - self.alpha) * new
            setattr(self, name, new)
