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


_BLOCK = 1 << 20
"""Bytes that are looked at together: arrays for all of a file would be larger than the file."""


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
    if _has_leading_zeros(text[start:].encode()):
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
        # The bytes are not kept: a file is in memory as its text already.
        return csv.read_csv(
            pa.BufferReader(text[start:].encode()),
            csv.ReadOptions(column_names=names, skip_rows_after_names=skip, use_threads=False),
            csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
            csv.ConvertOptions(column_types=kinds, null_values=_MARKS, include_columns=list(kinds)),
        )

    def encode(name: str) -> Encoded:
        return _encoded(read({name: coded}).column(0))

    try:
        columns = read(kinds).columns[::-1]
        if not len(columns[0]):
            return None
        found = {}
        for name, called in zip(names, header, strict=True):
            cells = _cells(columns.pop(), partial(encode, name))  # it is freed when it is copied
            if cells is None:
                return None
            found[called] = cells
    except pa.ArrowInvalid:  # a row of another length, a text among numbers
        return None
    return found


def _has_leading_zeros(data: bytes) -> bool:
    """Return whether a cell begins with a zero and a digit, or may do so."""
    symbols = np.frombuffer(data, np.uint8)
    for start in range(0, len(symbols), _BLOCK):
        skip = min(start, 2)  # the bytes before a zero may be of the block before
        part = symbols[start - skip : start + _BLOCK + 1]
        zeros = np.flatnonzero(part[skip:-1] == ord("0")) + skip
        zeros = zeros[_DIGIT[part[zeros + 1]]]
        before = part[zeros - 1]
        signed = (before == ord("-")) | (before == ord("+"))
        before = np.where(signed, part[zeros - 2], before)  # the exponent of 1e-05
        if not _INSIDE[before].all():
            return True
    return False


def _cells(column: Any, encode: Callable[[], Encoded]) -> Cells | None:
    """Return a column; ``None`` if it holds what only looks like a number to Arrow."""
    import pyarrow as pa

    if column.type != pa.float64():
        encoded = _encoded(column)
        return Cells(lambda: encoded)
    values = column.to_numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        odd = not np.isfinite(values.sum())
    if odd and (np.isinf(values).any() or np.isnan(values).sum() > column.null_count):
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
