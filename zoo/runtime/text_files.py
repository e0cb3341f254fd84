"""Text files: lines and cells of prose, with the place of whatever is wrong."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import BadRecord
from zoo.files import read_regular
from zoo.runtime.csv import Table, read_table

ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16")


def read_text(path: Path, encoding: str | None = None) -> str:
    """Return a file's text; a byte-order mark is taken off, line ends become line feeds.

    Args:
        path: The file.
        encoding: What a user may have said; ``None`` for UTF-8 where nothing else can be said.

    Raises:
        BadRecord: If the file cannot be read or decoded; it names the line.
    """
    try:
        data = read_regular(path)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    return decode(data, str(path), encoding)


def decode(data: bytes, file: str, encoding: str | None = None) -> str:
    """Return some bytes as text, as :func:`read_text` does."""
    try:
        text = data.decode("utf-8-sig" if encoding in (None, "utf-8") else encoding)
    except UnicodeDecodeError as error:
        looks = _likely(data)
        convert = f"iconv -f {looks} -t utf-8 {file}"
        raise BadRecord(
            f"the byte 0x{data[error.start]:02x} is not {encoding or 'utf-8'}",
            file=file,
            row=data.count(b"\n", 0, error.start) + 1,
            why="a guess at the encoding would change words in silence",
            fix=f"convert it to UTF-8: {convert}   (if it is {looks})"
            if encoding is None
            else f"say how it is written, e.g. encoding={looks}, or convert it to UTF-8",
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadRecord(
            "the line holds a zero byte",
            file=file,
            row=line,
            why="this is no text file, or it is UTF-16",
            fix="" if encoding is None else "if it is UTF-16: encoding=utf-16",
        )
    return text


def _likely(data: bytes) -> str:
    """Return what some bytes that are not what was said may be."""
    start = data[:1_000]
    marked = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "utf-16" if marked or start.count(0) > len(start) // 4 else "latin-1"


def read_lines(path: Path, encoding: str | None = None) -> list[tuple[int, str]]:
    """Return the lines that are not blank, each with its number, counted from 1.

    Raises:
        BadRecord: As :func:`read_text`, and if there is no such line.
    """
    # Not splitlines: U+0085 and U+2028 may stand inside a sentence.
    lines = read_text(path, encoding).split("\n")
    found = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise BadRecord("the file is empty", file=str(path), fix="write a text a line")
    return found


def read_text_table(path: Path, encoding: str | None = None) -> Table:
    """Return a table that has a column of prose.

    A ``.tsv`` file whose every line has as many tabs as the first is taken as it is: prose may
    begin with a quote. Otherwise quotes hold cells together, as in a ``.csv`` file.

    Raises:
        BadRecord: As :func:`zoo.runtime.csv.read_table`.
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
    """Take off the quotes that a program has put around a cell, and only those."""
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


__all__ = ["ENCODINGS", "decode", "read_lines", "read_text", "read_text_table"]
