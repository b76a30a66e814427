"""All faults outside the catalogue."""

from compare.cases import Case
from validation import outside_parameters, outside_path, outside_values
from validation.networks import is_further
from validation.planting import OutsideFault, Planted, combinations, possible

OUTSIDE: tuple[OutsideFault, ...] = tuple(
    fault
    for module in (outside_parameters, outside_path, outside_values)
    for fault in vars(module).values()
    if isinstance(fault, OutsideFault)
)

PAIRS, TRIPLES = 10, 5
"""Number of pairs and triples of catalogue faults drawn for each network."""


def outside_singles(case: Case) -> list[Planted]:
    """The faults outside the catalogue, at each layer; none if the network has further kinds."""
    if is_further(case.network):
        return []
    return list(possible(planted for fault in OUTSIDE for planted in fault.planted(case)))


def combined(case: Case, seed: int) -> list[Planted]:
    """Pairs and triples of the catalogue's faults."""
    return [*combinations(case, 2, PAIRS, seed), *combinations(case, 3, TRIPLES, seed)]
