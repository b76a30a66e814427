"""The derivation as data: every value and every gradient is one step with its formula.

The arithmetic of the network is repeated here step by step, so that a single step can be given
other inputs (to find a fault), replaced by a mistake (in the catalogue) or printed (`--explain`). A
kind of layer is one entry of `DERIVATIONS`, an activation one of `ACTIVATIONS`.
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
