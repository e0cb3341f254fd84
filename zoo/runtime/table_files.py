"""Read tables of other formats: Parquet and Arrow files by pyarrow, Excel files by openpyxl."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from zoo.errors import BadRecord, MissingExtra
from zoo.files import open_regular, read_regular
from zoo.runtime.csv import read_table
from zoo.runtime.inputs import TABLES, TEXT_TABLES
from zoo.runtime.table import Cells, Table
from zoo.runtime.table_header import USUAL, Layout, name_columns, settle_columns

_ROWS = 4_096
"""Rows of a Parquet file that are unpacked at a time."""


def read_file(
    path: Path,
    layout: Layout = USUAL,
    *,
    known: Collection[str] = (),
) -> Table:
    """Read a table from a file; its suffix decides how.

    Args:
        path: The file.
        layout: What is said of a text file; other formats say it themselves.
        known: As for :func:`zoo.runtime.csv.read_table`.

    Raises:
        BadRecord: If the file cannot be read, or is no such table.
        MissingExtra: If the library that reads it is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in TEXT_TABLES or suffix not in TABLES:
        return read_table(path, layout=layout, known=known)
    try:
        data = io.BytesIO(read_regular(path))
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    read = _read_excel if suffix == ".xlsx" else _read_arrow
    try:
        columns, notes = read(data, suffix)
    except ImportError as error:
        raise MissingExtra(f"a {suffix} file", "tables") from error
    except Exception as error:  # both libraries raise many types on damaged files
        raise BadRecord(
            f"it is not a readable {suffix} file",
            file=str(path),
            why=" ".join(str(error).split())[:300],
            fix="write it again, or save it as .csv",
        ) from error
    if not columns or not len(next(iter(columns.values()))):
        raise BadRecord("the file has no rows", file=str(path), why="there is nothing to read")
    return Table(str(path), columns, notes)


def stream_rows(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the header (-1) and the numbered rows of a file that :func:`read_file` reads.

    Of a Parquet file a few rows at a time are in memory; files of other formats are read whole.

    Raises:
        BadRecord: As above.
        MissingExtra: As above.
    """
    if path.suffix.lower() != ".parquet":
        table = read_file(path)
        yield -1, table.header
        yield from enumerate(zip(*table.columns.values(), strict=True))
        return
    try:
        from pyarrow import parquet

        with open_regular(path) as stream:
            file = parquet.ParquetFile(stream, pre_buffer=False)
            yield -1, file.schema_arrow.names
            batches = (batch.columns for batch in file.iter_batches(_ROWS))
            rows = (zip(*(one.to_pylist() for one in batch), strict=True) for batch in batches)
            yield from enumerate(chain.from_iterable(rows))
    except ImportError as error:
        raise MissingExtra("a .parquet file", "tables") from error
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        raise BadRecord(
            "it is not a readable .parquet file", file=str(path), why=str(error)
        ) from error


def _read_arrow(data: io.BytesIO, suffix: str) -> tuple[dict[str, Cells], tuple[str, ...]]:
    if suffix == ".parquet":
        from pyarrow import parquet

        table = parquet.read_table(data)
    else:
        from pyarrow import feather

        table = feather.read_table(data)
    if len(set(table.column_names)) < len(table.column_names):
        raise ValueError("two of its columns have one name")
    found = zip(table.column_names, table.columns, strict=True)
    return {name: _arrow_cells(column) for name, column in found}, ()


def _arrow_cells(column: Any) -> Cells:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and not column.null_count):
        return Cells.of(column.to_numpy())
    return Cells.of(column.to_pylist())


def _read_excel(data: io.BytesIO, suffix: str) -> tuple[dict[str, Cells], tuple[str, ...]]:
    del suffix
    import openpyxl

    book = openpyxl.load_workbook(data, read_only=True, data_only=True)
    sheet = book.worksheets[0]
    rows = [row for row in sheet.iter_rows(values_only=True) if any(c is not None for c in row)]
    if not rows:
        return {}, ()
    found = ["" if cell is None else str(cell).strip() for cell in rows[0]]
    if len(set(filter(None, found))) < len(found) - found.count(""):
        raise ValueError("two columns have one name in the first row")
    names, made_up = name_columns(found, "", 1)
    columns = {
        name: Cells.of(cells)
        for name, cells in zip(names, zip(*rows[1:], strict=True), strict=False)
    }
    others = len(book.worksheets) - 1
    columns, notes = settle_columns(columns, made_up) if rows[1:] else (columns, [])
    if others:
        notes.append(f"the first sheet, {sheet.title!r}; {others} more are not read")
    return columns, tuple(notes)
