"""Self-contained HTML reports: templates filled in, figures embedded."""

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
    """Render a template; all values are escaped.

    Arguments:
        template: the Jinja file.
        filters: the template's filters, by name.
        values: the template's variables; a missing one is an error.
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
    """Write a page atomically.

    Raises:
        OSError: it cannot be written.
    """
    # a path in the page may contain surrogates, which UTF-8 cannot encode
    write_whole(path, html.encode("utf-8", "backslashreplace"))


def scientific(value: float | None) -> str:
    """Three significant digits, or a dash for None."""
    return "-" if value is None else f"{value:.2e}"


def as_data_uri(figure: "Figure", kind: str) -> str:
    """A figure as a data URI.

    Arguments:
        kind: "svg", or "png" for a figure with many points.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=110)
    media = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    return data_uri(buffer.getvalue(), media)


def data_uri(content: bytes, media: str) -> str:
    """Content as a data URI; media is its type, such as image/png."""
    return f"data:{media};base64,{base64.b64encode(content).decode()}"
