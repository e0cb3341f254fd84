"""Read CSV and TSV files: rows and cells, with the line of each.

Cells are separated by commas, semicolons, tabs or bars. A first line ``sep=;`` says so, as Excel
writes it; else the mark that splits the header into most cells, the comma in a tie. Lines before
the header that begin with ``#`` are comments if they have another number of cells than the header.
Blank lines do not count.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import BadRecord
from zoo.runtime.table import Cells, Encoded, Table
from zoo.runtime.table_header import (
    USUAL,
    Layout,
    like_data,
    looks_like_data,
    name_columns,
    settle_columns,
)
from zoo.runtime.text_files import LONGEST_LINE, line_fault, read_lines, read_text
from zoo.runtime.values import MISSING, is_number, parse_number

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEP = re.compile(r"sep=(.)\n", re.IGNORECASE)
_COMMENT = "#"
_ROWS = 4_096
"""Rows that are read at a time."""

_HEAD = 50
"""Rows at the beginning in which a header is looked for."""

_LEADING_ZERO = re.compile(r"(?m)^[ \t]*[+-]?0[0-9]")
_NOT_PLAIN = re.compile(r"[^0-9.eE+\-\s]")


class _Text:
    """The text of a file with cells, its header, and where its rows begin.

    ``rest`` has the further lines of a file that is too long to be read at once, ``skip`` is the
    number of lines before the header, ``known`` says that a model asks for the columns: there are
    no options then.
    """

    def __init__(
        self,
        text: str,
        file: str,
        rest: Iterable[str] = (),
        *,
        skip: int = 0,
        known: bool = False,
    ) -> None:
        self.file, self.notes, self.known, self._rest = file, list[str](), known, rest
        start = sum(len(line) for line in islice(_lines(text), skip))
        if not skip and (said := _SEP.match(text)) and said[1] in _DELIMITERS:
            start = said.end()
        begin = _after_comments(text, start)
        self.text = text
        self.delimiter = text[4] if start and not skip else _delimiter(text, begin)
        last = text.rfind("\n", start, max(begin - 1, start)) + 1 or start
        # A last line with # and as many cells as the next one is a header.
        if begin > start and self._width(last) == self._width(begin) > 1:
            begin = last
        if begin > start:
            count = text.count("\n", start, begin)
            self.notes.append(f"{count} comment line{'s' if count > 1 else ''} before the header")
        self.start = begin

    @property
    def is_streamed(self) -> bool:
        """Whether the rows are read once, as they come."""
        return self._rest != ()

    def _width(self, start: int) -> int:
        try:
            return len(next(self._reader(start), ()))
        except csv.Error:
            return 0

    def _reader(self, start: int) -> Iterator[list[str]]:
        lines = chain(_lines(self.text, start), self._rest)
        return csv.reader(lines, delimiter=self.delimiter, strict=True)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row that is not blank, and the line that it starts on.

        Raises:
            BadRecord: If a quote is not closed, or closed inside of a cell.
        """
        before = self.text.count("\n", 0, self.start)
        line = before + 1
        # Python's own limit is 131,072 characters, shorter than a long text.
        limit = csv.field_size_limit(max(csv.field_size_limit(), len(self.text), LONGEST_LINE))
        reader = self._reader(self.start)
        try:
            for cells in reader:
                if len(cells) > 1 or (cells and cells[0].strip()):
                    yield line, cells
                line = before + reader.line_num + 1  # type: ignore[attr-defined]
        except csv.Error as error:
            raise BadRecord(
                f"the row cannot be read: {error}",
                file=self.file,
                row=line,
                why="a quoted cell ends with a quote that a delimiter or the line's end follows",
            ) from error
        finally:
            csv.field_size_limit(limit)


