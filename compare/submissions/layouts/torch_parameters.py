"""Identify the parameters of a torch module, and what its submodules compute."""

from dataclasses import dataclass, field
from typing import Any

from compare.submissions.asking.failures import Unsupported
from compare.submissions.names import tensor_name
from compare.submissions.orientation import as_array
from compare.submissions.session import session
from compare.submissions.things import is_a
from twingrad.network import Network

AFFINE, NORM = "affine", "norm"

PARAMETER_LIST = "torch.nn.modules.container.ParameterList"


@dataclass
class Anatomy:
    """The parts of a module.

    Arguments:
        names: our name -> the module's name of the parameter.
        in_out: whether weights are (in, out).
        widths: (inputs, hidden..., classes).
        batch_norm: whether hidden layers normalise.
        eps: of its norms.
        order: full names of the submodules with parameters, in order of execution.
    """

    names: dict[str, str]
    in_out: bool
    widths: tuple[int, ...]
    batch_norm: bool
    eps: float | None
    order: list[tuple[str, str, int]] = field(default_factory=list)

    def without(self, network: Network) -> list[str]:
        """Biases below a batch norm that the module does without, which changes nothing above.

        Raises:
            Unsupported: it does without something else.
        """
        absent = [name for name in network.parameter_shapes if name not in self.names]
        for name in absent:
            if not (network.batch_norm and name[0] == "b" and name[1:].isdigit()) or (
                name == f"b{network.depth}"
            ):
                raise Unsupported(f"it has no {name}; every layer here has one")
        return absent


def kind_of(module: Any) -> str | None:
    """An affine layer has a matrix and perhaps a vector; a norm has one or two vectors."""
    shapes = [p.ndim for p in module._parameters.values() if p is not None]
    if shapes.count(2) == 1 and shapes.count(1) <= 1 and len(shapes) <= 2:
        return AFFINE
    if 1 <= len(shapes) <= 2 and all(ndim == 1 for ndim in shapes):
        return NORM
    return None


def executed(module: Any, X: Any) -> list[tuple[str, Any]]:
    """The submodules with parameters, in order of execution.

    Raises:
        Exception: whatever the module's forward raises.
    """
    torch = session().module("torch")
    catcher = session().agent.Catcher()
    hooks = [
        inner.register_forward_hook(catcher.ran(name))
        for name, inner in module.named_modules()
        if name and not is_a(inner, PARAMETER_LIST) and kind_of(inner) is not None
    ]
    try:
        with torch.no_grad():
            module(X)
    finally:
        for hook in hooks:
            hook.remove()
    return [(name, inner) for name, inner in catcher.order]


def take_apart(module: Any, X: Any) -> Anatomy:
    """Run the module once on X, and identify its parameters.

    Raises:
        Unsupported: parameters that are no affine layer's and no norm's.
    """
    order = executed(module, X)
    if len({name for name, _ in order}) < len(order):
        raise Unsupported("a layer with parameters is run twice")
    found: dict[str, str] = {}
    places: list[tuple[str, str, int]] = []
    eps: float | None = None
    l = 0
    for name, inner in order:
        kind = kind_of(inner)
        assert kind is not None
        l += kind == AFFINE
        places.append((name, kind, l))
        for own, parameter in inner._parameters.items():
            if parameter is None:
                continue
            ours = "W" if parameter.ndim == 2 else "b"
            if kind == NORM:
                ours = "gamma" if is_gamma(own, parameter) else "beta"
                eps = float(getattr(inner, "eps", 1e-5))
            found[f"{ours}{l}"] = f"{name}.{own}"
    found |= named_ones(module, set(found.values()))
    parameters = dict(module.named_parameters())
    if set(found.values()) != set(parameters):
        left = [name for name in parameters if name not in found.values()]
        raise Unsupported(f"its parameters {', '.join(left)} are of no affine layer and no norm")
    depth = sum(name.startswith("W") for name in found)
    shapes = [tuple(parameters[found[f"W{i}"]].shape) for i in range(1, depth + 1)]
    in_out = bool(shapes) and shapes[0][1] != X.shape[1]
    if in_out:
        shapes = [shape[::-1] for shape in shapes]
    if not shapes or shapes[0][1] != X.shape[1]:
        raise Unsupported("the first weight does not fit the inputs")
    widths = (X.shape[1], *(out for out, _ in shapes))
    return Anatomy(found, in_out, widths, "gamma1" in found or "beta1" in found, eps, places)


def is_gamma(name: str, parameter: Any) -> bool:
    """Whether a vector of a norm is gamma: by its name, else by its initial value."""
    if name in ("weight", "gamma", "scale", "bias", "beta", "shift"):
        return name in ("weight", "gamma", "scale")
    return bool((as_array(parameter.detach()) == 1).all())


def named_ones(module: Any, taken: set[str]) -> dict[str, str]:
    """Parameters of the module itself or in lists, sorted by name."""
    numbered: dict[tuple[str, int], str] = {}
    for name, _ in module.named_parameters():
        named = tensor_name(name)
        if name not in taken and named is not None and named[1] is not None:
            numbered[named[0], named[1]] = name
    from_zero = any(l == 0 for _, l in numbered)
    return {f"{kind}{l + from_zero}": name for (kind, l), name in numbered.items()}


def inputs_of(module: Any) -> list[int]:
    """What the inputs of an instance may be, the likeliest first: both sizes of its first matrix,
    of which torch's own layers have the inputs second."""
    for parameter in module.parameters():
        if parameter.ndim == 2:
            return [int(parameter.shape[1]), int(parameter.shape[0])]
    raise Unsupported("it has no weight matrix")
