"""Read text files: their encoding, and their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from zoo.errors import BadRecord
from zoo.files import read_regular

ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16")

LONGEST_LINE = 64 << 20
"""The most bytes of a line in a file that is read line by line."""

_WRONG = re.compile("[\0\udc80-\udcff]")


def read_text(path: Path, encoding: str | None = None) -> str:
    """Read a text file; a byte-order mark is removed, line ends become line feeds.

    Args:
        path: The file.
        encoding: Encoding that the user chose; ``None`` for UTF-8 where there is no choice.

    Raises:
        BadRecord: If the file cannot be read or decoded; it names the line.
    """
    try:
        data = read_regular(path)
    except OSError as error:
        raise BadRecord(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    return decode(data, str(path), encoding)


def decode(data: bytes, file: str, encoding: str | None = None) -> str:
    """Decode bytes to text, as :func:`read_text` does."""
    try:
        text = data.decode(_codec(data, encoding))
    except UnicodeDecodeError as error:
        looks = _likely(data)
        convert = f"iconv -f {looks} -t utf-8 {file}"
        raise BadRecord(
            f"the byte 0x{data[error.start]:02x} is not {(encoding or 'utf-8').upper()}",
            file=file,
            row=data.count(b"\n", 0, error.start) + 1,
            why="a guess at the encoding would change words silently",
            fix=f"convert it to UTF-8: {convert}   (if it is {looks})"
            if encoding is None
            else f"name its encoding, e.g. encoding={looks}, or convert it to UTF-8",
        ) from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadRecord(
            "the line holds a zero byte",
            file=file,
            row=line,
            why="this is not a text file, or it is UTF-16",
            fix="" if encoding is None else "if it is UTF-16: encoding=utf-16",
        )
    return text


def _codec(data: bytes, encoding: str | None) -> str:
    if encoding not in (None, "utf-8"):
        return encoding
    # A byte-order mark is no guess: Excel writes "Unicode text" so.
    return "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _likely(data: bytes) -> str:
    """Return the likely encoding of bytes that are not UTF-8."""
    start = data[:1_000]
    if start.count(0) > len(start) // 4:
        return "utf-16"
    # These bytes are control characters in latin-1, and quotes, dashes and the euro in cp1252.
    return "cp1252" if any(0x80 <= byte < 0xA0 for byte in data) else "latin-1"


def read_lines(path: Path, encoding: str | None = None) -> list[tuple[int, str]]:
    """Read the lines that are not blank, each with its number, counted from 1.

    Raises:
        BadRecord: As :func:`read_text`, and if there is no such line.
    """
    # Not splitlines: U+0085 and U+2028 may be inside a sentence.
    lines = read_text(path, encoding).split("\n")
    found = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise BadRecord("the file is empty", file=str(path), fix="write one text per line")
    return found


def stream_lines(stream: IO[bytes], file: str) -> Iterator[str]:
    """Yield the lines of an open file, one at a time in memory, with line feeds at their ends.

    A byte that is not UTF-8 becomes a lone surrogate, the fault of its line: see
    :func:`line_fault`.

    Raises:
        BadRecord: If a line is longer than ``LONGEST_LINE``.
    """
    encoding, number = "utf-8-sig", 0
    while data := stream.readline(LONGEST_LINE):
        number += 1
        if len(data) == LONGEST_LINE and data[-1:] != b"\n":
            what = f"the line has more than {LONGEST_LINE:,} bytes"
            raise BadRecord(what, file=file, row=number, fix="give a text file, a row per line")
        text, encoding = data.decode(encoding, "surrogateescape"), "utf-8"
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        # Not splitlines, which knows further line ends.
        yield from (text,) if text.count("\n") < 2 else re.findall(r".*\n|.+", text)


def line_fault(text: str, file: str, line: int) -> BadRecord | None:
    """Return what is wrong with a line of :func:`stream_lines`; ``None`` if nothing is."""
    wrong = _WRONG.search(text)
    if wrong is None:
        return None
    what = f"the byte 0x{ord(wrong[0]) & 0xFF:02x} is not text in UTF-8"
    return BadRecord(what, file=file, row=line, fix="convert the file to UTF-8 with iconv")
