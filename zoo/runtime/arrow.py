"""Read tables by Arrow, where pyarrow is installed: CSV files without quotes, and Parquet files.

A CSV file is only read here if the result is what the rules of :mod:`zoo.runtime.values` say:
anything else, and anything wrong, is left to the reader that knows lines and rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from zoo.runtime.table import Cells, Encoded
from zoo.runtime.values import MISSING, parse_number

_MARKS = [write(mark) for mark in sorted(MISSING) for write in (str, str.upper, str.title)]
_DIGIT, _INSIDE = (
    np.isin(np.arange(256), np.frombuffer(symbols, np.uint8))
    for symbols in (b"0123456789", b"0123456789.eE")
)
_FIRST = 10_000
"""Cells that decide which columns are read as numbers."""

_LEAST = 1 << 16
"""Characters of the smallest text for which the import of pyarrow pays."""


def read_cells(
    text: str, start: int, delimiter: str, header: Sequence[str], skip: int
) -> dict[str, Cells] | None:
    """Return the cells of a CSV text by column; ``None`` if it has to be read by the rules.

    Args:
        text: The text, with line feeds.
        start: Where the header begins.
        delimiter: Mark between cells.
        header: Names of the columns.
        skip: Number of rows before the first row of data.
    """
    if len(text) < _LEAST or len(header) < 2 or '"' in text:
        return None
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    data = text[start:].encode()
    if _has_leading_zeros(data):
        return None
    count = skip + 1 + _FIRST // len(header)
    lines = text[start:].split("\n", count)[skip:-1]
    first = [line.split(delimiter) for line in lines if line]
    if not first or any(len(cells) != len(header) for cells in first):
        return None
    names = [str(place) for place in range(len(header))]
    coded = pa.dictionary(pa.int32(), pa.string())
    kinds = {
        name: pa.float64()
        if all(parse_number(cell.strip()) is not None for cell in cells)
        else coded
        for name, cells in zip(names, zip(*first, strict=True), strict=True)
    }

    def read(kinds: dict[str, Any]) -> Any:
        return csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=names, skip_rows_after_names=skip, use_threads=False),
            csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
            csv.ConvertOptions(column_types=kinds, null_values=_MARKS, include_columns=list(kinds)),
        )

    def encode(name: str) -> Encoded:
        return _encoded(read({name: coded}).column(0))

    try:
        table = read(kinds)
        found = [
            _cells(column, partial(encode, name))
            for name, column in zip(names, table.columns, strict=True)
        ]
    except pa.ArrowInvalid:  # a row of another length, a text among numbers
        return None
    known = [cells for cells in found if cells is not None]
    if not len(table) or len(known) < len(found):
        return None
    return dict(zip(header, known, strict=True))


def _has_leading_zeros(data: bytes) -> bool:
    """Return whether a cell begins with a zero and a digit, or may do so."""
    symbols = np.frombuffer(data, np.uint8)
    zeros = np.flatnonzero(symbols[:-1] == ord("0"))
    zeros = zeros[_DIGIT[symbols[zeros + 1]]]
    before = symbols[zeros - 1]
    signed = (before == ord("-")) | (before == ord("+"))
    before = np.where(signed, symbols[zeros - 2], before)  # the exponent of 1e-05
    return not _INSIDE[before].all()


def _cells(column: Any, encode: Callable[[], Encoded]) -> Cells | None:
    """Return a column; ``None`` if it holds what only looks like a number to Arrow."""
    import pyarrow as pa

    if column.type != pa.float64():
        encoded = _encoded(column)
        return Cells(lambda: encoded)
    values = column.to_numpy()
    if np.isinf(values).any() or np.isnan(values).sum() > column.null_count:
        return None
    return Cells(encode, np.asarray(values, np.float64))


def _encoded(column: Any) -> Encoded:
    column = column.unify_dictionaries().combine_chunks()
    texts = [text.strip() for text in column.dictionary.to_pylist()]
    codes = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if len(set(texts)) == len(texts):
        return codes, texts
    different = list(dict.fromkeys(texts))
    place = {text: code for code, text in enumerate(different)}
    return np.array([place[text] for text in texts], np.int64)[codes], different