def _lines(text: str, start: int = 0) -> Iterator[str]:
    """Yield the lines from a place on; all of them at once would take the memory twice."""
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def read_table(
    path: Path,
    text: str | None = None,
    *,
    layout: Layout = USUAL,
    known: Collection[str] = (),
) -> Table:
    r"""Read a CSV file: a header line, one mark between cells.

    Args:
        path: The file.
        text: Its text, if it was read before.
        layout: What is said of the file.
        known: Names that a header has: the first row with all of them is one.

    Raises:
        BadRecord: If the file is empty, not of its encoding, ragged, or has no valid header.

    Example:
        >>> _ = Path("points.csv").write_text("x,y\n1,2\n3,4\n")
        >>> read_table(Path("points.csv")).header
        ['x', 'y']
    """
    file = str(path)
    text = read_text(path, layout.encoding) if text is None else text
    source = _Text(text, file, skip=layout.skip, known=bool(known)) if text.strip() else None
    line, first = next(source.rows(), (1, None)) if source is not None else (1, None)
    if source is None or first is None:  # nothing, or nothing but quoted blanks
        raise BadRecord("the file is empty", file=file, fix="write a header line and the rows")
    found = [cell.strip() for cell in first]
    if not any(found):
        raise BadRecord(
            "the header has no names",
            file=file,
            row=line,
            why="its cells are empty",
            fix="write the columns' names into it, or leave the line out",
        )
    if known and not set(known) <= set(found):
        start = list(islice(source.rows(), _HEAD))
        if place := _header_place(start, known):
            layout = replace(layout, skip=start[place][0] - 1)
            return read_table(path, text, layout=layout, known=known)
    names = layout.names
    if names and len(names) != len(found):
        raise BadRecord(
            f"it has {len(found)} columns",
            file=file,
            row=line,
            why=f"{len(names)} names were given",
            fix="give one name per column",
        )
    if len(found) == 1 and layout.header is None and (skip := _title_lines(source)):
        raise BadRecord(
            "the first line has one cell, and those below have more",
            file=file,
            row=line,
            why=f"a table with another mark between the cells begins in line {skip + 1}",
            fix=f"as an option of the data: skip={skip}, or header=true if each line is one cell",
        )
    has_names = layout.header is not False and not (names and layout.header is None)
    said = names or layout.skip or (known and set(known) <= set(found))
    doubtful = layout.header is None and not said
    if doubtful and any(count > 1 and is_number(name) for name, count in Counter(found).items()):
        raise like_data(found, file, line, known)
    called = list(names) or (found if has_names else [f"x{at}" for at in range(len(found))])
    called, made_up = name_columns(called, file, line)
    columns = _read_columns(source, called, int(has_names))
    if not columns:
        raise BadRecord(
            "the file has a header and no rows",
            file=file,
            why="there is nothing to read",
            fix="write a row below the header",
        )
    if doubtful and looks_like_data(found, columns):
        raise like_data(found, file, line, known)
    notes = list(source.notes)
    if layout.skip:
        notes.append(f"{layout.skip} lines before the header")
    if not has_names:
        notes.append(f"no header: the columns are called {', '.join(called)}")
    columns, more = settle_columns(columns, made_up)
    lines = partial(_row_lines, source, int(has_names))
    return Table(file, columns, (*notes, *more), _lines=lines)


def _header_place(rows: Sequence[tuple[int, list[str]]], known: Collection[str]) -> int:
    """Return the position of the first row with all of these names, below lines that are no rows.

    It is 0 if there is none, or if a row above it is as wide: that would be left out unseen.
    """
    widths = set()
    for place, (_, row) in enumerate(rows):
        if set(known) <= {one.strip() for one in row}:
            return 0 if len(row) in widths else place
        widths.add(len(row))
    return 0


def _row_lines(source: _Text, skip: int) -> list[int]:
    return [line for line, _ in islice(source.rows(), skip, None)]


def _read_columns(source: _Text, header: Sequence[str], skip: int) -> dict[str, Cells]:
    """Return the cells by column; nothing if there are no rows."""
    from zoo.runtime.arrow import read_cells

    found = read_cells(source.text, source.start, source.delimiter, header, skip)
    if found is not None:
        return found
    rows = islice(source.rows(), skip, None)
    builders = [_Column(source, at, skip) for at in range(len(header))]
    while block := list(islice(rows, _ROWS)):
        for line, cells in block:
            if len(cells) != len(header):
                raise _ragged(source, line, cells, len(header))
        columns = zip(*(row for _, row in block), strict=True)
        for builder, found_cells in zip(builders, columns, strict=True):
            builder.add(found_cells)
    if not builders or not builders[0].blocks:
        return {}
    return {name: builder.cells() for name, builder in zip(header, builders, strict=True)}


