"""An nn.Module for one network: the gradients by autograd, and the values of its submodules."""

from dataclasses import dataclass, field, replace
from typing import Any

from compare.cases import Case
from compare.submissions.asking.failures import CodeFailure, Unsupported, call
from compare.submissions.binding import Values, bind
from compare.submissions.criterion import Criterion
from compare.submissions.layouts.layout import Handed, Raw, one_hot
from compare.submissions.layouts.torch_making import anatomy_of, made, own_cost, watch
from compare.submissions.layouts.torch_parameters import Anatomy
from compare.submissions.orientation import Orientation, as_array
from compare.submissions.remote import lasting
from compare.submissions.request import cast
from compare.submissions.session import session
from compare.submissions.source import Source
from compare.submissions.submission import Finding
from compare.submissions.things import is_class, is_function, is_tensor, type_name
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
    criterion: Criterion | None = None
    """What the file applies to the module's output."""
    labels: str | None = None
    """The argument of the module that takes the labels, where it returns a loss of its own."""
    lasting: Any = None
    """A module whose cost is computed many times."""

    def for_network(self, network: Network) -> "TorchModuleCode":
        module = made(self.source, self.thing, network)
        return replace(
            self, network=network, lasting=None, anatomy=anatomy_of(self.source, module, network)
        )

    def expected(self) -> list[str]:
        return list(self.anatomy.names)

    def hand_over(self, case: Case, dtype: str) -> Handed:
        handed = {n: self.orientation.give(n, cast(v, dtype)) for n, v in case.parameters.items()}
        return {"X": cast(case.X, dtype), "y": case.y.copy(), **handed}

    def loaded(self, handed: Handed) -> Any:
        """A new module with the case's parameters, without dropout."""
        module = made(self.source, self.thing, self.network)
        arrays = {theirs: handed[ours] for ours, theirs in self.anatomy.names.items()}
        return session().agent.filled(module, arrays, handed["X"])

    def evaluate(self, case: Case, handed: Handed) -> Raw:
        module = self.loaded(handed)
        catcher = session().agent.Catcher()
        hooks = watch(module, self.anatomy, catcher)
        cost, forward = self.cost_of(module, case, handed)
        call(self.source, 1, cost.backward)
        for hook in hooks:
            hook.remove()
        found = session().agent.gradients_of(module)
        gradients = {}
        for ours, theirs in self.anatomy.names.items():
            if found[theirs] is not None:
                gradients[ours] = found[theirs].reshape(handed[ours].shape)
            else:
                self.no_gradient(ours, theirs)
        caught = catcher.arrays()
        gradients |= {n: grad for n, (_, grad) in caught.items() if grad is not None}
        values = {n: value for n, (value, _) in caught.items()}
        for name in self.anatomy.without(self.network):
            values.pop(f"s{name[1:]}", None)  # of a bias that is not there, s is another
        return Raw(gradients, forward | values)

    @property
    def owner(self) -> Any:
        """The module's class, or its factory."""
        if is_class(self.thing) or is_function(self.thing):
            return self.thing
        return session().module("builtins").type(self.thing)

    def no_gradient(self, ours: str, theirs: str) -> None:
        """The finding that autograd found no path from the cost to a parameter."""
        said = (
            f"{theirs} ({ours}) got no gradient: is it detached, used as .data, under no_grad, "
            "or not used at all?"
        )
        line = self.source.line_of(self.owner)
        if all(note.tensor != ours for note in self.notes):
            self.notes.append(Finding("keys", said, line, True, ours))

    def cost_of(self, module: Any, case: Case, handed: Handed) -> tuple[Any, dict[str, Any]]:
        """The cost as a tensor, and further results of the forward pass."""
        own = own_cost(module, self.source)
        if own is not None:
            torch = session().module("torch")
            X, y = torch.from_numpy(handed["X"]), torch.from_numpy(handed["y"])
            Y = torch.from_numpy(
                one_hot(case.y, case.network.classes, columns=False, dtype=handed["X"].dtype.name)
            )
            given = {"X": X, "penalty": case.penalty, "training": True}
            values = Values(Y, y, False, {k: [] for k in ("W", "b", "gamma", "beta")}, given)
            bound = bind(own, values)
            if bound.unknown:
                raise Unsupported(f"its cost takes {', '.join(bound.unknown)}")
            cost = call(self.source, 0, own, *bound.positional, **bound.keywords)
            if not is_tensor(cost) or not cost.requires_grad:
                said = f"{own.__name__} returned a {type_name(cost)} that autograd knows no way "
                said += (
                    "back from (no_grad, detach or item?), but a tensor of the cost was expected"
                )
                line = self.source.line_of(getattr(own, "func", own))
                raise CodeFailure(Finding("exception", said, line, True), 1)
            return cost, {"cost": cost}
        asked = self.asked(case, handed)
        found = call(self.source, 0, session().agent.mean_cost, module, *asked)
        cost = found["cost"]
        if not cost.requires_grad:
            line = self.source.line_of(module.forward)
            said = "autograd finds no way from the cost to any parameter: detach or no_grad?"
            raise CodeFailure(Finding("exception", said, line, True), 1)
        return cost, found

    def asked(self, case: Case, handed: Handed) -> tuple[Any, ...]:
        """The arguments of the agent's `mean_cost` after the module."""
        weights = [theirs for ours, theirs in self.anatomy.names.items() if ours.startswith("W")]
        kind = None if self.criterion is None else self.criterion.kind
        batch = (handed["X"], handed["y"], self.output)
        return (*batch, weights, case.penalty, kind, self.labels)

    def cost(self, case: Case, handed: Handed) -> float | None:
        if self.lasting is None:
            module = made(self.source, self.thing, self.network)
            if own_cost(module, self.source) is None:
                self.lasting = lasting(module)
        if self.lasting is None:
            return float(as_array(self.cost_of(self.loaded(handed), case, handed)[0]))
        arrays = {theirs: handed[ours] for ours, theirs in self.anatomy.names.items()}
        rest = self.asked(case, handed)
        return float(call(self.source, 2, session().agent.cost_with, self.lasting, arrays, *rest))

    def with_dropout(self, keep: float) -> None:
        return None

    def instance(self, case: Case) -> None:
        return None

    def assumed(self) -> dict[str, str]:
        named = is_class(self.thing) or is_function(self.thing)
        owner = self.owner.__name__ if is_class(self.owner) else type_name(self.owner)
        name = self.thing.__name__ if named else f"an instance of {owner}"
        own = own_cost(self.thing, self.source)
        added = "lambda * sum ||W||^2 added here, gradient 2 lambda W"
        return {
            "module": name + (" (its sizes are fixed)" if self.fixed else ""),
            "forward": name if is_function(self.thing) else f"{owner}.forward",
            "cost": f"its own {own.__name__}" if own else self.cost_in_words(),
            "parameters": ", ".join(f"{o} = {t}" for o, t in self.anatomy.names.items()),
            **self.orientation.words(),
            "penalty": "as its own cost has it" if own else added,
            "mode": "train, dropout off",
        }

    def cost_in_words(self) -> str:
        """The cost that is differentiated, without the penalty, in words."""
        if self.labels:
            return f"what it returns with its labels in {self.labels}"
        if self.criterion is not None:
            return f"{self.criterion.written}, line {self.criterion.line}, of its {self.output}"
        return f"mean cross-entropy of its {self.output}"
