import re
from dataclasses import replace

import pytest

from compare.derivation import steps_of
from compare.derivation.backward import order as backward_order
from compare.derivation.explain import explain_node
from compare.derivation.forward import order as forward_order
from compare.derivation.letters import lettered
from compare.derivation.source import code_of
from compare.diagnosis.catalogue import FAULTS
from compare.reports.formulas import marked
from tests.compare.planted import SMALL
from tests.support import ROOT
from twingrad.errors import UserError
from twingrad.network import Network

PLAIN = Network(5, (6, 4), 10)


def lines(text):
    return [line.strip() for line in text.splitlines()]


def code_at(place):
    file, number = place.split(":")
    return (ROOT / file).read_text().splitlines()[int(number) - 1].strip()


def test_a_value_and_its_gradient_are_both_derived():
    said = lines(explain_node(None, "s_hat1"))
    assert said[0] == "s_hat1  (n, 50)"
    assert "s_hat1 = (s1 - mu1) / sqrt(v1 + eps)" in said
    assert "G_s_hat1 = G_s_tilde1 gamma1" in said


def test_a_prefix_asks_for_one_of_them():
    assert "G_s_hat1 =" not in explain_node(None, "forward s_hat1")
    assert "s_hat1 = (s1" not in explain_node(None, "G_s_hat1")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("W1", "G_W1 = G_s1' X + 2 lambda W1"),
        ("W2", "G_W2 = G_s2' x1 + 2 lambda W2"),
        ("x2", "G_x2 = G_s3 W3"),
        ("s1", "G_s1 = G_s_hat1 / sqrt(v1 + eps) + G_mu1 / n + G_v1 (2/n) (s1 - mu1)"),
        ("gamma2", "G_gamma2 = sum_i G_s_tilde2,i s_hat2_i"),
        ("s3", "G_s3 = (p - Y) / n"),
        ("p", "p = exp(s3) / sum_j exp(s3_j)"),
        ("v1", "v1 = 1/n sum_i (s1_i - mu1)^2"),
        ("cost", "cost = loss + lambda sum_l ||W_l||^2"),
    ],
)
def test_formulas_carry_the_numbers_of_their_layers(node, expected):
    assert expected in lines(explain_node(None, node))


def test_without_batch_norm_the_relu_looks_at_s():
    said = lines(explain_node(PLAIN, "s1"))
    assert "G_s1 = G_x1 where s1 > 0, else 0" in said
    assert "x1 = max(0, s1)" in lines(explain_node(PLAIN, "x1"))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("x_hat1", "x_hat1 = (x1 - mu1) / sqrt(v1 + eps)"),
        ("x_tilde2", "G_x_tilde2 = G_x_drop2 mask2 / keep"),
        ("x_drop1", "G_x_drop1 = G_s2 W2"),
        ("x_drop1", "Way down to x_drop1 through the W above it (gradient, backward pass)"),
        ("s2", "s2 = x_drop1 W2' + b2"),
        ("x_drop1", "mask1     mask      (n, 6)"),
        ("x_drop1", "keep      probability that dropout keeps a unit  0.7"),
    ],
)
def test_batch_norm_after_the_activation_and_dropout_have_their_own_names(node, expected):
    said = [" ".join(line.split()) for line in lines(explain_node(FURTHER[0], node))]
    assert " ".join(expected.split()) in said


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("mu1", "mu1 = 1/m sum_j s1_j"),
        ("mu1", "m units of the layer 6"),
        ("mu1", "s1 value (n, 6)"),
        ("s_tilde1", "G_s_tilde1 = G_x1 where s_tilde1 > 0, else slope G_x1"),
        ("s_tilde1", "slope of the leaky ReLU below 0 0.2"),
        ("loss", "loss = -1/n sum_i sum_j Y_ij log p_ij"),
        ("s3", "Y the targets, 0.91 for the class of a sample, else 0.01 (n, 10)"),
    ],
)
def test_layer_norm_leaky_relu_and_smoothing_are_explained(node, expected):
    said = [" ".join(line.split()) for line in lines(explain_node(FURTHER[1], node))]
    assert expected in said


