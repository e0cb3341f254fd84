"""HTML pages inside a notebook."""

from __future__ import annotations

import html

_HEIGHT = 640


def in_notebook(page: str) -> str:
    """Return a page as a frame, whose styles stay inside of it."""
    return (
        f'<iframe srcdoc="{html.escape(page)}" style="width:100%;height:{_HEIGHT}px;border:0">'
        "</iframe>"
    )
