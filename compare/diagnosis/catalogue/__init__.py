"""The catalogue: mistakes that people make, each committed exactly, to be recognised by it."""

from compare.diagnosis.catalogue.activations import ACTIVATION_FAULTS
from compare.diagnosis.catalogue.double_softmax import DOUBLE_SOFTMAX
from compare.diagnosis.catalogue.dropout import DROPOUT_FAULTS
from compare.diagnosis.catalogue.fault import Candidate, Fault, Prediction, right_values
from compare.diagnosis.catalogue.flow import DOWN_FAULTS, SOFTMAX_FAULTS
from compare.diagnosis.catalogue.forward_slips import FORWARD_SLIPS
from compare.diagnosis.catalogue.normalisation import NORMALISATION_FAULTS
from compare.diagnosis.catalogue.parameters import PARAMETER_FAULTS
from compare.diagnosis.catalogue.smoothing import SMOOTHING_FAULTS
from compare.diagnosis.catalogue.values import VALUE_FAULTS

FAULTS: tuple[Fault, ...] = (
    *PARAMETER_FAULTS,
    *SOFTMAX_FAULTS,
    *SMOOTHING_FAULTS,
    *ACTIVATION_FAULTS,
    *DROPOUT_FAULTS,
    *DOWN_FAULTS,
    *NORMALISATION_FAULTS,
    *FORWARD_SLIPS,
    *DOUBLE_SOFTMAX,
    *VALUE_FAULTS,
)
"""Those that show in a single pass; `trained_states` has those of training."""

__all__ = ["FAULTS", "Candidate", "Fault", "Prediction", "right_values"]
