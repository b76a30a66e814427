"""Find the loss that a file applies to the output of its torch module, from its text."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compare.submissions.source import Source

Kind = Literal["cross_entropy", "nll_loss"]

CLASSES: dict[str, Kind] = {"CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss"}
FUNCTIONS: dict[str, Kind] = {"cross_entropy": "cross_entropy", "nll_loss": "nll_loss"}

NOT_KNOWN = (
    "BCEWithLogitsLoss",
    "BCELoss",
    "MSELoss",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy",
    "mse_loss",
)
"""Losses of torch's that are not judged here."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Criterion:
    """A loss applied to a module's output.

    Arguments:
        kind: by the name of torch's function: it takes logits, or log-probabilities.
        written: as it is written there.
        line: where.
    """

    kind: Kind
    written: str
    line: int


def criterion_in(source: Source) -> Criterion | None:
    """The only kind of criterion in a file, if it is applied to what a module returns.

    Options (weights, a sum for a mean) make it another loss, which is not looked for here.
    """
    found = list(criteria(source.tree()))
    return found[0] if len({one.kind for one in found}) == 1 else None


def other_criterion(source: Source) -> str:
    """The loss of a file that has no known one, as it is written there; "" if it has none."""
    calls = [node for node in ast.walk(source.tree()) if isinstance(node, ast.Call)]
    found = [node for node in calls if last_name(node.func) in NOT_KNOWN]
    return ast.unparse(found[0].func) if found and criterion_in(source) is None else ""


def criteria(tree: ast.Module) -> Iterator[Criterion]:
    """Criteria without options that are applied to the result of a call such as `net(x)`."""
    made: dict[str, Criterion] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            kind = CLASSES.get(last_name(node.value.func))
            if kind and not (node.value.args or node.value.keywords):
                written = ast.unparse(node.value)
                for target in node.targets:
                    made[last_name(target)] = Criterion(kind, written, node.lineno)
    called: set[str] = set()
    for scope in scopes(tree):
        results = results_in(scope)
        for node in calls_in(scope):
            name = last_name(node.func)
            if name in made:
                called.add(name)
            elif name not in FUNCTIONS or len(node.args) != 2 or node.keywords:
                continue
            if node.args and of_module(node.args[0], results):
                yield made.get(name) or Criterion(
                    FUNCTIONS[name], ast.unparse(node.func), node.lineno
                )
    yield from (criterion for name, criterion in made.items() if name not in called)


def last_name(node: ast.expr) -> str:
    """The last part of a dotted name; "" for other expressions."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def scopes(tree: ast.Module) -> Iterator[ast.Module | Function]:
    """The file and every function in it."""
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def calls_in(scope: ast.Module | Function) -> Iterator[ast.Call]:
    """The calls in a scope, without those in nested functions."""
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting += ast.iter_child_nodes(node)


def results_in(scope: ast.Module | Function) -> dict[str, list[ast.expr]]:
    """Everything that is assigned to each variable of a scope."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(last_name(target), []).append(node.value)
    return found


def of_module(node: ast.expr, results: dict[str, list[ast.expr]]) -> bool:
    """Whether an expression is the result of calling a module: `net(x)`, `self.net(x)`, or a
    variable with only such values."""
    if isinstance(node, ast.Name):
        values = results.get(node.id, [])
        return bool(values) and all(
            not isinstance(value, ast.Name) and of_module(value, {}) for value in values
        )
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func).lower()
    return name in ("self", "forward") or any(word in name for word in ("net", "model", "mlp"))