def test_mean_and_variance_of_a_layer_norm_belong_to_the_samples():
    assert lines(explain_node(FURTHER[1], "v1"))[0] == "v1  (n,)"


def test_what_a_step_is_computed_of_has_names_and_shapes():
    rows = [line.split("  ") for line in lines(explain_node(None, "W1"))]
    table = {row[0]: row[-1].strip() for row in rows if len(row) > 1}
    assert table["G_s1"] == "(n, 50)"
    assert table["X"] == "(n, 3072)"
    assert table["lambda"] == "the penalty's weight"
    assert "G_s_tilde1" in explain_node(None, "gamma1")


FURTHER = [
    Network(5, (6, 4), 10, "batch-after", dropout=0.3),
    Network(5, (6, 4), 10, "layer", "leaky_relu", slope=0.2, smoothing=0.1),
]


@pytest.mark.parametrize(
    "network", [SMALL, PLAIN, Network(5, (), 3), Network(1, (1,), 2, "batch"), *FURTHER]
)
def test_every_node_is_explained_with_the_line_that_computes_it(network):
    names = [name for order in (forward_order, backward_order) for *_, name in order(network)]
    for name in names:
        said = lines(explain_node(network, name))
        places = [i for i, line in enumerate(said) if line.startswith("manual_impl/")]
        assert places
        assert all(code_at(said[i]) == said[i + 1] for i in places)


def test_the_gradient_of_a_weight_shows_the_line_of_its_penalty():
    backward, forward = steps_of(SMALL, "backward"), steps_of(SMALL, "forward")
    assert "2 * penalty" in code_of(backward["W", 1].step)[1][1]
    assert len(code_of(forward["mu", 1].step)) == 1


def test_a_gradient_that_is_zero_in_theory_says_so():
    assert "zero in theory: the batch norm above" in explain_node(None, "b1")
    assert "zero in theory" not in explain_node(None, "b3")


def test_prose_fits_a_terminal():
    said = explain_node(None, "W1").splitlines()
    assert max(len(line) for line in said if "self." not in line and "[f" not in line) <= 80


@pytest.mark.parametrize("name", ["s9", "", "forward W1", "G_p", "s_hat3", "\x1b[31m"])
def test_an_unknown_node_lists_those_there_are(name):
    with pytest.raises(UserError) as error:
        explain_node(None, name)
    assert repr(name) in str(error.value)
    assert "s1 to s3, mu1 to mu2" in str(error.value)
    assert "cost" in str(error.value)


def without_numbers(text):
    return re.sub(r"(?<=[A-Za-z])\d", "", text)


@pytest.mark.parametrize("network", [SMALL, PLAIN, *FURTHER], ids=["BN", "plain", "after", "LN"])
def test_the_wrong_part_of_every_fault_is_found_in_its_formula(network):
    network = replace(network, smoothing=0.0)  # whose loss has a formula of its own
    for fault in FAULTS:
        layers = fault.layers(network)
        if not layers:
            continue
        placed = fault.step_in(network, layers[-1])
        cut = marked(placed, fault.wrong)
        assert str(cut) == placed.formula
        expected = lettered(fault.wrong, placed.layer) if fault.wrong else ""
        expected = expected or without_numbers(placed.formula).split(" = ")[1]
        assert without_numbers(cut.wrong) == expected


def test_a_mark_keeps_to_the_right_side():
    cut = marked(steps_of(SMALL, "backward")["s_hat", 2], "gamma")
    assert (cut.before, cut.wrong, cut.after) == ("G_s_hat2 = G_s_tilde2 ", "gamma2", "")


def test_a_fault_of_the_whole_step_marks_all_of_the_right_side():
    cut = marked(steps_of(SMALL, "backward")["b", 1], "")
    assert (cut.before, cut.wrong) == ("G_b1 = ", "sum_i G_s1,i")
