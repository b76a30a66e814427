"""The derivation as data: every value and every gradient as one step, with its formula.

It says the arithmetic of the network a third time, step by step, so that a single step can be
handed other inputs (blame), replaced by a mistake (the catalogue) or printed (`--explain`).
A kind of layer is one entry of `DERIVATIONS`, an activation one of `ACTIVATIONS`.
"""

from compare.derivation.activations import ACTIVATIONS
from compare.derivation.backward import backward_pass, node, operation_of
from compare.derivation.forward import forward_pass
from compare.derivation.place import Changes, Derivation, Place, Step, Term, layer_of
from compare.derivation.steps import DERIVATIONS, STAGES, Placed, all_steps, steps_of

__all__ = [
    "ACTIVATIONS",
    "DERIVATIONS",
    "STAGES",
    "Changes",
    "Derivation",
    "Place",
    "Placed",
    "Step",
    "Term",
    "all_steps",
    "backward_pass",
    "forward_pass",
    "layer_of",
    "node",
    "operation_of",
    "steps_of",
]
