"""Files for bad input: functions that write them, and functions that return such a function."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Make = Callable[[Path], object]


def picture(path: Path, *, side: int = 8, color: bool = False) -> bytes:
    """Write a picture and return its bytes."""
    from PIL import Image

    random = np.random.default_rng(len(path.name))
    shape = (side, side, 3) if color else (side, side)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random.integers(0, 255, shape, dtype=np.uint8)).save(path)
    return path.read_bytes()


def photos(folder: Path, *, classes: tuple[str, ...] = ("cat", "dog"), side: int = 8) -> Path:
    """Write a folder of class folders of ten pictures each."""
    for name in classes:
        for number in range(10):
            picture(folder / "photos" / name / f"{number}.png", side=side)
    return folder / "photos"


def captioned(folder: Path, *lines: str) -> Path:
    """Write a folder of four pictures and, if no others are given, a caption of each."""
    photos = folder / "photos"
    for number in range(4):
        picture(photos / f"{number}.png")
    whole = [json.dumps({"image": f"{n}.png", "caption": f"number {n}"}) for n in range(4)]
    text = "".join(f"{line}\n" for line in lines or whole)
    (photos / "captions.jsonl").write_text(text, encoding="utf-8")
    return photos


def table(folder: Path, *rows: str, name: str = "table.csv") -> Path:
    """Write a CSV file."""
    (folder / name).write_text("".join(f"{row}\n" for row in rows))
    return folder / name


def good_table(folder: Path) -> Path:
    """Write a valid CSV file."""
    rows = [f"{i % 7},{i % 5},{'yes' if i % 2 else 'no'}" for i in range(60)]
    return table(folder, "a,b,answer", *rows)


def written(name: str, content: bytes | str) -> Make:
    """Return a function that writes a file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def lines(name: str, *rows: str) -> Make:
    """Return a function that writes a file of lines."""
    return written(name, "".join(f"{row}\n" for row in rows))


def changed(at: int, text: str) -> Make:
    """Return a function that writes a good table with one line changed, counted from 1."""

    def make(folder: Path) -> None:
        file = good_table(folder)
        rows = file.read_text().splitlines()
        rows[at - 1] = text
        table(folder, *rows)

    return make


def arrays(**named: Any) -> Make:
    """Return a function that writes a file of arrays."""
    return lambda folder: np.savez(folder / "mine.npz", **named)


def members(**named: bytes) -> Make:
    """Return a function that writes an archive with these members."""

    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / "mine.npz", "w") as archive:
            for name, data in named.items():
                archive.writestr(f"{name}.npy", data)

    return make


def npy(header: str, data: bytes = b"") -> bytes:
    """Return the bytes of an array with any header."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def npy_file(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def captions(*found: Any) -> Make:
    """Return a function that writes pictures with these captions, as JSON or as they are."""
    rows = [one if isinstance(one, str) else json.dumps(one) for one in found]
    return lambda folder: captioned(folder, *rows)
