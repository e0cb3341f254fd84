"""A CSV file as text: rows and cells, checked one by one, before anything is made of them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import BadRecord
from zoo.files import read_regular

MISSING = frozenset({"", "?", "n/a", "na", "nan", "null"})
"""Cells, in lower case, that stand for a value that is not there."""

_WITH_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DELIMITERS = ",;\t"


def is_missing(cell: str) -> bool:
    """Return whether a cell, blanks removed, stands for a value that is not there."""
    return cell.lower() in MISSING


def is_number(cell: str) -> bool:
    """Return whether a cell, blanks removed, is a decimal number: ``-1.5``, ``.5``, ``3e8``."""
    return _NUMBER.fullmatch(cell) is not None


def has_decimal_comma(cell: str) -> bool:
    """Return whether a cell is a number as it is written with a comma: ``1,5``."""
    return _WITH_COMMA.fullmatch(cell) is not None


@dataclass(frozen=True)
class Table:
    """The cells of a file, blanks around them removed.

    Attributes:
        file: Its path, for errors.
        header: The columns' names.
        rows: One list of cells a row, as long as the header.
        lines: The line of the file on which each row starts, counted from 1.
    """

    file: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """Return the cells of one column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]

    def bad(
        self, what: str, row: int | None = None, column: str | None = None, **more: str
    ) -> BadRecord:
        """Make an error about a cell, a row or a column; rows are counted from 0 here."""
        line = None if row is None else self.lines[row]
        return BadRecord(what, file=self.file, row=line, column=column, **more)


def read_table(path: Path, text: str | None = None) -> Table:
    """Read a CSV file: UTF-8, a header line, one of comma, semicolon or tab between cells.

    The delimiter is the one that divides the header into most cells; the comma wins a tie.
    Blank lines do not count.

    Args:
        path: The file.
        text: What it says, where that was decoded already: from another encoding than UTF-8.

    Raises:
        BadRecord: If the file is empty, not UTF-8, ragged, or its header is missing or not clear.
    """
    text = _decode(path) if text is None else text
    empty = BadRecord("the file is empty", file=str(path), fix="write a header line and the rows")
    if not text.strip():
        raise empty
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    # Python's own limit, 131,072 characters, is shorter than a long text.
    limit = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if len(stripped) > 1 or any(stripped):
                rows.append(stripped)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadRecord(
            f"the row cannot be read: {error}",
            file=str(path),
            row=start,
            why="a quoted cell ends with a quote that a delimiter or the line's end follows",
        ) from error
    finally:
        csv.field_size_limit(limit)
    if not rows:  # nothing but quoted blanks
        raise empty
    header = rows.pop(0)
    _check_header(header, str(path), lines.pop(0))
    table = Table(str(path), header, rows, lines)
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise table.bad(
                f"the row has {len(row)} cell{'s' if len(row) != 1 else ''}, "
                f"the header has {len(header)}",
                number,
                why=f"every row has one cell a column, with {_name(delimiter)} between them",
                fix="complete the row, or put quotes around a cell that holds the delimiter",
            )
    if not rows:
        raise BadRecord(
            "the file has a header and no rows",
            file=str(path),
            why="there is nothing to read",
            fix="write a row below the header",
        )
    return table


def _decode(path: Path) -> str:
    try:
        data = read_regular(path)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadRecord(
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            file=str(path),
            row=line,
            why="a guess at the encoding would change names in silence",
            fix=f"iconv -f {_likely(data)} -t utf-8 {path.name} > utf8-{path.name}   (if it is "
            f"{_likely(data)})",
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadRecord(
            "the line holds a zero byte", file=str(path), row=line, why="this is no text file"
        )
    return text


def _likely(data: bytes) -> str:
    return "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin1"


def _delimiter(text: str) -> str:
    first = next(line for line in text.splitlines() if line.strip())

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([first], delimiter=delimiter)))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=cells)


def _name(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs"}[delimiter]


def _check_header(header: list[str], file: str, line: int) -> None:
    for place, name in enumerate(header):
        if not name:
            raise BadRecord(
                f"column {place + 1} has no name",
                file=file,
                row=line,
                why="columns are asked for by their names",
                fix="name it in the header line",
            )
        if name in header[:place]:
            raise BadRecord(
                f"two columns are called {name!r}",
                file=file,
                row=line,
                column=name,
                why="columns are asked for by their names",
                fix="rename one of them in the header line",
            )
    if all(_is_number(name) for name in header):
        raise BadRecord(
            "the first line is all numbers: it looks like data, not like a header",
            file=file,
            row=line,
            fix="add a line with the columns' names at the top",
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


__all__ = ["MISSING", "Table", "has_decimal_comma", "is_missing", "is_number", "read_table"]
