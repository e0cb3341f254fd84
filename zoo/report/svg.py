"""Drawings as SVG that take their colors and their type from the page around them.

Matplotlib draws with marker colors; each becomes a CSS variable afterwards, so that one drawing
serves a light page, a dark one and paper. The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, LINE, QUIET, STRONG, PAPER = (f"#0{i}fe0{i}" for i in range(1, 7))
PALETTE = tuple(f"#1{i}fe1{i}" for i in range(10))
"""One color a group; a page has ten that are told apart."""

_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    QUIET: "var(--quiet)",
    STRONG: "var(--accent)",
    PAPER: "var(--paper)",
    **{color: f"var(--group-{place})" for place, color in enumerate(PALETTE)},
}
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": SOFT,
    "axes.labelsize": 8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 8,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "ytick.major.size": 0,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Give an empty canvas of so many inches, in the page's style."""
    import matplotlib.style
    from matplotlib.figure import Figure

    # A person's own matplotlibrc changes nothing in a report.
    with matplotlib.style.context(["default", _STYLE]):
        yield Figure(figsize=(width, height))


def svg(figure: Figure, name: str) -> str:
    """Return the figure as an element that can stand in a page beside others."""
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        # Text stays text: the page's fonts draw it, and Matplotlib's need not know the letters.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        figure.savefig(
            stream,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    # Its style sheet would hold for the whole page.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt"', 'class="chart" aria-hidden="true"', text, count=1
    )
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"\n *", "\n", text)
    return re.sub("|".join(_VARIABLES), lambda match: _VARIABLES[match.group()], text)


__all__ = ["INK", "LINE", "PALETTE", "PAPER", "QUIET", "SOFT", "STRONG", "drawing", "svg"]
