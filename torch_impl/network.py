"""The whole network in torch: the contract's functions, and the same layers as an nn.Module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from torch_impl.layers import Pass, Tensors, build, run_layers, squared_norm
from torch_impl.losses import mean_loss, probabilities
from twingrad.errors import UserError
from twingrad.network import Network
from twingrad.run_folder import RunFolder


def forward(
    network: Network,
    parameters: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    penalty: Any,
    statistics: Mapping[str, Any] | None = None,
    masks: Mapping[str, Any] | None = None,
) -> Tensors:
    """Every intermediate: s1, mu1, v1, s_hat1, s_tilde1, x1, ..., sk, p, loss, cost.

    Arguments:
        network: defines the layers and their names.
        parameters: arrays or tensors, float16 to float64, all of one dtype and device. A leading
            axis means many networks, and the results then have it too.
        X: (n, d), array or tensor; (networks, n, d) if each network has its own samples.
        y: int64, classes from 0, with the axes of X except the last.
        penalty: lambda, or one for each network.
        statistics: running statistics, used instead of the batch statistics; not changed.
        masks: dropout masks, True where a unit is kept; None drops nothing.

    Returns:
        Tensors by name, in order of execution, on the device of the inputs, and part of the
        autograd graph of the parameters. loss and cost have shape () or (networks,).
    """
    values, y = as_tensors(parameters), torch.as_tensor(y)
    run = Pass(values)
    if statistics is not None:
        run.statistics = as_tensors(statistics)
    if masks is not None:
        run.masks = as_tensors(masks)
    s = run_layers(build(network), torch.as_tensor(X), run)
    run.trace["p"] = probabilities(network, s)  # (n, classes)
    run.trace["loss"] = mean_loss(network, s, y)
    squares = torch.stack([squared_norm(values[name]) for name in network.weights]).sum(0)
    factor = torch.as_tensor(penalty, dtype=squares.dtype, device=squares.device)
    run.trace["cost"] = run.trace["loss"] + factor * squares
    return run.trace


def gradients(
    network: Network,
    parameters: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    penalty: Any,
    masks: Mapping[str, Any] | None = None,
    upstream: Mapping[str, Any] | None = None,
) -> Tensors:
    """Gradients of the cost with respect to every parameter and intermediate, by autograd.

    Arguments:
        network, parameters, X, y, penalty, masks: as in `forward`.
        upstream: gradient of every layer's output, used instead of the gradient computed by the
            layer above (teacher forcing), so that an error stays within its own layer.
    """
    leaves = {
        name: value.detach().requires_grad_() for name, value in as_tensors(parameters).items()
    }
    trace = forward(network, leaves, X, y, penalty=penalty, masks=masks)
    cost = trace["cost"].sum()  # networks are independent, so each gets its own gradient
    tensors = {name: s for name, s in trace.items() if name not in ("p", "loss", "cost")} | leaves
    if upstream is None:
        return derivatives(cost, tensors)
    return teacher_forced(network, tensors, cost, cost - trace["loss"].sum(), as_tensors(upstream))


def teacher_forced(
    network: Network, tensors: Tensors, cost: Tensor, penalties: Tensor, upstream: Tensors
) -> Tensors:
    """The gradients that each layer computes from the given gradient of its output."""
    last = network.layers[-1].output
    gradients = derivatives(cost, {last: tensors[last]})
    for layer in network.layers:
        names = [layer.input, *layer.intermediates[:-1], *layer.parameters]
        sources = {name: tensors[name] for name in names if name in tensors}
        gradients |= derivatives(tensors[layer.output], sources, upstream[layer.output])
    decays = derivatives(penalties, {name: tensors[name] for name in network.weights})
    return gradients | {name: gradients[name] + decay for name, decay in decays.items()}


def derivatives(value: Tensor, sources: Tensors, upstream: Tensor | None = None) -> Tensors:
    """d value / d sources; the graph is kept for further calls."""
    gradients = torch.autograd.grad(value, list(sources.values()), upstream, retain_graph=True)
    return dict(zip(sources, gradients, strict=True))


def as_tensors(values: Mapping[str, Any]) -> Tensors:
    """The values as tensors, without copying arrays or tensors."""
    return {name: torch.as_tensor(value) for name, value in values.items()}


class TorchNetwork(nn.Module):
    """The network as a torch module, from X (n, d) to logits (n, classes).

    Its parameters are called W1, b1, gamma1, beta1, ... and its buffers mu1, v1, ..., so its
    state dict has the names of `parameters.safetensors`. In training mode it applies dropout,
    normalises with the batch statistics and updates the running statistics, which start at those
    of the first minibatch. In evaluation mode it uses the running statistics and changes nothing.

    Arguments:
        network: defines the layers.
        parameters: initial values, arrays or tensors; copied.
        statistics: running statistics to continue from; None starts without any.
        alpha: weight of the old value in a running statistic.
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

    @classmethod
    def from_run(cls, path: str | Path, *, device: torch.device | str = "cpu") -> "TorchNetwork":
        """Load the trained network from the folder of a finished run, in evaluation mode.

        Raises:
            UserError: there is no run, or it has not finished.
        """
        folder, recipe, _, _ = RunFolder.reopen(Path(path))
        if not (folder.path / "parameters.safetensors").is_file():
            raise UserError(f"{path}: the run has not finished; resume it with train --resume")
        state = folder.read_state()
        network = recipe.network(state["W1"].shape[1], len(state[f"b{len(recipe.hidden) + 1}"]))
        dtype = getattr(torch, recipe.dtype)
        module = cls(network, state, state, alpha=recipe.alpha, dtype=dtype, device=device)
        return module.eval()

    def parameters_by_name(self) -> Tensors:
        """The parameters W1, b1, ..., not copied."""
        return dict(self.named_parameters())

    def statistics(self) -> Tensors:
        """The running statistics, not copied; empty before the first minibatch."""
        return dict(self.named_buffers())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *options: Any) -> None:
        """Allocate missing running statistics before loading saved ones."""
        for name in self.network.statistic_shapes:
            saved = state_dict.get(prefix + name)
            if saved is not None and getattr(self, name) is None:
                W = next(self.parameters())
                setattr(self, name, torch.empty_like(saved, dtype=W.dtype, device=W.device))
        super()._load_from_state_dict(state_dict, prefix, *options)

    def forward(self, X: Float[Tensor, "n d"]) -> Float[Tensor, "n classes"]:
        """The logits.

        Raises:
            RuntimeError: in evaluation mode, if there are no running statistics yet.
        """
        run = Pass(self.parameters_by_name())
        if self.training:
            run.masks = {
                name: torch.rand(len(X), *width, device=X.device) >= self.network.dropout
                for name, width in self.network.mask_shapes.items()
            }
        else:
            run.statistics = self.statistics()
            if self.network.statistic_shapes and not run.statistics:
                raise RuntimeError(
                    "evaluation mode needs running statistics: train on a minibatch or load them "
                    "first"
                )
        s = run_layers(build(self.network), X, run)
        if self.training:
            self._update_statistics(run.trace)
        return s

    @torch.no_grad()
    def _update_statistics(self, trace: Tensors) -> None:
        for name in self.network.statistic_shapes:
            running, new = getattr(self, name), trace[name].detach()
            if running is not None:
                new = self.alpha * running + (1 - self.alpha) * new
            setattr(self, name, new)
