import io
import re

import pytest
from rich.console import Console

from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import examine
from compare.reports.nodes import two_numbers
from compare.reports.tree import NodeTree
from tests.compare.planted import DEEP, PARAMETERS, SMALL, evidence, examination

BELOW_THE_MASK = {"gamma1", "beta1", "s_hat1", "v1", "mu1", "s1", "W1"}


def shown(found, width=100, encoding="utf-8", **options):
    buffer = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=buffer, width=width, highlight=False, **options).print(NodeTree(found))
    buffer.flush()
    return buffer.buffer.getvalue().decode(encoding)


def marked(text, mark):
    return re.findall(rf"{re.escape(mark)} (\w+)  ", text)


def test_a_missing_mask_is_one_broken_node_and_all_below_it_inherits():
    text = shown(examination("ReLU mask missing", (1,)))
    assert marked(text, "✗") == ["s_tilde1"]
    assert set(marked(text, "~")) == BELOW_THE_MASK
    assert "~ inherits: wrong only because its input is wrong" in text


def test_a_broken_node_shows_its_worst_entry():
    found = examination("ReLU mask missing", (1,))
    node = found.blame.first
    expected, actual = found.evidence.right["s_tilde1"], found.evidence.found["s_tilde1"]
    text = shown(found)
    assert f"worst at {list(node.worst_index)}: expected 0, actual" in text
    assert f"{actual[node.worst_index]:.6g}" in text
    assert f"error {abs(actual - expected).max() / abs(actual).max():.1e}" in text


def test_what_agrees_is_folded():
    text = shown(examination("ReLU mask missing", (1,)))
    assert "✓ forward: all 16 values agree" in text
    assert "✓ layer 2: all 10 agree" in text
    assert "gamma2" not in text


def test_nine_layers_fit_a_screen_where_the_first_is_broken():
    text = shown(examination("ReLU mask missing", (1,), DEEP), width=80)
    tree = text[: text.index("Backward pass, first wrong")]
    assert len(tree.splitlines()) < 30
    assert [f"layer {l}" in tree for l in range(1, 10)] == [True] * 9


def test_rounding_of_a_gradient_that_is_zero_is_not_called_large():
    text = shown(examination("penalty missing", (3,)))
    layer = next(line for line in text.splitlines() if "✓ layer 1: all 10" in line)
    error = layer.split("within ")[-1] if "within" in layer else "0"
    assert float(error.split()[0]) < 1e-11


def test_the_sentences_and_the_marked_formula_follow():
    text = shown(examination("variance's term missing", (2,)))
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("  G_s2 ="))
    carets = lines[at + 1]
    start, end = carets.index("^"), carets.rindex("^") + 1
    assert lines[at][start:end] == "+ G_v2 (2/n) (s2 - mu2)"
    before = text[: text.index("G_s2 =")]
    assert "The variance's term of batch norm's backward pass is missing" in before
    assert re.search(r"right in manual_impl/layers.py:\d+:\n    G_s = s_hat \* ", text)


def test_a_fault_at_every_layer_names_the_others():
    text = shown(examination("penalty missing", (3, 2, 1)))
    assert "The broken step: gradient of W3; likewise at layers 1, 2" in text
    assert marked(text, "✗") == ["W3", "W2", "W1"]


def test_suspects_that_were_not_given_are_shown():
    text = shown(examination("variance's term missing", (2,), only=PARAMETERS))
    assert "· s2  not given, suspected: way down through batch norm 2" in text
    assert "? W2  unclear" in text
    assert "· layers 1 to 3: values not given" in text


def test_a_recovered_gradient_says_so():
    wide = type(SMALL)(40, (30, 20), 10, "batch")
    text = shown(examination("ReLU mask missing", (1,), wide, PARAMETERS, samples=12))
    assert "recovered from G_W1" in text
    assert "· s_tilde1  not given, suspected: ReLU of layer 1" in text


@pytest.mark.parametrize(("layer", "said"), [("right", "alone: right"), ("wrong", "alone: wrong")])
def test_what_a_layer_does_alone_is_said(layer, said):
    found = evidence("ReLU mask missing", (1,))
    given = found.right if layer == "right" else found.found
    alone = {name: value for name, value in given.items() if " " not in name}
    text = shown(examine("yours", Evidence(found.case, found.found, alone=alone)))
    line = next(line for line in text.splitlines() if "✗ s_tilde1" in line)
    assert said in line


def test_an_unknown_fault_shows_the_suspect_unmarked():
    found = evidence("ReLU mask missing", (1,))
    values = {**found.found, "W2": found.found["W2"] + 1e-3}
    text = shown(examine("yours", Evidence(found.case, values)))
    assert "No known fault explains this" in text
    assert "A suspected step: gradient of W2" in text
    assert "^" not in text.split("A suspected step")[1]


def test_without_unicode_ascii_marks_stand_in():
    text = shown(examination("ReLU mask missing", (1,)), encoding="ascii")
    assert marked(text, "X") == ["s_tilde1"]
    assert "+ forward: all 16 values agree" in text


def test_colour_adds_no_words():
    found = examination("ReLU mask missing", (1,))
    coloured = shown(found, force_terminal=True, color_system="truecolor", legacy_windows=False)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(found)


@pytest.mark.parametrize("width", [80, 120])
def test_lines_fit_the_width(width):
    found = examination("variance's term missing", (2,), only=PARAMETERS)
    assert max(map(len, shown(found, width).splitlines())) <= width


def test_numbers_have_as_many_digits_as_tell_them_apart():
    assert two_numbers(1.0, 1.5) == ("1", "1.5")
    assert two_numbers(1.0, 1 + 1e-9) == ("1", "1.000000001")
    assert two_numbers(1.0, 1 + 2e-16) == ("1.0", "1.0000000000000002")
