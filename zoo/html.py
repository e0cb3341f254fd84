"""Small tables in HTML, for the objects that a notebook shows.

They contain no script, load nothing, and inherit the colors and the font of the notebook, light or
dark.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_STYLE = (
    ".zoo-object{color-scheme:light dark;max-width:72em;overflow-x:auto}"
    ".zoo-object table{border-collapse:collapse;margin:.4em 0;color:inherit;background:none}"
    ".zoo-object tr{background:none!important}"
    ".zoo-object th,.zoo-object td{padding:.15em .8em .15em 0;border:0;text-align:left;"
    "vertical-align:top;color:inherit;border-bottom:1px solid rgba(128,128,128,.35);"
    "overflow-wrap:break-word}"
    ".zoo-object th{font-weight:600;opacity:.75}"
    ".zoo-object td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".zoo-object img{image-rendering:pixelated;width:3em;height:3em;object-fit:contain}"
)


class Html(str):
    """Text that is HTML already; any other text is escaped."""

    __slots__ = ()


def box(title: str, *parts: str) -> str:
    """Return a title and the parts below it, with the style of all.

    Args:
        title: Plain text.
        *parts: Plain text becomes a paragraph; an empty one is left out.

    Example:
        >>> box("digits", "A <small> dataset.")[-44:]
        '<p>A &lt;small&gt; dataset.</p></div>'
    """
    inside = "".join(
        part if isinstance(part, Html) else f"<p>{escape(part)}</p>" for part in parts if part
    )
    return (
        f'<div class="zoo-object"><style>{_STYLE}</style>'
        f"<strong>{escape(title)}</strong>{inside}</div>"
    )


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Return a table of names and values, without empty values."""
    known = [(name, value) for name, value in pairs if value not in (None, "", (), [])]
    rows = "".join(f"<tr><th>{escape(name)}</th>{_cell(value, '')}</tr>" for name, value in known)
    return Html(f"<table>{rows}</table>" if rows else "")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return rows under a header; columns of numbers are right-aligned.

    Args:
        header: The names of the columns.
        rows: One value per column; ``None`` is left blank.
    """
    cells = [list(row) for row in rows]
    if not cells:
        return Html()
    right = [
        all(isinstance(row[at], int | float) or row[at] is None for row in cells)
        for at in range(len(header))
    ]
    kinds = [' class="n"' if is_right else "" for is_right in right]
    head = "".join(
        f"<th{kind}>{escape(name)}</th>" for name, kind in zip(header, kinds, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True))}</tr>"
        for row in cells
    )
    return Html(f"<table><tr>{head}</tr>{body}</table>")


def folded(summary: str, *parts: Html) -> Html:
    """Return parts that are shown once their summary is clicked; nothing without parts."""
    inside = "".join(parts)
    return Html(
        f"<details><summary>{escape(summary)}</summary>{inside}</details>" if inside else ""
    )


def image(png: str, alt: str) -> Html:
    """Return an image of base64 text of a PNG."""
    return Html(f'<img src="data:image/png;base64,{escape(png)}" alt="{escape(alt)}">')


def escape(text: object) -> str:
    """Return a value as text without markup; numbers with four digits, thousands separated."""
    if isinstance(text, Html):
        return text
    if isinstance(text, int) and not isinstance(text, bool):
        return f"{text:,}"
    if isinstance(text, float):
        return f"{text:.4g}" if abs(text) < 10_000 else f"{text:,.0f}"
    return html.escape("" if text is None else str(text))


def _cell(value: object, kind: str) -> str:
    lines = value if isinstance(value, list | tuple) else (value,)
    return f"<td{kind}>{'<br>'.join(map(escape, lines))}</td>"
