"""Mistakes of the further kinds of layer, made by code that does not know the catalogue."""

import numpy as np
import pytest

from compare.cases import random_case
from compare.diagnosis.catalogue import FAULTS, Candidate, right_values
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import examine
from tests.compare.written_kinds import written_kinds
from twingrad.network import Network

AFTER = Network(7, (6, 6, 6), 5, "batch-after")
LAYER = Network(7, (6, 6, 6), 5, "layer", "leaky_relu", slope=0.15)
DROPPED = Network(7, (6, 6, 6), 5, "none", "leaky_relu", slope=0.15, dropout=0.4, smoothing=0.2)

BOTH = ("mean's term missing", "variance's term missing", "mean and variance as constants")

MISTAKES = [
    *((AFTER, name, 2, ("s", 2)) for name in BOTH),
    (AFTER, "unbiased variance", 1, ("v", 1)),
    (AFTER, "gamma left out", 3, ("s_hat", 3)),
    (AFTER, "mean and variance over the wrong axis", 2, ("mu", 2)),
    (AFTER, "ReLU mask of the normalised value", 2, ("mask", 2)),
    (AFTER, "ReLU mask of the scaled and shifted value", 1, ("mask", 1)),
    *((LAYER, f"{name}, layer norm", 2, ("s", 2)) for name in BOTH),
    (LAYER, "unbiased variance, layer norm", 1, ("v", 1)),
    (LAYER, "gamma left out, layer norm", 3, ("s_hat", 3)),
    (LAYER, "mean and variance over the wrong axis, layer norm", 2, ("mu", 2)),
    (LAYER, "gamma over the wrong axis", 3, ("gamma", 3)),
    (LAYER, "beta over the wrong axis", 1, ("beta", 1)),
    (LAYER, "slope missing on the way back", 2, ("mask", 2)),
    (LAYER, "slope on the wrong side on the way back", 1, ("mask", 1)),
    (LAYER, "leaky ReLU left out on the way back", 3, ("mask", 3)),
    (LAYER, "slope on the wrong side", 2, ("x", 2)),
    (LAYER, "another slope, 0.3", 2, ("x", 2)),
    (LAYER, "ReLU for leaky ReLU", 1, ("x", 1)),
    *(
        (DROPPED, f"{name} on the way back", 2, ("drop", 2))
        for name in ("dropout left out", "mask missing", "mask not scaled", "mask scaled twice")
    ),
    (DROPPED, "mask inverted on the way back", 3, ("drop", 3)),
    (DROPPED, "mask from the layer above on the way back", 1, ("drop", 1)),
    (DROPPED, "mask not scaled in the forward pass", 2, ("x_drop", 2)),
    *(
        (DROPPED, name, 2, ("x_drop", 2))
        for name in ("dropout left out", "mask not scaled", "mask scaled twice")
    ),
    (DROPPED, "smoothing left out in the gradient", 4, ("softmax", 4)),
    (DROPPED, "smoothing left out in the loss", 4, ("loss", 4)),
    (DROPPED, "smoothing left out", 4, ("loss", 4)),
    (DROPPED, "smoothing over the other classes", 4, ("loss", 4)),
]


def case_of(network):
    return random_case(network, 9, penalty=0.1, seed=13)


def fault_named(name):
    return next(fault for fault in FAULTS if fault.name == name)


@pytest.mark.parametrize("network", [AFTER, LAYER, DROPPED], ids=["after", "layer", "dropout"])
def test_without_a_mistake_it_is_what_is_written_out(network):
    case = case_of(network)
    right, written = right_values(case), written_kinds(case)
    for name, value in written.items():
        np.testing.assert_allclose(right[name], value, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("network", "name", "l", "place"), MISTAKES, ids=lambda v: str(v)[:60])
def test_a_mistake_written_out_is_what_the_catalogue_predicts(network, name, l, place):
    case = case_of(network)
    predicted, written = (
        Candidate(fault_named(name), (l,)).predict(case),
        written_kinds(case, name, l),
    )
    for tensor, value in written.items():
        np.testing.assert_allclose(predicted[tensor], value, rtol=0, atol=1e-12, err_msg=tensor)


@pytest.mark.parametrize(("network", "name", "l", "place"), MISTAKES, ids=lambda v: str(v)[:60])
def test_a_mistake_written_out_is_found_and_named_with_its_layer(network, name, l, place):
    case = case_of(network)
    found = examine("yours", Evidence(case, written_kinds(case, name, l)))
    assert found.evidence.wrong
    first = found.best.candidate.parts[0]
    assert (first.fault.name, first.layers) == (name, (l,))
    stage = found.best.candidate.fault.stage
    assert (stage == "forward") == (place[0] in ("mu", "v", "x", "x_drop", "loss"))
    # where only parameters are shown the place is among the suspects
    assert found.blame.stage == stage
    assert place in found.blame.suspects or found.blame.first.status == "unclear"


@pytest.mark.parametrize(
    ("network", "name", "sentence"),
    [
        (
            LAYER,
            "mean's term missing, layer norm",
            "The mean's term of layer norm's backward pass is missing at layer 2.",
        ),
        (DROPPED, "mask missing on the way back", "The backward pass of dropout at layer 2"),
        (AFTER, "ReLU mask of the normalised value", "masked by x_hat, which the normalisation"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_with_its_place(network, name, sentence):
    case = case_of(network)
    said = " ".join(examine("yours", Evidence(case, written_kinds(case, name, 2))).sentences)
    assert sentence in said
    assert "Backward pass, first wrong: the" in said
