"""The forward pass: one step for each value."""

from collections.abc import Iterator

from compare.cases import Case
from compare.derivation.place import Changes
from compare.derivation.steps import steps_of
from twingrad.network import Network, Trace


def order(network: Network) -> Iterator[tuple[str, int, str]]:
    """(operation, layer, name of the value) in order of execution."""
    for (operation, l), placed in steps_of(network, "forward").items():
        yield operation, l, placed.name


def forward_pass(case: Case, changes: Changes | None = None) -> Trace:
    """Every intermediate, with some steps replaced."""
    trace: Trace = {}
    for placed in steps_of(case.network, "forward").values():
        trace[placed.name] = placed.compute(case, trace, {}, changes)
    return trace
