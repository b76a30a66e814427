import json
import re
from functools import cache

import numpy as np
import pytest

import manual_impl
import torch_impl
from compare.cases import random_case
from compare.diagnosis.catalogue import FAULTS, Candidate, right_values
from compare.diagnosis.catalogue.fault import Inapplicable
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import UNKNOWN, examine
from compare.diagnosis.search import FLOAT32, diagnose
from compare.golden.golden_check import judge_file
from tests.compare.planted import network_for, of_every_kind
from tests.support import GOLDEN
from twingrad.network import Network

BY_NAME = {fault.name: fault for fault in FAULTS}

NETWORK = Network(6, (6, 6, 6), 6, normalization="batch")

NETWORKS = of_every_kind(6, (6, 6, 6), 6)


def case(penalty=0.1):
    return random_case(NETWORK, 9, penalty=penalty, seed=8)


def part(name, *layers):
    fault = BY_NAME[name]
    places = layers or next(c for c in fault.candidates(NETWORK) if c.every).layers
    return Candidate(fault, places, every=not layers)


def parts(match):
    return {(part.fault.name, part.layers) for part in match.candidate.parts}


def parameters_of(prediction):
    return {n: v for n, v in prediction.items() if n in NETWORK.parameter_shapes}


HIDDEN_AT_LAST = {
    "guarded logarithm, 1e-12",
    *(
        f"eps {eps}{more}{norm}"
        for eps in ("1e-10", "1e-12")
        for more in ("", " outside the root")
        for norm in ("", ", layer norm")
    ),
}
"""Apart from the right values by no more than rounding."""

DEEP = re.compile(r"W([5-9]|10)( alone)?$")
"""Faults of a single layer that this network does not have."""

PLAIN = [
    fault
    for fault in FAULTS
    if fault.name not in (*HIDDEN_AT_LAST, "ReLU mask at >= 0") and not DEEP.search(fault.name)
]


def made_somewhere(fault):
    """Where it can be made, the last place of the first network that has what it gets wrong."""
    network = network_for(fault, NETWORKS)
    on = case() if network == NETWORK else random_case(network, 9, penalty=0.1, seed=13)
    for candidate in reversed(list(fault.candidates(network))):
        try:
            return on, candidate, candidate.predict(on)
        except Inapplicable:
            continue
    raise AssertionError(f"{fault.name} cannot be made")


