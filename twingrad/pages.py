"""Reports as one HTML file that needs no other: templates filled in, figures inside."""

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twingrad.files import write_whole
from twingrad.text import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BASE = Path(__file__).with_name("page.html.jinja")
"""The frame of every page, with the one style sheet; templates extend it by its name."""


def render_page(
    template: Path, *, filters: Mapping[str, Callable[[Any], str]], **values: Any
) -> str:
    """A page. Whatever names, paths and messages hold, it is escaped.

    Arguments:
        template: the Jinja file.
        filters: what the template may pipe values through, by name.
        values: by the template's names; one that is missing is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, BASE.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=without_controls,
    )
    environment.filters.update(filters)
    return environment.get_template(template.name).render(**values)


def without_controls(value: Any) -> Any:
    """Text whose control characters are written out; what is markup already passes."""
    return shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def write_page(path: Path, html: str) -> None:
    """Writes a page, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    # a path in it may hold bytes that are no text
    write_whole(path, html.encode("utf-8", "backslashreplace"))


def scientific(value: float | None) -> str:
    """Three digits, or a dash for nothing."""
    return "-" if value is None else f"{value:.2e}"


def as_data_uri(figure: "Figure", kind: str) -> str:
    """A figure as the address of itself.

    Arguments:
        kind: "svg", or "png" for what has many points.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=110)
    media = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    return data_uri(buffer.getvalue(), media)


def data_uri(content: bytes, media: str) -> str:
    """A file's content as the address of itself; media is its type, such as image/png."""
    return f"data:{media};base64,{base64.b64encode(content).decode()}"
