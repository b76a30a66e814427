"""The catalogue: mistakes that people make, each computed exactly so that its values can be
recognised."""

from compare.diagnosis.catalogue.activations import ACTIVATION_FAULTS
from compare.diagnosis.catalogue.common import SCALED_FAULTS
from compare.diagnosis.catalogue.dropout import DROPOUT_FAULTS
from compare.diagnosis.catalogue.ends import END_FAULTS
from compare.diagnosis.catalogue.fault import Candidate, Fault, Prediction, Sized, right_values
from compare.diagnosis.catalogue.flow import DOWN_FAULTS
from compare.diagnosis.catalogue.normalisation import EPS, NORMALISATION_FAULTS
from compare.diagnosis.catalogue.parameters import PARAMETER_FAULTS
from compare.diagnosis.catalogue.sigmoid_ends import SIGMOID_END_FAULTS
from compare.diagnosis.catalogue.smoothing import SMOOTHING_FAULTS
from compare.diagnosis.catalogue.values import VALUE_FAULTS, GuardedLogarithm

STRUCTURAL: tuple[Fault, ...] = (
    *PARAMETER_FAULTS,
    *SMOOTHING_FAULTS,
    *ACTIVATION_FAULTS,
    *DROPOUT_FAULTS,
    *DOWN_FAULTS,
    *NORMALISATION_FAULTS,
    *END_FAULTS,
    *SIGMOID_END_FAULTS,
    *VALUE_FAULTS,
)
"""Structural mistakes, which are tried unchanged."""

SIZED: tuple[Sized, ...] = (*EPS, GuardedLogarithm())
"""Mistakes that contain a number, which is fitted."""

FAULTS: tuple[Fault, ...] = (
    *STRUCTURAL,
    *SCALED_FAULTS,
    *(one.fault(size) for one in SIZED for size in one.sizes[:3]),
)
"""All mistakes visible in a single pass, with the common coefficients and some example numbers.
Mistakes of training are in `trained_states`."""

__all__ = ["FAULTS", "SIZED", "STRUCTURAL", "Candidate", "Fault", "Prediction", "right_values"]