def _ragged(source: _Text, line: int, cells: Sequence[str], count: int) -> BadRecord:
    fix = "complete the row, or put quotes around a cell that holds the delimiter"
    if len(cells) > count and (skip := _lines_before(source)):
        fix = f"if the header is in line {skip + 1}, as an option of the data: skip={skip}"
    return BadRecord(
        f"the row has {len(cells)} cell{'s' if len(cells) != 1 else ''}, the header has {count}",
        file=source.file,
        row=line,
        why=f"every row has one cell per column, with {_DELIMITERS[source.delimiter]} between them",
        fix=fix,
    )


def _lines_before(source: _Text) -> int | None:
    """Return the number of lines before the first row that is as wide as most of them."""
    if source.known or source.is_streamed:
        return None  # there are no options, or its rows are read once
    try:
        rows = list(islice(source.rows(), _HEAD))
    except BadRecord:
        return None
    widths = Counter(len(cells) for _, cells in rows)
    width, count = widths.most_common(1)[0]
    return next(line for line, cells in rows if len(cells) == width) - 1 if count > 2 else None


def _title_lines(source: _Text) -> int | None:
    """Return the number of lines before a table whose mark the first line does not have."""
    if source.known:
        return None
    place = source.text.count("\n", 0, source.start)
    lines = list(islice(_lines(source.text, source.start), _HEAD))
    for mark in set(_DELIMITERS) - {source.delimiter}:  # rows of its own mark are too long
        try:
            widths = [len(next(csv.reader([line], delimiter=mark), ())) for line in lines]
        except csv.Error:
            continue
        first = next((at for at, width in enumerate(widths) if width > 1), 0)
        rows = [width for width in widths[first:] if width]
        if first and len(rows) > 2 and len(set(rows)) == 1:
            return place + first
    return None


def stream_rows(
    lines: Iterator[str], file: str, known: Collection[str] = ()
) -> Iterator[tuple[int, list[str] | BadRecord]]:
    """Yield the header and the rows of a CSV file that may be longer than the memory.

    Args:
        lines: The lines, as :func:`zoo.runtime.text_files.stream_lines` yields them.
        file: Name of the file, for errors.
        known: As for :func:`read_table`.

    Yields:
        The line that a row starts on, and its stripped cells, or what is wrong with it alone.

    Raises:
        BadRecord: If there is no valid header, or a quote is not closed.
    """
    head = ""
    for one in lines:  # up to the header, which decides on the delimiter
        head += one
        if one.strip() and not one.startswith(_COMMENT):
            break
    source = _Text(head, file, lines)
    rows = source.rows()
    line, first = next(rows, (1, None))
    if first is None:
        raise BadRecord("the file is empty", file=file, fix="write a header line and the rows")
    if not set(known) <= {cell.strip() for cell in first}:
        start = [(line, first), *islice(rows, _HEAD)]
        place = _header_place(start, known)
        (line, first), rows = start[place], chain(start[place + 1 :], rows)
    found = [cell.strip() for cell in first]
    if fault := line_fault("".join(found), file, line):
        raise fault
    header, _ = name_columns(found, file, line)
    yield line, header
    blank: list[tuple[int, list[str]]] = []
    for line, cells in rows:
        fault = line_fault("".join(cells), file, line)
        if fault is None and len(cells) != len(header):
            fault = _ragged(source, line, cells, len(header))
        stripped = [cell.strip() for cell in cells]
        if fault is None and not any(stripped):
            blank.append((line, stripped))  # only those at the end do not count
            continue
        yield from blank
        blank.clear()
        yield line, fault or stripped


