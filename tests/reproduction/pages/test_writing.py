"""The pages of a quick run."""

from reproduction.pages.document import Heading, Paragraph
from reproduction.pages.writing import document_of
from reproduction.results import Results

ABOUT = {
    "quick": True,
    "seeds": 1,
    "seed": None,
    "only": [],
    "row": None,
    "reading": None,
    "backend": "manual",
    "training seconds": 65,
}


def test_a_quick_run_judges_nothing():
    heading, paragraph = document_of(Results([], {}, ABOUT), [])
    assert isinstance(heading, Heading)
    assert isinstance(paragraph, Paragraph)
    assert "no number of the report can be judged" in paragraph.text
    assert "1 min 05 s" in paragraph.text
    assert "twingrad reproduce --seeds 1 --quick" in paragraph.text
