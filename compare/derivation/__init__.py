"""The derivation as data: every value and every gradient as one step, with its formula.

It says the arithmetic of the network a third time, step by step, so that a single step can be
handed other inputs (blame), replaced by a mistake (the catalogue) or printed (`--explain`).
"""

from compare.derivation.backward import BACKWARD, backward_pass, node, operation_of
from compare.derivation.forward import FORWARD, forward_pass
from compare.derivation.place import Changes, Place, Step

__all__ = [
    "BACKWARD",
    "FORWARD",
    "Changes",
    "Place",
    "Step",
    "backward_pass",
    "forward_pass",
    "node",
    "operation_of",
]
