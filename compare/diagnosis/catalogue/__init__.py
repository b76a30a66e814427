"""The catalogue: mistakes that people make, each committed exactly, to be recognised by it."""

from compare.diagnosis.catalogue.fault import Candidate, Fault, Prediction, right_values
from compare.diagnosis.catalogue.flow import FLOW_FAULTS
from compare.diagnosis.catalogue.normalisation import NORMALISATION_FAULTS
from compare.diagnosis.catalogue.parameters import PARAMETER_FAULTS
from compare.diagnosis.catalogue.values import VALUE_FAULTS

FAULTS: tuple[Fault, ...] = (
    *PARAMETER_FAULTS,
    *FLOW_FAULTS,
    *NORMALISATION_FAULTS,
    *VALUE_FAULTS,
)
"""Those that show in a single pass; `trained_states` has those of training."""

__all__ = ["FAULTS", "Candidate", "Fault", "Prediction", "right_values"]
