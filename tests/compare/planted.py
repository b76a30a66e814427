"""Examinations of gradients that a fault of the catalogue gives, for what reports them."""

from compare.cases import random_case
from compare.diagnosis.catalogue import FAULTS, Candidate
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import Examination, examine
from compare.numerics.agreement import CaseVerdict, judge
from twingrad.network import Network

SMALL = Network(5, (6, 4), 10, normalization="batch")
DEEP = Network(5, (9, 8, 7, 6, 6, 6, 6, 6), 10, normalization="batch")


def of_every_kind(inputs, hidden, classes):
    """Networks of equal widths in which, together, every fault of the catalogue can be made."""
    return [
        Network(inputs, hidden, classes, "batch"),
        Network(inputs, hidden, classes, "batch", dropout=0.3, smoothing=0.1),
        Network(inputs, hidden, classes, "batch-after"),
        Network(inputs, hidden, classes, "batch-after", "leaky_relu", slope=0.15),
        Network(inputs, hidden, classes, "layer", "leaky_relu", slope=0.15),
        Network(inputs, hidden, classes, "batch", "gelu"),
        *(
            Network(inputs, hidden, classes, normalization, activation)
            for activation in ("gelu", "tanh", "sigmoid")
            for normalization in ("batch", "batch-after")
        ),
        Network(inputs, hidden, classes, "batch", loss="binary_cross_entropy"),
        Network(inputs, hidden, classes, "batch", loss="squared_error"),
    ]


def network_for(fault, networks):
    """The first of the networks that has what a fault gets wrong."""
    return next(network for network in networks if fault.layers(network))


PARAMETERS = ("W", "b", "gamma")
"""How the names of gradients begin that all code shows."""


def evidence(name, layers, network=SMALL, only=None, samples=20, **more):
    """What code with the fault gives; with `only`, gradients whose names begin so."""
    case = random_case(network, samples, penalty=0.01, seed=0)
    fault = next(fault for fault in FAULTS if fault.name == name)
    found = Candidate(fault, layers).predict(case)
    if only is not None:
        found = {key: value for key, value in found.items() if key.startswith(only)}
    return Evidence(case, found, **more)


def examination(name, layers, *args, **more) -> Examination:
    """The same looked into."""
    return examine("yours", evidence(name, layers, *args, **more))


def verdict(found: Examination, name="planted", witnesses=("autograd",)) -> CaseVerdict:
    """The verdict on a case that was looked into, every tensor against every witness."""
    values = found.evidence
    tensors = tuple(
        judge(key, witness, values.right[key], values.found[key], relative=1e-9, absolute=1e-12)
        for key in values.order
        for witness in witnesses
    )
    return CaseVerdict(name, tensors, found.first_fault, examination=found)


def right_verdict(network=SMALL, name="right") -> CaseVerdict:
    """A case in which all agrees."""
    case = random_case(network, 20, penalty=0.01, seed=0)
    values = Evidence(case, {})
    tensors = tuple(
        judge(key, "autograd", value, value, relative=1e-9) for key, value in values.right.items()
    )
    return CaseVerdict(name, tensors, None)
