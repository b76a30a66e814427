"""The documentation site beyond Markdown: pages from the root, links to code, formulas."""

import html
import os
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

FROM_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Pages that lie in the root of the repository, and where they are in the site."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^ *(```|~~~)")
QUOTED = re.compile(r"^(```\w+) (\S+)$")
"""A block that names the file that it quotes."""

FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>', flags=re.DOTALL
)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages of the root."""
    for name, page in FROM_ROOT.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turns links so that they hold in the site, where there are no sources."""
    own = page.file.src_uri
    origin = next((ROOT / name for name, uri in FROM_ROOT.items() if uri == own), DOCS / own)
    lines, fenced = [], False
    for line in markdown.splitlines():
        fence = bool(FENCE.match(line))
        fenced ^= fence
        if fenced or fence:
            lines.append(QUOTED.sub(r'\1 title="\2"', line))
        else:
            lines.append(LINK.sub(lambda found: relinked(found, origin, own), line))
    return "\n".join(lines)


def relinked(found: "re.Match[str]", origin: Path, own: str) -> str:
    """One link: to another page, or the text alone where it names source code.

    Raises:
        PluginError: there is nothing where it leads.
    """
    image, text, target = found.groups()
    place, _, anchor = target.partition("#")
    if not place or ":" in place:
        return found[0]
    path = (origin.parent / place).resolve()
    if not path.exists():
        raise PluginError(f"{origin.relative_to(ROOT)}: nothing is at {target}")
    if path.parent == ROOT and path.name in FROM_ROOT:
        uri = FROM_ROOT[path.name]
    elif path.is_relative_to(DOCS) and path.is_file():
        uri = path.relative_to(DOCS).as_posix()
    else:
        return text
    relative = Path(os.path.relpath(uri, Path(own).parent)).as_posix()
    return f"{image}[{text}]({relative}{'#' * bool(anchor)}{anchor})"


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML, which browsers show without a script."""
    return FORMULA.sub(formula, content)


def formula(found: "re.Match[str]") -> str:
    """One formula, in a line of its own where it was written between $$."""
    display = "block" if found[1] == "div" else "inline"
    return str(convert(html.unescape(found[2]), display=display))
