"""An nn.Module for one network: its autograd, and what its submodules compute."""

import inspect
from dataclasses import dataclass, field, replace
from typing import Any

from compare.cases import Case
from compare.submissions.binding import Values, bind
from compare.submissions.child.failures import CodeFailure, Unsupported, call
from compare.submissions.layouts.layout import Handed, Raw, one_hot
from compare.submissions.layouts.torch_making import anatomy_of, made, own_cost, watch
from compare.submissions.layouts.torch_parameters import Anatomy
from compare.submissions.orientation import Orientation
from compare.submissions.request import cast
from compare.submissions.source import Source
from compare.submissions.submission import Finding
from twingrad.network import Network


@dataclass
class TorchModuleCode:
    """A module for one network."""

    source: Source
    thing: Any
    network: Network
    anatomy: Anatomy
    output: str
    fixed: bool
    orientation: Orientation
    eps_forms: tuple[float, ...]
    notes: list[Finding] = field(default_factory=list)
    penalised: bool = True

    def for_network(self, network: Network) -> "TorchModuleCode":
        module = made(self.source, self.thing, network)
        return replace(self, network=network, anatomy=anatomy_of(self.source, module, network))

    def expected(self) -> list[str]:
        return list(self.anatomy.names)

    def hand_over(self, case: Case, dtype: str) -> Handed:
        handed = {n: self.orientation.give(n, cast(v, dtype)) for n, v in case.parameters.items()}
        return {"X": cast(case.X, dtype), "y": case.y.copy(), **handed}

    def loaded(self, handed: Handed) -> Any:
        """A fresh module with the case's parameters, dropout off."""
        import torch

        module = made(self.source, self.thing, self.network)
        module = module.to(torch.from_numpy(handed["X"]).dtype).train()
        for inner in module.modules():
            if isinstance(inner, torch.nn.modules.dropout._DropoutNd):
                inner.p = 0.0
        parameters = dict(module.named_parameters())
        with torch.no_grad():
            for ours, theirs in self.anatomy.names.items():
                parameters[theirs].copy_(
                    torch.from_numpy(handed[ours]).reshape(parameters[theirs].shape)
                )
        return module

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        module = self.loaded(handed)
        caught: dict[str, Any] = {}
        hooks = watch(module, self.anatomy, caught)
        cost, forward = self.cost_of(module, case, handed)
        call(self.source, 1, cost.backward)
        for hook in hooks:
            hook.remove()
        parameters = dict(module.named_parameters())
        gradients = {}
        for ours, theirs in self.anatomy.names.items():
            if parameters[theirs].grad is not None:
                gradients[ours] = parameters[theirs].grad.reshape(handed[ours].shape)
            else:
                self.no_gradient(ours, theirs)
        gradients |= {n: t.grad for n, t in caught.items() if t.grad is not None}
        for name in self.anatomy.without(self.network):
            caught.pop(f"s{name[1:]}", None)  # of a bias that is not there, s is another
        return Raw(gradients, forward | caught)

    def no_gradient(self, ours: str, theirs: str) -> None:
        """Says that autograd found no way from the cost to a parameter."""
        said = (
            f"{theirs} ({ours}) got no gradient: is it detached, used as .data, under no_grad, "
            "or not used at all?"
        )
        line = self.source.line_of(self.thing if inspect.isclass(self.thing) else type(self.thing))
        if all(note.tensor != ours for note in self.notes):
            self.notes.append(Finding("keys", said, line, True, ours))

    def cost_of(self, module: Any, case: Case, handed: Handed) -> tuple[Any, dict[str, Any]]:
        """The cost as a tensor, and what else the forward pass gives."""
        import torch
        from torch.nn import functional as F

        X, y = torch.from_numpy(handed["X"]), torch.from_numpy(handed["y"])
        own = own_cost(module, self.source)
        if own is not None:
            Y = torch.from_numpy(
                one_hot(case.y, case.network.classes, columns=False, dtype=handed["X"].dtype.name)
            )
            given = {"X": X, "penalty": case.penalty, "training": True}
            values = Values(Y, y, False, {k: [] for k in ("W", "b", "gamma", "beta")}, given)
            positional, keywords, unknown = bind(own, values)
            if unknown:
                raise Unsupported(f"its cost takes {', '.join(unknown)}")
            cost = call(self.source, 0, own, *positional, **keywords)
            if not isinstance(cost, torch.Tensor) or not cost.requires_grad:
                said = (
                    f"{own.__name__} returned a {type(cost).__name__} that autograd knows no way "
                )
                said += (
                    "back from (no_grad, detach or item?), but a tensor of the cost was expected"
                )
                line = self.source.line_of(getattr(own, "func", own))
                raise CodeFailure(Finding("exception", said, line, True), 1)
            return cost, {"cost": cost}
        scores = call(self.source, 0, module, X)
        if self.output == "probabilities":
            p, loss = scores, F.nll_loss(torch.log(scores), y)
        elif self.output == "log-probabilities":
            p, loss = torch.exp(scores), F.nll_loss(scores, y)
        else:
            p, loss = torch.softmax(scores, 1), F.cross_entropy(scores, y)
        parameters = dict(module.named_parameters())
        weights = [parameters[t] for n, t in self.anatomy.names.items() if n.startswith("W")]
        cost = loss + case.penalty * sum((W**2).sum() for W in weights)
        if not cost.requires_grad:
            line = self.source.line_of(type(module).forward)
            said = "autograd finds no way from the cost to any parameter: detach or no_grad?"
            raise CodeFailure(Finding("exception", said, line, True), 1)
        return cost, {"p": p, "loss": loss, "cost": cost}

    def cost(self, case: Case, handed: Handed) -> float | None:
        return float(self.cost_of(self.loaded(handed), case, handed)[0].detach())

    def assumed(self) -> dict[str, str]:
        name = (
            getattr(self.thing, "__name__", None) or f"an instance of {type(self.thing).__name__}"
        )
        owner = self.thing if inspect.isclass(self.thing) else type(self.thing)
        own = own_cost(self.thing, self.source)
        added = "lambda * sum ||W||^2 added here, gradient 2 lambda W"
        return {
            "module": name + (" (its sizes are fixed)" if self.fixed else ""),
            "forward": f"{owner.__name__}.forward" if hasattr(owner, "forward") else name,
            "cost": f"its own {own.__name__}"
            if own
            else f"mean cross-entropy of its {self.output}",
            "parameters": ", ".join(f"{o} = {t}" for o, t in self.anatomy.names.items()),
            **self.orientation.words(),
            "penalty": "as its own cost has it" if own else added,
            "mode": "train, dropout off",
        }
