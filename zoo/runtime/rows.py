"""Read the rows of folders, files and streams of any size, block by block.

What a row is follows from what the model takes: an image file, a row of a table, a line of text, an
example of a ``.npy`` or ``.npz`` file, or, for a forecast, the file of a whole series.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import BadRecord, ConfigError, DataError, Finding
from zoo.files import exists, is_folder, open_regular
from zoo.runtime import csv, table_files
from zoo.runtime.image_formats import SUFFIXES as IMAGES
from zoo.runtime.inputs import TABLES, TEXT_TABLES, encode
from zoo.runtime.table import Cells, Table, is_frame, read_frame
from zoo.runtime.text_files import line_fault, stream_lines
from zoo.runtime.text_inputs import Texts, text_column
from zoo.spec import TensorSpec

FORMATS = ("csv", "jsonl", "lines")
"""Formats of a stream: a table with a header, a JSON object per line, a text or a path per line."""

_LINES = {
    **dict.fromkeys(TEXT_TABLES, "csv"),
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "lines",
}
_ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class Row:
    """One row of the input.

    Attributes:
        name: What names it in the output: ``file``, ``row`` (from 0), and the column of ids.
        value: Cells by column, a text, a path, an array by input, or a value in memory.
        file: The file that it is a row of; empty for an image, and for values in memory.
        line: Its line in that file, from 1; its position for values in memory.
        fault: What is wrong with it alone.
    """

    name: dict[str, Any]
    value: Any
    file: str = ""
    line: int = 0
    fault: DataError | None = None


class RowReader:
    """Reader of rows for one model.

    Args:
        specs: Specs of the model's inputs.
        id_column: A column of the input that is copied to the output.
        input_format: Format of a stream; by default CSV for a table (JSON lines if it begins with a
            brace), and lines for anything else.

    Raises:
        ConfigError: If there is no such format, or the model reads nothing that has such a column.
    """

    def __init__(
        self, specs: Sequence[TensorSpec], id_column: str | None, input_format: str | None
    ) -> None:
        self._specs, self._format = specs, input_format
        self._ids = [] if id_column is None else [id_column]
        self._text = specs[0] if len(specs) == 1 and specs[0].text else None
        self._image = len(specs) == 1 and specs[0].is_image
        self._series = any(spec.series for spec in specs)
        self._columns = [column.name for spec in specs for column in spec.columns or ()]
        self._table = not self._series and all(spec.columns for spec in specs)
        wrong = []
        if input_format not in (None, *FORMATS):
            wrong.append(Finding("input_format", input_format, f"one of {', '.join(FORMATS)}"))
        if self._ids and not (self._table or self._text):
            wrong.append(Finding("id_column", id_column, "none: the model reads no tables"))
        if wrong:
            raise ConfigError("the input cannot be read like this", findings=wrong)

    def blocks(self, source: Any, size: int) -> Iterator[list[Row]]:
        """Yield the rows in blocks of at most ``size``; rows of two tables are never in one.

        Args:
            source: Paths of files and folders, an open binary file, or an iterable of values.
            size: Rows of a block.

        Raises:
            DataError: If a file cannot be read at all. A wrong row is yielded with its fault.
        """
        block: list[Row] = []
        for row in self._rows(source):
            if block and (len(block) == size or self._series or row.file != block[0].file):
                yield block
                block = []
            block.append(row)
        if block:
            yield block

    def values(self, rows: Sequence[Row]) -> Any:
        """Return the values of a block as what a model takes."""
        first, lines = rows[0], [row.line for row in rows]
        if self._table:
            columns = {name: Cells.of([row.value[name] for row in rows]) for name in self._columns}
            return Table(first.file, columns, noun="record", _lines=lambda: lines)
        if isinstance(first.value, Mapping):
            return {name: np.stack([row.value[name] for row in rows]) for name in first.value}
        values = [row.value for row in rows]
        if self._text and isinstance(first.value, str):
            return Texts(values, first.file, tuple(lines))
        return first.value if self._series else values

    def fault(self, row: Row) -> DataError | None:
        """Return what is wrong with a row alone, with its place; ``None`` if nothing is."""
        if row.fault is not None:
            return row.fault
        try:
            encode(self.values([row]), self._specs)
        except DataError as error:
            if isinstance(error, BadRecord) or self._table:
                return error
            place = f"{row.file}, line {row.line}" if row.file else f"row {row.line}"
            return DataError(f"{place}: {error.what}", why=error.why, fix=error.fix)
        return None

    def _rows(self, source: Any) -> Iterator[Row]:
        if is_frame(source):
            table = read_frame(source)
            rows = enumerate(zip(*table.columns.values(), strict=True))
            yield from self._cells(chain([(-1, table.header)], rows), "", {})
            return
        if isinstance(source, io.TextIOBase) or not isinstance(
            source, Iterable | str | os.PathLike
        ):
            raise DataError(
                f"these are no rows. Received: {source!r:.80}",
                why="expected paths, a frame, an iterable of values, or a file that is open in "
                "binary mode",
            )
        if hasattr(source, "readline"):
            yield from self._text_rows(source, self._format, "standard input", {})
            return
        paths = [source] if isinstance(source, str | os.PathLike) else source
        if not isinstance(paths, list | tuple) or not all(
            isinstance(one, str | os.PathLike) for one in paths
        ):
            for number, value in enumerate(paths):
                record = isinstance(value, Mapping) and bool(self._table or self._text)
                yield (self._record if record else Row)({"row": number}, value, "", number)
            return
        several = len(paths) > 1
        for one in paths:
            path = Path(one)
            if not is_folder(path):
                yield from self._file(path, {"file": str(one)} if several else {})
            else:
                for file in _files(path, self._suffixes()):
                    name = file.relative_to(path).as_posix()
                    yield from self._file(file, {"file": f"{one}/{name}" if several else name})

    def _suffixes(self) -> tuple[str, ...]:
        """Return the endings of the files that are read."""
        if self._image:
            return IMAGES
        if self._table or self._text:
            lines = [suffix for suffix in _LINES if self._text or suffix != ".txt"]
            return tuple(dict.fromkeys((*TABLES, *lines)))
        return TABLES if self._series else _ARRAYS

    def _file(self, path: Path, name: dict[str, Any]) -> Iterator[Row]:
        suffix, file = path.suffix.lower(), str(path)
        if not exists(path):
            raise BadRecord("the file does not exist", file=file, fix="give one that exists")
        if suffix in _ARRAYS:
            arrays = encode(path, self._specs)
            for number in range(len(next(iter(arrays.values())))):
                value = {key: array[number] for key, array in arrays.items()}
                where = {**name, "row": number}
                if self._image and name:  # beside image files, which have no rows
                    where = {"file": f"{name['file']}[{number}]"}
                yield Row(where, value, file, number)
        elif self._series or (self._image and suffix not in (*TABLES, *_LINES)):
            yield Row(name or {"file": file}, path)
        elif suffix not in self._suffixes():
            known = ", ".join((*self._suffixes(), *_ARRAYS))
            raise BadRecord("the model takes no such file", file=file, why=f"it takes {known}")
        elif suffix not in _LINES:
            yield from self._cells(table_files.stream_rows(path), file, name)
        else:
            try:
                stream = open_regular(path)
            except OSError as error:
                what = f"cannot be read: {error.strerror or error}"
                raise BadRecord(what, file=file) from error
            with stream:
                yield from self._text_rows(stream, _LINES[suffix], file, name)

    def _text_rows(
        self, stream: Any, form: str | None, file: str, name: dict[str, Any]
    ) -> Iterator[Row]:
        """Yield the rows of an open text file in one of :data:`FORMATS`."""
        lines = stream_lines(stream, file)
        if form is None:
            first = next(lines, "")
            lines = chain([first], lines)
            table = "jsonl" if first.lstrip().startswith("{") else "csv"  # no header begins so
            form = table if self._table else "lines"
        if form == "csv":
            known = () if self._text else self._columns
            yield from self._cells(csv.stream_rows(lines, file, known), file, name)
            return
        if self._series or not (form == "jsonl" or self._text or self._image):
            raise DataError(
                f"{file}: the model takes no lines of text",
                why="it takes the rows of a table, arrays, or a whole series",
                fix="give a file of those, or --input-format csv for a table",
            )
        present = ((at, line.rstrip("\n")) for at, line in enumerate(lines, 1) if line.strip())
        for number, (line, text) in enumerate(present):
            where = {**name, "row": number}
            fault = line_fault(text, file, line)
            if fault is None and form == "jsonl":
                yield self._record(where, text, file, line)
            elif self._image:
                yield Row({"file": text}, Path(text), fault=fault)
            else:
                yield Row(where, text, file, line, fault)

    def _record(self, name: dict[str, Any], value: Any, file: str, line: int) -> Row:
        """Return the row of a record, or of a line of JSON."""
        try:
            record = json.loads(value) if isinstance(value, str) else value
            rows = [(line, list(record.keys())), (line, list(record.values()))]
            (row,) = self._cells(iter(rows), file, {})
            return Row({**row.name, **name}, row.value, file, line)
        except DataError as error:
            return Row(name, None, file, line, error)
        except (AttributeError, ValueError, RecursionError):
            fault = BadRecord("the line is no JSON object", file=file, row=line)
            return Row(name, None, file, line, fault)

    def _cells(
        self, rows: Iterator[tuple[int, Any]], file: str, name: dict[str, Any]
    ) -> Iterator[Row]:
        """Yield what the model reads of the rows of a table, whose first one is its header."""
        first, header = next(rows, (-1, ()))
        table = Table(
            file, dict.fromkeys(header, Cells.of(())), noun="record", _lines=lambda: [first]
        )
        read = [text_column(table, self._text)] if self._text else self._columns
        for column in (*read, *self._ids):
            if column not in header:
                raise table.without(column, [*read, *self._ids], 0 if first >= 0 else None)
        places = {column: header.index(column) for column in (*read, *self._ids)}
        for number, (line, cells) in enumerate(rows):
            where = {**name, "row": number}
            if isinstance(cells, BadRecord):
                yield Row(where, None, file, line, cells)
                continue
            found = {column: cells[place] for column, place in places.items()}
            where |= {column: found[column] for column in self._ids}
            yield Row(where, str(found[read[0]]) if self._text else found, file, line)


def _files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below a folder that end so, in sorted order, without hidden ones.

    Raises:
        DataError: If there is none, or a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{error.filename} cannot be read",
            why=error.strerror or str(error),
            fix="give a folder that may be read",
        ) from error

    file: Path | None = None
    for where, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                file = Path(where, name)
                yield file
    if file is None:
        known = ", ".join(suffixes)
        raise DataError(
            f"{folder} has no file that the model takes",
            why=f"it takes {known}",
            fix="give the folder that has them",
        )
