"""Create a torch module for a network, and observe what it computes."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np

from compare.submissions.asking.failures import CodeFailure, Unsupported, as_finding
from compare.submissions.binding import signature
from compare.submissions.construct import construct
from compare.submissions.layouts.torch_parameters import (
    AFFINE,
    NORM,
    Anatomy,
    inputs_of,
    take_apart,
)
from compare.submissions.messages import RemoteError
from compare.submissions.names import plain
from compare.submissions.orientation import as_array
from compare.submissions.session import session
from compare.submissions.source import Source
from compare.submissions.things import is_class, is_function, is_torch
from twingrad.errors import UserError
from twingrad.network import Network

COSTS = ("cost", "loss", "cost_function", "loss_function", "compute_cost", "compute_loss")
MODELS = ("model", "net", "network", "module", "mlp")


def own_cost(module: Any, source: Source) -> Any:
    """The module's own cost(X, y, ...) or loss(X, y, ...), or one beside it in the file that
    takes the module first."""
    method = session().agent.first_of(module, list(COSTS))
    if method is not None and {"x", "y"} <= {plain(a.name) for a in signature(method)}:
        return method
    for name, function in session().globals.items():
        if not is_function(function) or plain(name) not in map(plain, COSTS):
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


def watch(module: Any, anatomy: Anatomy, catcher: Any) -> list[Any]:
    """Record the results of submodules by our names, and let autograd keep their gradients."""

    hooks = []
    inner = dict(module.named_modules())
    for name, kind, l in anatomy.order:
        ours = {AFFINE: f"s{l}", NORM: f"s_tilde{l}"}[kind]
        hooks.append(inner[name].register_forward_hook(catcher.output(ours)))
        if kind == AFFINE and l > 1:
            hooks.append(inner[name].register_forward_pre_hook(catcher.input(f"x{l - 1}")))
    return hooks


def made(source: Source, thing: Any, network: Network) -> Any:
    """A new module for a network."""
    if is_torch(thing) and not is_class(thing):
        return session().module("copy").deepcopy(thing)
    module = construct(source, thing, network, 0.0, session().module("torch").float64)
    if not is_torch(module):
        raise Unsupported("it makes no nn.Module")
    return module


def anatomy_of(source: Source, module: Any, network: Network) -> Anatomy:
    """The parts of a module, checked to be those of the network."""
    X = zeros(network.inputs)
    anatomy = apart(source, module.double().train(), X)
    # first what it lacks in any network, then that it is another
    anatomy.without(replace(network, normalization="batch" if anatomy.batch_norm else "none"))
    if anatomy.batch_norm != network.batch_norm:
        raise Unsupported("it has batch norm" if anatomy.batch_norm else "it has no batch norm")
    if anatomy.widths != network.widths:
        raise Unsupported(f"its widths are {anatomy.widths}")
    return anatomy


def anatomy_of_instance(source: Source, instance: Any) -> Anatomy:
    """The parts of a module with its own sizes."""
    failure: CodeFailure | None = None
    for inputs in inputs_of(instance):
        copied = session().module("copy").deepcopy(instance)
        try:
            return apart(source, copied.double().train(), zeros(inputs))
        except CodeFailure as error:
            failure = failure or error
    assert failure is not None
    raise failure


def zeros(inputs: int) -> Any:
    """Four samples."""
    torch = session().module("torch")
    return torch.zeros((4, inputs), dtype=torch.float64)


def apart(source: Source, module: Any, X: Any) -> Anatomy:
    """`take_apart`, with exceptions of the module as findings.

    Raises:
        UserError: it has layers that are not known here.
    """
    unknown = session().agent.unknown_layers(module)
    if unknown:
        named = ", ".join(f"{cls} ({name or 'the module itself'})" for name, cls in unknown)
        raise UserError(
            f"{source}: it has layers that are not known here: {named}; check --code takes affine "
            "layers, ReLU and batch norm or none"
        )
    try:
        return take_apart(module, X)
    except RemoteError as error:
        raise CodeFailure(as_finding(error, source, module), 0) from error


def output_of(scores: Any) -> str:
    """Whether the module's output is logits, or already a softmax of them."""
    values = as_array(scores)
    if (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-6):
        return "probabilities"
    if (values <= 0).all() and np.allclose(np.exp(values).sum(axis=1), 1, atol=1e-6):
        return "log-probabilities"
    return "logits"