class _Column:
    """A column that is read block by block: as numbers as long as all cells are numbers."""

    def __init__(self, source: _Text, place: int, skip: int) -> None:
        self._source, self._place, self._skip = source, place, skip
        self.blocks: list[npt.NDArray[Any]] = []
        self._index: dict[str, int] | None = None
        self._again = False

    def add(self, cells: Sequence[str]) -> None:
        """Add the cells of a block."""
        if self._again:
            return
        if self._index is None:
            numbers = _plain_numbers(cells)
            if numbers is not None:
                self.blocks.append(numbers)
                return
            self._again = bool(self.blocks)  # the texts of these numbers are gone
            self._index = {}
        if not self._again:
            self.blocks.append(self._codes(cells))

    def cells(self) -> Cells:
        """Return the column."""
        if self._index is None:
            return Cells(self._read_texts, np.concatenate(self.blocks))
        if self._again:
            return Cells(self._read_texts)
        encoded = np.concatenate(self.blocks), list(self._index)
        return Cells(lambda: encoded)

    def _codes(self, cells: Iterable[str]) -> npt.NDArray[np.int64]:
        index = self._index = self._index or {}
        found = [index.setdefault(cell.strip(), len(index)) for cell in cells]
        return np.array(found, np.int64)

    def _read_texts(self) -> Encoded:
        """Read the file again, for the texts of this column."""
        self._index = {}
        rows = islice(self._source.rows(), self._skip, None)
        codes = self._codes(cells[self._place] for _, cells in rows)
        return codes, list(self._index)


def _plain_numbers(cells: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Return the numbers of a block, NaN where one is missing; ``None`` if one is text."""
    try:
        numbers = list(map(float, cells))
        present: Sequence[str] = cells
    except ValueError:
        present = [cell for cell in cells if cell.strip().lower() not in MISSING]
        try:
            known = iter([float(cell) for cell in present])
        except ValueError:
            return None
        numbers = [math.nan if cell.strip().lower() in MISSING else next(known) for cell in cells]
    text = "\n".join(present)
    # What float() takes and the rules do not: 1_000, infinity, other scripts, 007.
    doubtful = _NOT_PLAIN.search(text) or _LEADING_ZERO.search(text)
    if doubtful and any(parse_number(cell.strip()) is None for cell in present):
        return None
    values = np.array(numbers, np.float64)
    return None if np.isinf(values).any() else values


def read_text_table(path: Path, layout: Layout = USUAL) -> Table:
    """Read a table that has a column of text.

    In a ``.tsv`` file whose lines all have as many tabs as the first, quotes are part of the text;
    in other files they enclose cells.

    Raises:
        BadRecord: As :func:`read_table`.
    """
    read = partial(read_table, path, layout=layout)
    if path.suffix.lower() != ".tsv" or layout.header is False or layout.names or layout.skip:
        return read()
    lines = read_lines(path, layout.encoding)
    called = [name.strip() for name in lines[0][1].split("\t")]
    rows = [[_unquoted(cell.strip()) for cell in line.split("\t")] for _, line in lines[1:]]
    clear = len(set(called)) == len(called) > 1 and all(called) and rows
    if not clear or any(len(row) != len(called) for row in rows):
        return read()
    columns = {
        name: Cells.of(cells) for name, cells in zip(called, zip(*rows, strict=True), strict=True)
    }
    return Table(str(path), columns, _lines=lambda: [number for number, _ in lines[1:]])


def _unquoted(cell: str) -> str:
    """Remove quotes around a cell, if they enclose all of it."""
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _after_comments(text: str, start: int) -> int:
    """Return where the first line begins that is not blank and no comment; the start if none."""
    place = start
    for line in _lines(text, start):
        if line.strip() and not line.startswith(_COMMENT):
            return place if text.startswith(_COMMENT, start) else start
        place += len(line)
    return start


def _delimiter(text: str, start: int) -> str:
    first = re.compile(r"\S").search(text, start)
    begin = text.rfind("\n", start, first.start()) + 1 or start if first else start

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader(_lines(text, begin), delimiter=delimiter), ()))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=cells)
