"""What is said of results whose numbers are told, and the tables of the page."""

from reproduction.pages.document import markdown_of
from reproduction.pages.tables import explained, table_of
from reproduction.published.beyond import TWO_LAYERS
from reproduction.published.report import TABLE_3
from reproduction.verdicts.summary import summary_of
from tests.reproduction.made_up import Told, results_of

SPREAD = (0.3, -0.3, 0.0)
"""Around a mean; sd .3, so that one further run lies within 4.303 * .3 * sqrt(4/3) = 1.49."""


def around(mean):
    return [mean + offset for offset in SPREAD]


def told(**changes):
    return {
        ("table3", "sigma .01"): around(changes.get("sigma", 53.0)),
        ("table3", "He"): around(changes.get("he", 53.0)),
        ("table3", "Xavier"): around(53.0),
    }


def sentences(results):
    results.about.setdefault("quick", False)
    return summary_of(results).sentences


def test_what_stands_is_counted_and_what_does_not_is_named():
    results = results_of(told(he=55.0), "published")
    assert (
        "as published: 2 of 3 published test accuracies are within our 95 % interval; outside: "
        "table3 He"
    ) in sentences(results)


def test_all_that_stand_need_no_names():
    results = results_of(told(), "published")
    expected = "as published: 3 of 3 published test accuracies are within our 95 % interval"
    assert expected in sentences(results)


def test_the_signature_is_said():
    cost = {"He": (2.0,) * 20, "Xavier": (1.5,) * 20}
    results = results_of(
        {("table3", name): [Told(cost=cost[name])] * 3 for name in cost}, "published"
    )
    (sentence,) = [sentence for sentence in sentences(results) if "end cost of He" in sentence]
    assert "0.500 above that of Xavier (published 0.516)" in sentence


def test_a_table_has_ours_beside_the_printed():
    results = results_of(told(he=55.0), "published")
    text = markdown_of(table_of(results, TABLE_3))
    assert "| He | 53.48 | 55.00 ± 0.30 (n = 3) | 53.51 to 56.49 | **outside** | not run |" in text
    assert "| Xavier | 53.92 | 53.00 ± 0.30 (n = 3) | 51.51 to 54.49 | within |" in text


def test_what_nobody_explained_is_said_to_be_so():
    results = results_of(told(he=55.0), "published")
    texts = [block.text for block in explained(results, TABLE_3)]
    assert "**He, 53.48 (test):** not explained." in texts


def test_the_assignments_numbers_are_explained_as_specified():
    told_of = {("two-layers", "n_s 500, 1 cycle"): around(50.0)}
    assert len(explained(results_of(told_of, "specified"), TWO_LAYERS)) == 1
    assert explained(results_of(told_of, "published"), TWO_LAYERS) == []