EQUAL_TO_ANOTHER = {
    "bias summed over everything": "bias missing",
    "softmax twice": "softmax twice, in the loss",
}
"""Below a batch norm b has no gradient, and p - Y sums to 0 over the classes; p is not shown."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", PLAIN, ids=lambda fault: fault.name)
def test_every_fault_is_named_first_with_its_layers(fault):
    on, candidate, found = made_somewhere(fault)
    cost = {n: v for n, v in found.items() if n in ("forward cost", "forward loss")}
    best, *others = diagnose(Evidence(on, parameters_of(found) | cost)).matches
    if fault.name in EQUAL_TO_ANOTHER:
        assert parts(best) == {(EQUAL_TO_ANOTHER[fault.name], candidate.layers)}
        rank = best.rank
        best = next(o for o in others if parts(o) == {(fault.name, candidate.layers)})
        assert best.rank == rank
    assert parts(best) == {(fault.name, candidate.layers)}
    assert best.residual <= 1e-11
    assert best.runner_up is None or best.runner_up > 10 * best.residual


def test_nothing_wrong_is_nothing_tried():
    diagnosis = diagnose(Evidence(case(), right_values(case())))
    assert (diagnosis.matches, diagnosis.partly, diagnosis.tried) == ((), None, 0)


def pair(one, other):
    return Candidate(one.fault, one.layers, other, every=one.every)


PAIRS = [
    (part("penalty missing"), part("not divided by n", 4)),
    (part("lambda for 2 lambda"), part("sign of G", 4)),
    (part("ReLU mask missing", 3), part("gamma's gradient from s", 1)),
    (part("eps 1e-05"), part("penalty missing", 2)),
]


@pytest.mark.parametrize("planted", PAIRS, ids=lambda p: " + ".join(c.name for c in p))
@pytest.mark.slow
def test_two_faults_are_told_apart(planted):
    found = pair(*planted).predict(case())
    diagnosis = diagnose(Evidence(case(), parameters_of(found)))
    expected = {(one.fault.name, one.layers) for one in planted}
    assert parts(diagnosis.matches[0]) == expected
    assert diagnosis.matches[0].residual <= 1e-11


def test_of_a_pair_the_one_that_is_made_first_is_said_first():
    planted = pair(part("penalty missing", 1), part("gamma left out", 3))
    found = examine("yours", Evidence(case(), planted.predict(case())))
    assert found.best.candidate.name == "gamma left out, layer 3 + penalty missing, layer 1"
    said = found.sentences
    assert [s.split()[0] for s in said[1:3]] == ["The", "The"]
    assert "gamma" in said[1]
    assert "2 lambda W" in said[2]


@pytest.mark.slow
def test_that_is_so_for_two_that_only_together_explain_anything():
    planted = pair(part("penalty missing"), part("not divided by n", 4))
    (best, *_) = diagnose(Evidence(case(), parameters_of(planted.predict(case())))).matches
    assert best.candidate.name == "not divided by n, layer 4 + penalty missing, every layer"


def unknown():
    """A single entry: no fault of the catalogue."""
    right = right_values(case())
    changed = right["W2"].copy()
    changed[3, 1] += 0.01
    return right | {"W2": changed}


def test_what_no_fault_explains_is_left_at_the_blame():
    found = examine("yours", Evidence(case(), unknown()))
    assert found.diagnosis.matches == ()
    assert found.best is None
    assert found.blame.suspects == (("W", 2),)
    assert found.sentences[0] == "Backward pass, first wrong: the gradient of W2."
    assert UNKNOWN in found.sentences[1].lower()
    assert f"({found.diagnosis.tried} tried)" in found.sentences[1]
    assert found.diagnosis.tried > 20


def test_what_explains_the_first_tensor_alone_is_said_to():
    changed = unknown()
    right = right_values(case())
    gamma = part("gamma's gradient missing", 3).predict(case())["gamma3"]
    found = examine("yours", Evidence(case(), changed | {"gamma3": gamma}))
    assert found.diagnosis.partly.name == "gamma's gradient missing, layer 3"
    assert "something else is wrong below it" in found.sentences[-1]
    assert not np.array_equal(right["gamma3"], gamma)


@pytest.mark.parametrize("implementation", [manual_impl, torch_impl], ids=lambda m: m.__name__)
def test_float32_posing_as_float64_is_recognised(implementation):
    on = case()
    small = {name: value.astype(np.float32) for name, value in on.parameters.items()}
    given = (on.network, small, on.X.astype(np.float32), on.y)
    found = implementation.gradients(*given, penalty=on.penalty)
    evidence = Evidence(on, {name: np.asarray(v, np.float64) for name, v in found.items()})
    (match,) = diagnose(evidence).matches
    assert match.candidate.fault.name == FLOAT32
    assert 1e-9 < match.residual < 1e-4


def test_one_parameter_off_by_a_rounding_of_float32_is_not_called_that():
    """What is computed in float32 is off nearly everywhere."""
    right = right_values(case())
    rounded = {"W2": right["W2"].astype(np.float32).astype(float)}
    names = [m.candidate.fault.name for m in diagnose(Evidence(case(), right | rounded)).matches]
    assert FLOAT32 not in names


def test_the_residual_stands_beside_that_of_the_runner_up():
    found = examine("yours", Evidence(case(), part("penalty missing", 2).predict(case())))
    best = found.best
    assert best.residual == 0
    # the next best is the penalty halved, divided by n or the like: a share of 2 lambda W
    assert 1e-4 < best.runner_up < 1
    assert f"the next best leaves {best.runner_up:.1e}" in " ".join(found.sentences)


def test_json_of_a_diagnosis_has_the_fields_of_the_design():
    found = examine("yours", Evidence(case(), part("mean's term missing", 2).predict(case())))
    (match,) = json.loads(json.dumps(found.as_json(), allow_nan=False))["diagnosis"][:1]
    assert (match["fault"], match["layer"]) == ("mean's term missing", 2)
    assert match["residual"] <= 1e-11
    assert (
        match["explanation"]
        == "The mean's term of batch norm's backward pass is missing at layer 2."
    )
    assert (match["tensor"], match["pass"]) == ("s2", "backward")
    assert match["wrong"] in match["formula"]


def test_code_of_the_suspects_is_pointed_at():
    found = examine("yours", Evidence(case(), part("mean's term missing", 2).predict(case())))
    (suspect,) = found.as_json()["suspects"]
    assert suspect["operation"] == "s"
    assert suspect["layer"] == 2
    assert {place.split(":")[0] for place in suspect["code"]} == {"manual_impl/layers.py"}


@cache
def published_cases():
    """Every case of the golden file, with the published code's own gradient of W1 in its place."""
    with np.load(GOLDEN / "cases.npz") as file:
        return {
            key.split("/")[0]: float(file[key.replace("grad_W_1_author_raw", "lam")])
            for key in file.files
            if key.endswith("/grad_W_1_author_raw")
        }


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The verdicts on all of them, by case."""
    with np.load(GOLDEN / "cases.npz") as file:
        values = dict(file)
    for name in published_cases():
        values[f"{name}/grad_W_1"] = values[f"{name}/grad_W_1_author_raw"]
    path = tmp_path_factory.mktemp("golden") / "author.npz"
    np.savez(path, **{k: v for k, v in values.items() if k.split("/")[0] in published_cases()})
    witnesses = {"manual": manual_impl, "autograd": torch_impl}
    return {verdict.name: verdict for verdict in judge_file(path, witnesses)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, lam in published_cases().items() if lam > 0])
def test_the_published_defect_is_the_missing_penalty_on_layer_1(published, name):
    verdict = published[name]
    assert verdict.first_fault == {"tensor": "grad_W_1", "pass": "backward"}
    (diagnosed, *_) = verdict.as_json()["diagnosis"]
    assert (diagnosed["fault"], diagnosed["layer"]) == ("penalty missing", 1)
    assert verdict.examination.blame.suspects == (("W", 1),)


@pytest.mark.parametrize("name", [n for n, lam in published_cases().items() if lam == 0])
def test_without_penalty_there_is_no_defect_to_report(published, name):
    assert (published[name].verdict, published[name].examination) == ("agree", None)


def test_the_published_code_was_run_with_and_without_penalty():
    penalties = list(published_cases().values())
    assert len(penalties) >= 10
    assert 0 < penalties.count(0.0) < len(penalties)
