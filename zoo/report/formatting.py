"""Format numbers, durations, configuration values and pages for people."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
"""Folder of the page of a run and of the style sheet."""

THIN = "\u202f"
"""Narrow no-break space."""


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.{digits}f}{THIN}%"


def decimal(value: float) -> str:
    """Return a number with three significant digits, without an exponent where possible."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e7:
        return f"{value:.2e}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def whole(count: float) -> str:
    """Return a count with thousands separators."""
    return f"{count:,.0f}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count and its noun."""
    return f"{whole(count)} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds}{THIN}s"
    if seconds < 3600:
        return f"{seconds // 60}{THIN}min {seconds % 60}{THIN}s"
    return f"{seconds // 3600}{THIN}h {seconds % 3600 // 60}{THIN}min"


def plain(value: Any) -> str:
    """Return a configuration value as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value) or "none"
    return str(value)


@functools.cache
def page_environment(templates: Path = TEMPLATES) -> jinja2.Environment:
    """Return the jinja2 environment of HTML pages: escaped, with style sheet and number formats.

    Args:
        templates: Folder of the templates.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["css"] = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    environment.filters.update(percent=percent, decimal=decimal, whole=whole, plural=plural)
    return environment
