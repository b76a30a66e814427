"""One document, twice."""

from reproduction.pages.document import (
    Bullets,
    Commands,
    Heading,
    Paragraph,
    Picture,
    Table,
    as_html,
    as_markdown,
)

BLOCKS = [
    Heading("Title", 1),
    Paragraph("**bold**, `code` and 1 < 2"),
    Bullets(["one", "two"]),
    Table(["a", "b"], [["1", "x|y"]]),
    Commands("by <hand>", ["twingrad train"]),
    Picture("figures/a.png", "a picture", "what it shows"),
]


def test_markdown():
    assert as_markdown(BLOCKS).split("\n\n") == [
        "# Title",
        "**bold**, `code` and 1 < 2",
        "- one\n- two",
        "| a | b |\n| --- | --- |\n| 1 | x\\|y |",
        "<details><summary>by &lt;hand&gt;</summary>",
        "```\ntwingrad train\n```",
        "</details>",
        "![a picture](figures/a.png)",
        "what it shows\n",
    ]


def test_html_needs_no_other_file():
    page = as_html(BLOCKS, {"figures/a.png": "data:image/png;base64,AAAA"})
    assert "<p><b>bold</b>, <code>code</code> and 1 &lt; 2</p>" in page
    assert '<td class="n">x|y' in page
    assert "<li>one<li>two" in page
    assert '<img src="data:image/png;base64,AAAA" alt="a picture">' in page
    assert "figures/a.png" not in page
