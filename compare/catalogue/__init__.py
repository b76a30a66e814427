"""The catalogue: mistakes that people make, each committed exactly, to be recognised by it."""

from compare.catalogue.fault import Candidate, Fault, Prediction, right_values
from compare.catalogue.flow import FLOW_FAULTS
from compare.catalogue.normalisation import NORMALISATION_FAULTS
from compare.catalogue.parameters import PARAMETER_FAULTS
from compare.catalogue.values import VALUE_FAULTS

FAULTS: tuple[Fault, ...] = (
    *PARAMETER_FAULTS,
    *FLOW_FAULTS,
    *NORMALISATION_FAULTS,
    *VALUE_FAULTS,
)
"""Those that show in a single pass; `compare.catalogue.states` has those of training."""

__all__ = ["FAULTS", "Candidate", "Fault", "Prediction", "right_values"]
