"""The whole network in torch: the contract's functions, and the same layers as an nn.Module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from torch_impl.layers import Pass, Tensors, build, cross_entropy, run_layers, squared_norm
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
        network: gives the layers and their names.
        parameters: arrays or tensors, float16 to float64, all of one dtype and device. With a
            leading axis they are those of many networks, and so is all that is returned.
        X: (n, d), likewise; with the leading axis where each network has its own.
        y: int64, classes from 0, with the axes of X but the last.
        penalty: lambda, or that of each network.
        statistics: running statistics to use in place of the minibatch's; not changed.
        masks: of dropout, True where a unit is kept; None drops nothing.

    Returns:
        Tensors by name, in order of execution, on the device of what was given; part of an
        autograd graph where the parameters are. loss and cost have shape () or (networks,).
    """
    values, y = as_tensors(parameters), torch.as_tensor(y)
    run = Pass(values)
    if statistics is not None:
        run.statistics = as_tensors(statistics)
    if masks is not None:
        run.masks = as_tensors(masks)
    s = run_layers(build(network), torch.as_tensor(X), run)
    run.trace["p"] = s.softmax(-1)  # (n, classes)
    run.trace["loss"] = cross_entropy(s, y, network.smoothing)
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
    """d cost / d of every parameter and intermediate, by autograd.

    Arguments:
        network, parameters, X, y, penalty, masks: as in `forward`.
        upstream: passed to every layer as the gradient of its output, in place of what the layer
            above computed (teacher forcing): each layer then answers for itself alone.
    """
    leaves = {
        name: value.detach().requires_grad_() for name, value in as_tensors(parameters).items()
    }
    trace = forward(network, leaves, X, y, penalty=penalty, masks=masks)
    cost = trace["cost"].sum()  # of networks that have nothing in common: each gets its own
    known = {name: s for name, s in trace.items() if name not in ("p", "loss", "cost")} | leaves
    if upstream is None:
        return derivatives(cost, known)
    return teacher_forced(network, known, cost, cost - trace["loss"].sum(), as_tensors(upstream))


def teacher_forced(
    network: Network, known: Tensors, cost: Tensor, penalties: Tensor, upstream: Tensors
) -> Tensors:
    """The gradients that each layer alone makes of the gradient of its output."""
    last = network.layers[-1].output
    found = derivatives(cost, {last: known[last]})
    for place in network.layers:
        names = [place.input, *place.intermediates[:-1], *place.parameters]
        sources = {name: known[name] for name in names if name in known}
        found |= derivatives(known[place.output], sources, upstream[place.output])
    pulls = derivatives(penalties, {name: known[name] for name in network.weights})
    return found | {name: found[name] + pull for name, pull in pulls.items()}


def derivatives(of: Tensor, by: Tensors, upstream: Tensor | None = None) -> Tensors:
    """d of / d by; the graph stays for further ones."""
    found = torch.autograd.grad(of, list(by.values()), upstream, retain_graph=True)
    return dict(zip(by, found, strict=True))


def as_tensors(values: Mapping[str, Any]) -> Tensors:
    """The same values as tensors, without a copy where they are tensors or arrays."""
    return {name: torch.as_tensor(value) for name, value in values.items()}


class TorchNetwork(nn.Module):
    """The network as torch users know it: a module from X (n, d) to logits (n, classes).

    Its parameters are called W1, b1, gamma1, beta1, ... and its buffers mu1, v1, ..., so its
    state dict has the names of `parameters.safetensors`. In training mode it drops units at
    random, normalises by the minibatch and moves the running statistics (in place of their
    absence at the first one); in evaluation mode it uses these and changes nothing.

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

    @classmethod
    def from_run(cls, path: str | Path, *, device: torch.device | str = "cpu") -> "TorchNetwork":
        """The trained network in the folder of a finished run, in evaluation mode.

        Raises:
            UserError: there is no run, or it has not finished.
        """
        folder, recipe, _, _ = RunFolder.reopen(Path(path))
        if not (folder.path / "parameters.safetensors").is_file():
            raise UserError(f"{path}: has not finished; resume it with train --resume")
        state = folder.read_state()
        network = recipe.network(state["W1"].shape[1], len(state[f"b{len(recipe.hidden) + 1}"]))
        dtype = getattr(torch, recipe.dtype)
        module = cls(network, state, state, alpha=recipe.alpha, dtype=dtype, device=device)
        return module.eval()

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
            average, new = getattr(self, name), trace[name].detach()
            if average is not None:
                new = self.alpha * average + (1 - self.alpha) * new
            setattr(self, name, new)
