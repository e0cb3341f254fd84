"""What goes to the terminal: results on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import IO, Any
from unicodedata import category, east_asian_width

REPLACED = "\ufffd"
"""What a sign becomes that no terminal should get."""

_STYLES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def emit(text: str = "") -> None:
    """Print a result."""
    print(text)


def emit_json(value: Any, *, file: IO[str] | None = None) -> None:
    """Print a value as JSON that any reader takes: no NaN, sorted as given, UTF-8."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    print(text, file=file or sys.stdout)


def note(text: str) -> None:
    """Tell a person something that is not the result."""
    print(text, file=sys.stderr)


def plain(value: Any) -> Any:
    """Return a value as JSON's types.

    Records become objects, arrays lists, paths text; a number that is not finite becomes null,
    because JSON has no word for it.
    """
    value = _unwrapped(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def _unwrapped(value: Any) -> Any:
    """Return the plain data inside a record, an array or an enumeration; else the value."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    for method in ("as_dict", "as_dicts", "model_dump", "tolist"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.repr]
        return {name: getattr(value, name) for name in fields}
    return value


def paint(text: str, style: str, *, stream: IO[str] | None = None) -> str:
    """Return text in a color, if the stream (standard error) is a terminal that wants it."""
    stream = stream or sys.stderr
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, fold: bool = False) -> str:
    """Return rows under a header, in columns; numbers to the right.

    On a terminal the last column is cut where the line would wrap, or moved below its row if
    ``fold`` says so; into a pipe it is whole.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    numeric = [
        bool(cells) and all(_is_number(row[at]) for row in cells) for at in range(len(header))
    ]
    lines = [list(header), *cells]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(header))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if fold and room is not None and sum(widths) + 2 * len(widths) > room:
        return "\n".join(
            f"{_line(line[:-1], widths[:-1], numeric[:-1], room)}\n"
            f"{textwrap.fill(line[-1], room, initial_indent='    ', subsequent_indent='    ')}"
            for line in lines
        )
    return "\n".join(_line(line, widths, numeric, room) for line in lines)


def _line(
    cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], room: int | None
) -> str:
    text = "  ".join(
        " " * (width - _width(cell)) + cell if right else cell + " " * (width - _width(cell))
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ).rstrip()
    return text if room is None else shortened(text, room)


def printable(text: str) -> str:
    """Return text on one line, without the signs that steer a terminal: it may be a stranger's."""
    text = " ".join(text.splitlines()) if not text.isprintable() else text
    return "".join(REPLACED if category(sign) in ("Cc", "Cs") else sign for sign in text)


def shortened(text: str, room: int) -> str:
    """Return text, or its beginning where it needs more columns of a terminal than there are."""
    if _width(text) <= room:
        return text
    taken = 0
    for place, sign in enumerate(text):
        taken += _width(sign)
        if taken > room - 1:
            return text[:place] + "…"
    return text


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(sign) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(sign) in "WF")
        for sign in text
    )


def _is_number(text: str) -> bool:
    return not text or text.replace(",", "").replace(".", "").lstrip("-").isdigit()


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Return names and values in two columns; a value of several lines stays in its column."""
    known = [(name, str(value)) for name, value in pairs if value not in (None, "", (), [])]
    width = max((len(name) for name, _ in known), default=0)
    gap = "\n" + " " * (width + 2)
    return "\n".join(name.ljust(width) + "  " + gap.join(text.splitlines()) for name, text in known)


def size(count: int) -> str:
    """Return a number of bytes as a person says it."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


__all__ = [
    "emit",
    "emit_json",
    "facts",
    "note",
    "paint",
    "plain",
    "printable",
    "shortened",
    "size",
    "table",
]
