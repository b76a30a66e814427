"""A document as a list of blocks, written as Markdown and as HTML."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twingrad.pages import render_page


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Text with `code`, **bold** and links as in Markdown."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of items, each with text as in a paragraph."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table; cells contain text as in a paragraph."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Commands:
    """Shell commands, folded under a summary."""

    summary: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """A figure's file, relative to the document, with its title and caption."""

    file: str
    title: str
    caption: str


Block = Heading | Paragraph | Bullets | Table | Commands | Picture


def as_markdown(blocks: Iterable[Block]) -> str:
    """The document as Markdown; pictures are links to their files."""
    return "\n\n".join(map(markdown_of, blocks)) + "\n"


def markdown_of(block: Block) -> str:
    """One block as Markdown."""
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return block.text
        case Bullets():
            return "\n".join(f"- {item}" for item in block.items)
        case Table():
            lines = [block.headings, ["---"] * len(block.headings), *block.rows]
            return "\n".join("| " + " | ".join(map(in_cell, line)) + " |" for line in lines)
        case Commands():
            body = "\n".join(block.lines)
            return (
                f"<details><summary>{html.escape(block.summary)}</summary>\n\n"
                f"```\n{body}\n```\n\n</details>"
            )
        case Picture():
            return f"![{block.title}]({block.file})\n\n{block.caption}"


def in_cell(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def as_html(blocks: Sequence[Block], pictures: Mapping[str, str]) -> str:
    """The document as one self-contained HTML file.

    Arguments:
        pictures: the data URI of each picture, by file.
    """
    title = next(block.text for block in blocks if isinstance(block, Heading))
    return render_page(
        Path(__file__).with_name("document.html.jinja"),
        filters={"marked": marked, "kind": lambda block: type(block).__name__},
        title=title,
        blocks=blocks,
        pictures=pictures,
    )


def marked(text: str) -> str:
    """A paragraph's text as escaped HTML."""
    escaped = html.escape(text)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    escaped = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", escaped)
    return re.sub(r"\[([^]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>', escaped)
