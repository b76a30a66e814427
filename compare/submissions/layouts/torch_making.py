"""Making a torch module for a network, and seeing what it computes."""

import copy
import functools
import inspect
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from compare.submissions.binding import signature
from compare.submissions.child.failures import CodeFailure, Unsupported, call
from compare.submissions.construct import construct
from compare.submissions.layouts.torch_parameters import (
    AFFINE,
    NORM,
    Anatomy,
    inputs_of,
    take_apart,
)
from compare.submissions.names import plain
from compare.submissions.source import Source
from twingrad.network import Network

COSTS = ("cost", "loss", "cost_function", "loss_function", "compute_cost", "compute_loss")
MODELS = ("model", "net", "network", "module", "mlp")


def own_cost(module: Any, source: Source) -> Any:
    """The module's own cost(X, y, ...) or loss(X, y, ...), or one beside it in the file that
    takes the module first."""
    for name in COSTS:
        method = getattr(module, name, None)
        if callable(method) and {"x", "y"} <= {plain(a.name) for a in signature(method)}:
            return method
    files = [m for m in list(sys.modules.values()) if is_file(m, source)]
    beside: dict[str, Any] = dict(vars(files[0])) if files else {}
    for name, function in beside.items():
        if not inspect.isfunction(function) or plain(name) not in map(plain, COSTS):
            continue
        named = {plain(argument.name): argument.name for argument in signature(function)}
        model = next((named[m] for m in MODELS if m in named), None)
        if model is not None and {"x", "y"} <= set(named):
            return CostBeside(function, {model: module})
    return None


class CostBeside(functools.partial):
    """A function of the file with the module filled in, under its own name."""

    def __new__(cls, function: Any, filled: dict[str, Any]) -> "CostBeside":
        return super().__new__(cls, function, **filled)

    @property
    def __name__(self) -> str:
        return str(self.func.__name__)


def is_file(module: Any, source: Source) -> bool:
    """Whether an imported module is the user's file."""
    return getattr(module, "__file__", None) == str(source.path)


def watch(module: Any, anatomy: Anatomy, caught: dict[str, Any]) -> list[Any]:
    """Catches what submodules compute, by our names, and has autograd keep its gradient."""

    def keep(name: str, tensor: Any) -> None:
        if tensor.requires_grad and tensor.ndim == 2:
            tensor.retain_grad()
            caught[name] = tensor

    hooks = []
    inner = dict(module.named_modules())
    for name, kind, l in anatomy.order:
        ours = {AFFINE: f"s{l}", NORM: f"s_tilde{l}"}[kind]

        def after(_m: Any, _i: Any, output: Any, ours: str = ours) -> Any:
            keep(ours, output)
            return output.clone()  # a ReLU in place must not change what was caught

        hooks.append(inner[name].register_forward_hook(after))
        if kind == AFFINE and l > 1:

            def before(_m: Any, inputs: Any, l: int = l) -> None:
                keep(f"x{l - 1}", inputs[0])

            hooks.append(inner[name].register_forward_pre_hook(before))
    return hooks


def made(source: Source, thing: Any, network: Network) -> Any:
    """A fresh module for a network."""
    import torch

    if isinstance(thing, torch.nn.Module):
        return copy.deepcopy(thing)
    module = construct(source, thing, network, 0.0, torch.float64)
    if not isinstance(module, torch.nn.Module):
        raise Unsupported("it makes no nn.Module")
    return module


def anatomy_of(source: Source, module: Any, network: Network) -> Anatomy:
    """The module taken apart, made sure to be the network's."""
    import torch

    X = torch.zeros((4, network.inputs), dtype=torch.float64)
    anatomy = call(source, 0, take_apart, module.double().train(), X)
    # first what it lacks in any network, then that it is another
    anatomy.without(replace(network, normalization="batch" if anatomy.batch_norm else "none"))
    if anatomy.batch_norm != network.batch_norm:
        raise Unsupported("it has batch norm" if anatomy.batch_norm else "it has no batch norm")
    if anatomy.widths != network.widths:
        raise Unsupported(f"its widths are {anatomy.widths}")
    return anatomy


def anatomy_of_instance(source: Source, instance: Any) -> Anatomy:
    """A module taken apart whose sizes are its own."""
    import torch

    failure: CodeFailure | None = None
    for inputs in inputs_of(instance):
        X = torch.zeros((4, inputs), dtype=torch.float64)
        try:
            return call(source, 0, take_apart, copy.deepcopy(instance).double().train(), X)
        except CodeFailure as error:
            failure = failure or error
    assert failure is not None
    raise failure


def output_of(scores: Any) -> str:
    """What the module's output is: logits, or already a softmax of them."""
    values = scores.detach().numpy()
    if (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-6):
        return "probabilities"
    if (values <= 0).all() and np.allclose(np.exp(values).sum(axis=1), 1, atol=1e-6):
        return "log-probabilities"
    return "logits"
