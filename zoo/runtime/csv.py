"""Read CSV and TSV files: rows and cells as text, with the line of each."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import BadRecord
from zoo.runtime.text_files import read_lines, read_text

MISSING = frozenset({"", "?", "n/a", "na", "nan", "null"})
"""Cells, in lower case, that stand for a missing value."""

_WITH_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def is_missing(cell: str) -> bool:
    """Return whether a stripped cell stands for a missing value."""
    return cell.lower() in MISSING


def is_number(cell: str) -> bool:
    """Return whether a stripped cell is a decimal number: ``-1.5``, ``.5``, ``3e8``."""
    return _NUMBER.fullmatch(cell) is not None


def has_decimal_comma(cell: str) -> bool:
    """Return whether a cell is a number with a decimal comma: ``1,5``."""
    return _WITH_COMMA.fullmatch(cell) is not None


@dataclass(frozen=True)
class Table:
    """Stripped cells of a file.

    Attributes:
        file: Path of the file, for errors.
        header: Names of the columns.
        rows: One list of cells per row, as long as the header.
        lines: Line of the file on which each row starts, counted from 1.
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
        """Return an error about a cell, a row or a column; ``row`` counts from 0."""
        line = None if row is None else self.lines[row]
        return BadRecord(what, file=self.file, row=line, column=column, **more)


def read_table(path: Path, text: str | None = None) -> Table:
    r"""Read a CSV file: UTF-8, a header line, one of comma, semicolon or tab between cells.

    The delimiter is the one that splits the header into most cells; the comma wins a tie.
    Blank lines do not count.

    Args:
        path: The file.
        text: Its text, if it was decoded from another encoding than UTF-8.

    Raises:
        BadRecord: If the file is empty, not UTF-8, ragged, or has no valid header.

    Example:
        >>> _ = Path("points.csv").write_text("x,y\n1,2\n3,4\n")
        >>> read_table(Path("points.csv")).header
        ['x', 'y']
    """
    text = read_text(path) if text is None else text
    empty = BadRecord("the file is empty", file=str(path), fix="write a header line and the rows")
    if not text.strip():
        raise empty
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    # Python's own limit is 131,072 characters, shorter than a long text.
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
            between = _DELIMITERS[delimiter]
            raise table.bad(
                f"the row has {len(row)} cell{'s' if len(row) != 1 else ''}, "
                f"the header has {len(header)}",
                number,
                why=f"every row has one cell per column, with {between} between them",
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


def read_text_table(path: Path, encoding: str | None = None) -> Table:
    """Read a table that has a column of text.

    In a ``.tsv`` file whose lines all have as many tabs as the first, quotes are part of the text;
    in other files they enclose cells.

    Raises:
        BadRecord: As :func:`read_table`.
    """
    if path.suffix.lower() != ".tsv":
        return read_table(path, read_text(path, encoding))
    lines = read_lines(path, encoding)
    header = [name.strip() for name in lines[0][1].split("\t")]
    rows = [[_unquoted(cell.strip()) for cell in line.split("\t")] for _, line in lines[1:]]
    clear = len(set(header)) == len(header) > 1 and all(header) and rows
    if not clear or any(len(row) != len(header) for row in rows):
        return read_table(path, read_text(path, encoding))
    return Table(str(path), header, rows, [number for number, _ in lines[1:]])


def _unquoted(cell: str) -> str:
    """Remove quotes around a cell, if they enclose all of it."""
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _delimiter(text: str) -> str:
    first = next(line for line in text.splitlines() if line.strip())

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([first], delimiter=delimiter)))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=cells)


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
    if all(map(is_number, header)):
        raise BadRecord(
            "the first line is all numbers: it looks like data, not like a header",
            file=file,
            row=line,
            fix="add a line with the columns' names at the top",
        )
