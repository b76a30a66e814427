"""An nn.Module as a class, factory or instance; its autograd is compared with our gradients."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from compare.submissions.asking.failures import CodeFailure, Unsupported, call
from compare.submissions.binding import role, signature
from compare.submissions.criterion import criterion_in, other_criterion
from compare.submissions.layouts.layout import Layout
from compare.submissions.layouts.torch_code import TorchModuleCode
from compare.submissions.layouts.torch_making import (
    anatomy_of,
    anatomy_of_instance,
    made,
    output_of,
)
from compare.submissions.orientation import Orientation
from compare.submissions.session import session
from compare.submissions.source import Source
from compare.submissions.submission import Finding
from compare.submissions.things import is_class, is_function, is_routine, is_torch
from twingrad.errors import UserError
from twingrad.network import EPS, Network


def modules_in(own: dict[str, Any], *, factories: bool) -> list[Any]:
    """The modules among what a file defines, the likeliest last: instances, else classes that no
    other class uses, else (if asked for) functions that make one."""
    modules = [t for t in own.values() if is_torch(t)]
    classes = [t for t in modules if is_class(t)]
    # a criterion has no parameters
    instances = [t for t in modules if not is_class(t) and list(t.parameters())]
    functions = [t for t in own.values() if is_function(t)]
    if instances or classes:
        used = {word for c in classes for word in session().agent.names_in(c)}
        outer = [c for c in classes if c.__name__ not in used] or classes
        return instances or outer
    return functions if factories else []


class TorchModule(Layout):
    """The layout of one module."""

    name = "torch module"

    def __init__(self, source: Source, thing: Any, words: set[str]) -> None:
        self.source, self.thing = source, thing
        named = is_routine(thing) or is_class(thing)
        self.line = source.line_of(thing if named else session().module("builtins").type(thing))
        instance = thing if is_torch(thing) and not is_class(thing) else None
        if instance is None and not [a for a in signature(thing) if a.default is a.empty]:
            instance = self.instance_by_default()
        if instance is not None:
            self.thing = instance
            anatomy = anatomy_of_instance(source, instance)
            self.fixed, self.modes = anatomy.widths, (anatomy.batch_norm,)

    def instance_by_default(self) -> Any:
        """The result of a class or factory with its defaults; None if it takes our sizes."""
        ours = (Network(10, (9, 8)), Network(13, (7,)))
        both = ("none", "batch")
        if any(self.takes(replace(one, normalization=how)) for one in ours for how in both):
            return None
        return call(self.source, 0, self.thing)

    def takes(self, network: Network) -> bool:
        """Whether it supports a network."""
        try:
            anatomy_of(self.source, made(self.source, self.thing, network), network)
        except (Unsupported, CodeFailure):
            return False
        return True

    def codes(self, network: Network) -> Iterator[TorchModuleCode]:
        """The only way; the parameters are identified by running it."""
        torch = session().module("torch")
        module = made(self.source, self.thing, network)
        notes = self.frozen(module)
        anatomy = anatomy_of(self.source, module, network)
        first = dict(module.named_parameters()).get(anatomy.names.get("b1", ""))
        vectors = "flat" if first is None or first.ndim == 1 else "row"
        orientation = Orientation(in_out=anatomy.in_out, vectors=vectors)
        other = other_criterion(self.source)
        if other:
            raise UserError(
                f"{self.source}: its loss is {other}; of torch modules check --code takes those "
                "with a cross-entropy (twingrad watch follows a training)"
            )
        X = torch.from_numpy(np.random.default_rng(0).standard_normal((5, network.inputs)))
        output = output_of(call(self.source, 0, module.double(), X))
        eps = (anatomy.eps,) if anatomy.eps is not None else (EPS,)
        fixed = self.fixed is not None
        labels = next((a.name for a in signature(module.forward) if role(a.name) == "Y"), None)
        yield TorchModuleCode(
            self.source,
            self.thing,
            network,
            anatomy,
            output,
            fixed,
            orientation,
            eps,
            notes,
            criterion=criterion_in(self.source),
            labels=labels,
        )

    def frozen(self, module: Any) -> list[Finding]:
        """What to report about batch norms in evaluation mode."""
        before, after = session().agent.frozen_norms(module)
        names = ", ".join(after or before)
        if not names:
            return []
        told = "its batch norm uses running statistics, which training leaves frozen"
        if after:
            said = f"{names}: still in evaluation mode after train(); in training {told}"
            return [Finding("evaluation mode", said, self.line, True)]
        lines = self.source.lines_calling("eval")
        said = (
            f"the module comes in evaluation mode ({names}), and no line of the file calls train():"
            f" in training {told}. Call train() before training; it was called here"
        )
        fails = not self.source.lines_calling("train")
        return [Finding("evaluation mode", said, lines[0] if lines else self.line, fails)]
