"""Draw lesson_graph.svg: the computational graph of one hidden layer with batch norm.

    python docs/lesson_graph.py [FILE]

An arrow carries the factor that its contribution to the backward pass is multiplied by.
"""

import sys
from math import hypot
from pathlib import Path

WIDTH, HEIGHT, RADIUS = 1000, 420, 27

NODES = {
    "x": (60, 230),
    "W": (80, 100),
    "b": (210, 100),
    "s": (210, 230),
    "mu": (330, 110),
    "v": (330, 340),
    "s_hat": (450, 230),
    "gamma": (490, 100),
    "beta": (620, 100),
    "s_tilde": (620, 230),
    "x_next": (790, 230),
    "J": (945, 230),
}
SYMBOLS = {
    "x_next": "x",
    "s_hat": "s\N{COMBINING CIRCUMFLEX ACCENT}",
    "s_tilde": "s\N{COMBINING TILDE}",
    "gamma": "\N{GREEK SMALL LETTER GAMMA}",
    "beta": "\N{GREEK SMALL LETTER BETA}",
    "lambda": "\N{GREEK SMALL LETTER LAMDA}",
    "mu": "\N{GREEK SMALL LETTER MU}",
    "eps": "\N{GREEK SMALL LETTER EPSILON}",
    "sqrt": "\N{SQUARE ROOT}",
    "-": "\N{MINUS SIGN}",
    ">": "&gt;",
}
PARAMETERS = {"W", "b", "gamma", "beta"}

EDGES = [  # from, to, factor, position of the factor relative to the middle of the arrow
    ("x", "s", "W", (0, -10)),
    ("W", "s", "x", (-16, 10)),
    ("b", "s", "1", (-10, 4)),
    ("s", "mu", "1 / n", (-18, -8)),
    ("s", "s_hat", "1 / sqrt(v + eps)", (0, -10)),
    ("s", "v", "2 (s - mu) / n", (-52, 14)),
    ("mu", "s_hat", "-1 / sqrt(v + eps)", (48, -12)),
    ("v", "s_hat", "-s_hat / 2 (v + eps)", (56, 14)),
    ("gamma", "s_tilde", "s_hat", (16, -4)),
    ("beta", "s_tilde", "1", (12, 4)),
    ("s_hat", "s_tilde", "gamma", (0, -10)),
    ("s_tilde", "x_next", "1 if s_tilde > 0, else 0", (0, -10)),
    ("x_next", "J", "layers above", (0, -10)),
]
CAPTIONS = [("affine", 60, 210), ("batch norm", 210, 620), ("ReLU", 620, 790)]


def symbols(text: str) -> str:
    """The text with the letters of the lesson instead of names."""
    for name, symbol in SYMBOLS.items():
        text = text.replace(name, symbol)
    return text


def arrow(tail: str, head: str, factor: str, offset: tuple[int, int]) -> str:
    """An arrow between the circles of two nodes, with its factor."""
    (x1, y1), (x2, y2) = NODES[tail], NODES[head]
    length = hypot(x2 - x1, y2 - y1)
    dx, dy = RADIUS * (x2 - x1) / length, RADIUS * (y2 - y1) / length
    x, y = (x1 + x2) / 2 + offset[0], (y1 + y2) / 2 + offset[1]
    return (
        f'<path class="edge" d="M{x1 + dx:.1f} {y1 + dy:.1f} L{x2 - dx:.1f} {y2 - dy:.1f}"/>'
        f'<text class="factor" x="{x:.1f}" y="{y:.1f}">{symbols(factor)}</text>'
    )


def node(name: str) -> str:
    """A circle with the letter of a quantity; parameters are filled."""
    x, y = NODES[name]
    kind = "parameter" if name in PARAMETERS else "value"
    return (
        f'<circle class="{kind}" cx="{x}" cy="{y}" r="{RADIUS}"/>'
        f'<text class="letter" x="{x}" y="{y + 7}">{symbols(name)}</text>'
    )


def caption(text: str, left: int, right: int) -> str:
    """The name of a layer, below its nodes."""
    return f'<text class="layer" x="{(left + right) / 2}" y="{HEIGHT - 18}">{text}</text>'


def graph() -> str:
    """The picture as SVG, on a white background so that it is readable in dark mode."""
    penalty = (
        f'<path class="edge" d="M{NODES["W"][0]} {NODES["W"][1] - RADIUS} '
        f'C110 0 {NODES["J"][0]} -20 {NODES["J"][0]} {NODES["J"][1] - RADIUS}"/>'
        f'<text class="factor" x="760" y="42">{symbols("2 lambda W")}</text>'
    )
    parts = [
        *(arrow(*edge) for edge in EDGES),
        penalty,
        *(node(name) for name in NODES),
        *(caption(*one) for one in CAPTIONS),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
            "<title>The computational graph of one layer, with the factor of every arrow</title>",
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#444"/></marker>'
            "</defs>",
            "<style>text{font-family:sans-serif;text-anchor:middle}"
            ".letter{font-size:20px;font-style:italic}.factor{font-size:14px;fill:#b3400a}"
            ".layer{font-size:15px;fill:#666}.value{fill:#fff;stroke:#0b5394;stroke-width:2}"
            ".parameter{fill:#dbe8f5;stroke:#0b5394;stroke-width:2}"
            ".edge{fill:none;stroke:#444;stroke-width:1.5;marker-end:url(#tip)}</style>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_suffix(".svg")
    target.write_text(graph(), encoding="utf-8")
