"""Odd files, as a row of a table says them: what writes one into a folder."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.support import captioned, good_table, table

Make = Callable[[Path], object]


def written(name: str, content: bytes | str) -> Make:
    """Return what writes a file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def lines(name: str, *rows: str) -> Make:
    """Return what writes a file of lines."""
    return written(name, "".join(f"{row}\n" for row in rows))


def changed(at: int, text: str) -> Make:
    """Return what writes a good table with one line changed, counted from 1."""

    def make(folder: Path) -> None:
        file = good_table(folder)
        rows = file.read_text().splitlines()
        rows[at - 1] = text
        table(folder, *rows)

    return make


def arrays(**named: Any) -> Make:
    """Return what writes a file of arrays."""
    return lambda folder: np.savez(folder / "mine.npz", **named)


def members(**named: bytes) -> Make:
    """Return what writes an archive with these members."""

    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / "mine.npz", "w") as archive:
            for name, data in named.items():
                archive.writestr(f"{name}.npy", data)

    return make


def npy(header: str, data: bytes = b"") -> bytes:
    """Return an array that says of itself what it likes."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def npy_file(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def captions(*found: Any) -> Make:
    """Return what writes pictures with these captions, as JSON or as they are."""
    rows = [one if isinstance(one, str) else json.dumps(one) for one in found]
    return lambda folder: captioned(folder, *rows)
