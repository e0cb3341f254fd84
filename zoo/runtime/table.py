"""Tables: named columns of cells, from a file, a frame, or records.

A column whose cells are all numbers is kept as numbers. Any other is kept as its different texts
and one code per row, so that rules about texts run once for each different text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import BadRecord, DataError
from zoo.names import nearest
from zoo.runtime.values import is_missing, parse_number, written
from zoo.spec import Reading

_NUMBERS = int | float | np.integer | np.floating

Encoded = tuple[npt.NDArray[np.int64], list[str]]
"""One code per row, and the different texts in the order of their codes."""


class Cells:
    """The cells of one column.

    Args:
        encode: Returns a code per row and the different texts; called when texts are needed.
        plain: The numbers, float64 with NaN for a missing one, if every cell is a number or
            missing.
        known: The numbers among values in memory by their texts; how numbers are written in
            texts does not concern them.
    """

    def __init__(
        self,
        encode: Callable[[], Encoded],
        plain: npt.NDArray[np.float64] | None = None,
        known: Mapping[str, float] | None = None,
    ) -> None:
        self._encode = encode
        self._plain = plain
        self._known = known or {}

    @classmethod
    def of(cls, values: Iterable[Any]) -> Cells:
        """Return the cells of values of any kind: texts, numbers, dates, ``None``."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
            numbers = values.astype(np.float64)
            exact = values.dtype.kind == "f" or bool((numbers.astype(values.dtype) == values).all())
            if exact and not np.isinf(numbers).any():
                return cls(lambda: _encoded(map(written, values.tolist())), numbers)
        listed = list(values)
        known = {
            written(one): float(one)
            for one in listed
            if isinstance(one, _NUMBERS) and not isinstance(one, bool)
        }
        return cls(lambda: _encoded(map(written, listed)), known=known)

    @cached_property
    def _codes_and_texts(self) -> Encoded:
        return self._encode()

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """One code per row: the position of its text."""
        return self._codes_and_texts[0]

    @property
    def texts(self) -> list[str]:
        """The different texts."""
        return self._codes_and_texts[1]

    def __len__(self) -> int:
        return len(self.codes if self._plain is None else self._plain)

    def __iter__(self) -> Iterator[str]:
        return map(self.texts.__getitem__, self.codes.tolist())

    def text(self, row: int) -> str:
        """Return the text of one row."""
        return self.texts[int(self.codes[row])]

    def where(self, test: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
        """Return for every row whether its text passes a test."""
        passed = np.fromiter(map(test, self.texts), bool, len(self.texts))
        return np.asarray(passed[self.codes])

    @cached_property
    def plain(self) -> npt.NDArray[np.float64] | None:
        """The numbers, NaN where one is missing; ``None`` if a cell is text."""
        if self._plain is None:
            values, odd = self.numbers()
            self._plain = values if odd is None else None
        return self._plain

    def numbers(self, reading: Reading | None = None) -> tuple[npt.NDArray[np.float64], int | None]:
        """Return the numbers, NaN where one is missing, and the first row that is text."""
        if self._plain is not None and reading is None:
            return self._plain, None
        parsed = [
            self._known[text] if reading and text in self._known else parse_number(text, reading)
            for text in self.texts
        ]
        values = np.array([np.nan if number is None else number for number in parsed], np.float64)
        odd = np.array([number is None for number in parsed], bool)[self.codes]
        return values[self.codes], int(odd.argmax()) if odd.any() else None

    def missing(self, reading: Reading | None = None) -> npt.NDArray[np.bool_]:
        """Return which rows are missing."""
        if self._plain is not None and (reading is None or not reading.missing):
            return np.isnan(self._plain)
        return self.where(lambda text: is_missing(text, reading))

    def take(self, rows: npt.NDArray[np.int64]) -> Cells:
        """Return the cells of some rows, with the texts that they have."""
        plain = None if self._plain is None else self._plain[rows]

        def encode() -> Encoded:
            used, codes = np.unique(self.codes[rows], return_inverse=True)
            return codes.astype(np.int64), [self.texts[code] for code in used.tolist()]

        return Cells(encode, plain, self._known)

    @staticmethod
    def join(parts: Sequence[Cells]) -> Cells:
        """Return the cells of several columns, one below the other."""
        plain = [part.plain for part in parts]
        known = [one for one in plain if one is not None]
        return Cells(
            lambda: _encoded(text for part in parts for text in part),
            np.concatenate(known) if len(known) == len(parts) else None,
        )

    def recoded(self, change: Callable[[str], str]) -> Cells:
        """Return the cells with changed texts; those that become the same are one."""
        codes, texts = _encoded(map(change, self.texts))
        return Cells(lambda: (codes[self.codes], texts))


def _encoded(texts: Iterable[str]) -> Encoded:
    index: dict[str, int] = {}
    codes = [index.setdefault(text, len(index)) for text in texts]
    return np.array(codes, np.int64), list(index)


@dataclass(frozen=True)
class Table:
    """Named columns of equal length.

    Attributes:
        file: Path of the file, for errors; empty for values in memory.
        columns: The cells by column, in order.
        notes: What was understood of the file, in words.
        noun: What a row is called in errors about values in memory.
    """

    file: str
    columns: Mapping[str, Cells]
    notes: tuple[str, ...] = ()
    noun: str = "row"
    _parts: tuple[Table, ...] = field(default=(), repr=False)
    _lines: Callable[[], Sequence[int]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return list(self.columns)

    @property
    def name(self) -> str:
        """The file, or what stands for it in messages."""
        return self.file or "the data"

    @cached_property
    def lines(self) -> Sequence[int]:
        """Line of the file on which each row starts, counted from 1; of values in memory, rows."""
        return self._lines() if self._lines is not None else range(len(self))

    def column(self, name: str) -> list[str]:
        """Return the stripped cells of one column."""
        return list(self.columns[name])

    def bad(
        self, what: str, row: int | None = None, column: str | None = None, **more: str
    ) -> DataError:
        """Return an error about a cell, a row or a column; ``row`` counts from 0."""
        if row is not None and self._parts:
            for part in self._parts:
                if row < len(part):
                    return part.bad(what, row, column, **more)
                row -= len(part)
        if self.file:
            line = None if row is None else self.lines[row]
            return BadRecord(what, file=self.file, row=line, column=column, **more)
        place = [] if row is None else [f"{self.noun} {self.lines[row]}"]
        place += [] if column is None else [f"column {column!r}"]
        return DataError(f"{', '.join(place)}: {what}" if place else what, **more)

    def take(self, rows: npt.NDArray[np.int64]) -> Table:
        """Return some of the rows, which errors name as before."""
        columns = {name: cells.take(rows) for name, cells in self.columns.items()}
        lines = self.lines
        return Table(
            self.file, columns, self.notes, self.noun, _lines=lambda: [lines[row] for row in rows]
        )

    def without(self, name: str, wanted: Sequence[str], row: int | None = None) -> DataError:
        """Return the error about a missing column of those that a model reads."""
        near = nearest(name, [other for other in self.columns if other not in wanted], count=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return self.bad(
            f"the column {name!r} is missing",
            row,
            why=f"the model's columns are {', '.join(wanted)}{hint}",
        )


def read_frame(frame: Any) -> Table:
    """Return the table of a frame of pandas or polars; its columns count by their names.

    Raises:
        DataError: If two columns have one name, or it has none.
    """
    names = [str(name) for name in frame.columns]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(
            f"two columns of the frame are called {twice!r}",
            why="columns are asked for by their names",
            fix="rename one of them",
        )
    series = (frame[name] for name in frame.columns)
    columns = {name: Cells.of(one.to_numpy()) for name, one in zip(names, series, strict=True)}
    return Table("", columns)


def is_frame(value: Any) -> bool:
    """Return whether a value is a frame of pandas or polars, by what it can do."""
    return (
        hasattr(value, "columns") and hasattr(value, "to_numpy") and hasattr(value, "__getitem__")
    )


def read_records(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """Return the table of records: those columns of theirs, each with a value in every record."""
    for row, record in enumerate(records):
        for name in names:
            if name not in record:
                keys = dict.fromkeys(map(str, record), Cells.of(()))
                raise Table("", keys, noun="record").without(name, names, row)
    columns = {name: Cells.of([record[name] for record in records]) for name in names}
    return Table("", columns, noun="record")


def read_mapping(data: Mapping[str, Any], names: Sequence[str]) -> Table:
    """Return the table of a record, or of columns of equal length, under those names."""
    columns = {name: data[name] for name in names if name in data}
    several = bool(columns) and all(_is_column(value) for value in columns.values())
    found = {
        name: Cells.of(np.asarray(value) if hasattr(value, "dtype") else value)
        if several
        else Cells.of([value])
        for name, value in columns.items()
    }
    sizes = {name: len(cells) for name, cells in found.items()}
    if len(set(sizes.values())) > 1:
        raise DataError("the columns have different lengths", why=f"Received: {sizes}")
    return Table("", found, noun="row" if several else "record")


def _is_column(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) == 1


def join(tables: Sequence[Table]) -> Table:
    """Return the rows of several tables as one, their columns by name; the first has the order.

    Raises:
        DataError: If a table lacks a column of the first.
    """
    first, *others = tables
    if not others:
        return first
    for other in others:
        for name in first.columns:
            if name not in other.columns:
                raise other.bad(
                    f"the column {name!r} is missing",
                    why=f"{first.name} has it; the columns here are {', '.join(other.header)}",
                    fix="give every split the same columns",
                )
    columns = {name: Cells.join([one.columns[name] for one in tables]) for name in first.columns}
    return Table(first.file, columns, first.notes, first.noun, tuple(tables))
