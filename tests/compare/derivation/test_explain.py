import re

import pytest

from compare.derivation import BACKWARD, FORWARD
from compare.derivation.backward import order as backward_order
from compare.derivation.explain import explain_node
from compare.derivation.forward import order as forward_order
from compare.derivation.source import code_of
from compare.diagnosis.catalogue import FAULTS
from compare.reports.formulas import formula, marked
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


def test_what_a_step_is_computed_of_has_names_and_shapes():
    rows = [line.split("  ") for line in lines(explain_node(None, "W1"))]
    table = {row[0]: row[-1].strip() for row in rows if len(row) > 1}
    assert table["G_s1"] == "(n, 50)"
    assert table["X"] == "(n, 3072)"
    assert table["lambda"] == "the penalty's weight"
    assert "G_s_tilde1" in explain_node(None, "gamma1")


@pytest.mark.parametrize("network", [SMALL, PLAIN, Network(5, (), 3), Network(1, (1,), 2, True)])
def test_every_node_is_explained_with_the_line_that_computes_it(network):
    names = [name for order in (forward_order, backward_order) for *_, name in order(network)]
    for name in names:
        said = lines(explain_node(network, name))
        places = [i for i, line in enumerate(said) if line.startswith("manual_impl/")]
        assert places
        assert all(code_at(said[i]) == said[i + 1] for i in places)


def test_the_gradient_of_a_weight_shows_the_line_of_its_penalty():
    assert "2 * penalty" in code_of(BACKWARD["W"])[1][1]
    assert len(code_of(FORWARD["s"])) == 1


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


@pytest.mark.parametrize("network", [SMALL, PLAIN], ids=["BN", "plain"])
def test_the_wrong_part_of_every_fault_is_found_in_its_formula(network):
    for fault in FAULTS:
        layers = fault.layers(network)
        if not layers:
            continue
        cut = marked(fault.step, network, layers[-1], fault.wrong)
        whole = formula(fault.step, network, layers[-1])
        assert str(cut) == whole
        wrong = fault.wrong if network.batch_norm else fault.wrong.replace("s_tilde", "s")
        expected = wrong or without_numbers(whole).split(" = ")[1]
        assert without_numbers(cut.wrong) == expected


def test_a_mark_keeps_to_the_right_side():
    cut = marked(BACKWARD["s_hat"], SMALL, 2, "gamma")
    assert (cut.before, cut.wrong, cut.after) == ("G_s_hat2 = G_s_tilde2 ", "gamma2", "")


def test_a_fault_of_the_whole_step_marks_all_of_the_right_side():
    cut = marked(BACKWARD["b"], SMALL, 1, "")
    assert (cut.before, cut.wrong) == ("G_b1 = ", "sum_i G_s1,i")
