"""Links between pages, and from pages to files, lead somewhere."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCED = re.compile(r"^ *(```|~~~).*?^ *\1", flags=re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown page of the tree."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def text_of(page: Path) -> str:
    """A page without its code."""
    return FENCED.sub("", page.read_text())


def anchor_of(heading: str) -> str:
    """What GitHub makes of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def dead_links(page: Path) -> list[str]:
    """Links that lead nowhere."""
    dead = []
    for target in LINK.findall(text_of(page)):
        place, _, anchor = target.partition("#")
        if ":" in place:
            continue
        path = (page.parent / place).resolve() if place else page
        if not path.exists():
            dead.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", text_of(path), flags=re.MULTILINE)
            dead += [] if anchor in map(anchor_of, headings) else [target]
    return dead


@pytest.mark.parametrize("page", pages(), ids=str)
def test_no_link_is_dead(page):
    assert dead_links(ROOT / page) == []


def test_dead_links_are_seen(tmp_path):
    (tmp_path / "a.md").write_text("# One thing\n[a](b.md) [b](#one-thing) [c](a.md#two) [d](x:y)")
    assert dead_links(tmp_path / "a.md") == ["b.md", "a.md#two"]


def test_every_page_is_in_the_site_s_menu():
    menu = (ROOT / "mkdocs.yml").read_text().partition("nav:")[2]
    tracked = subprocess.run(
        ["git", "ls-files", "docs/*.md"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    missing = [page for page in tracked if page.removeprefix("docs/") not in menu]
    assert missing == []
