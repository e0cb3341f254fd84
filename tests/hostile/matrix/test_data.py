"""Files of data in every odd form: tables, series, texts, captions, pictures, arrays."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.matrix.harness import Row, Table, cases, row, run_row
from tests.hostile.support import captioned, good_table, photos, picture, table
from zoo.errors import BadRecord, ConfigError, DataError, UnsafeArchive

EXPORTS = Path(__file__).parents[3] / "exports"
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


TABLE = "train mlp_classifier --data table.csv"
NUMBERS = "train mlp_regressor --data table.csv"
GOOD = [f"{i % 7},{i % 5},{'yes' if i % 2 else 'no'}" for i in range(60)]
PRICES = [f"{i % 7},{i * 1.5}" for i in range(60)]
X = np.zeros((60, 8, 8, 1), np.uint8)
Y = np.arange(60) % 2

TABLES: Table = {
    "a table of blanks": row(TABLE, BadRecord, "empty", setup=written("table.csv", " \n\n \t\n")),
    "a table of delimiters": row(
        TABLE, BadRecord, "no name", setup=written("table.csv", ",,,\n,,,\n")
    ),
    "a table with a mark and nothing": row(
        TABLE, BadRecord, "empty", setup=written("table.csv", b"\xef\xbb\xbf")
    ),
    "a table in UTF-16": row(
        TABLE,
        BadRecord,
        "UTF-8",
        "utf-16",
        setup=written("table.csv", "a,answer\n1,yes\n".encode("utf-16")),
    ),
    "a table in Latin-1": row(
        TABLE,
        BadRecord,
        "line 2",
        "latin1",
        setup=written("table.csv", "a,answer\nä,yes\n".encode("latin-1")),
    ),
    "a table with a zero byte": row(
        TABLE, BadRecord, "line 3", "zero byte", setup=written("table.csv", "a,b\n1,2\n3,\x004\n")
    ),
    "a table that is a ZIP file": row(
        TABLE, BadRecord, "table.csv", setup=written("table.csv", b"PK\x03\x04" + bytes(60))
    ),
    "a header of numbers": row(
        TABLE, BadRecord, "looks like data", setup=lines("table.csv", "1,2", "3,4")
    ),
    "a column without a name": row(
        TABLE, BadRecord, "column 2 has no name", setup=lines("table.csv", "a,,answer", "1,2,x")
    ),
    "two columns of one name": row(
        TABLE, BadRecord, "two columns are called 'a'", setup=lines("table.csv", "a,a", "1,2")
    ),
    "a row too short": row(TABLE, BadRecord, "line 9", "2 cells", setup=changed(9, "1,2")),
    "a row too long": row(TABLE, BadRecord, "line 9", "4 cells", setup=changed(9, "1,2,yes,no")),
    "a quote that never ends": row(TABLE, BadRecord, "line 9", setup=changed(9, '"1,2,yes')),
    "a quote in the middle": row(TABLE, BadRecord, "line 9", setup=changed(9, '1,"2"3,yes')),
    "a word among numbers": row(
        TABLE, BadRecord, "line 9", "'a'", "many", setup=changed(9, "many,1,no")
    ),
    "a number beyond float32": row(
        TABLE, BadRecord, "line 9", "range of float32", setup=changed(9, "1e99,1,no")
    ),
    "an answer that is missing": row(
        TABLE, BadRecord, "line 9", "'answer'", setup=changed(9, "1,1,")
    ),
    "one answer": row(
        TABLE, DataError, "only one class", setup=lines("table.csv", "a,answer", *["1,yes"] * 50)
    ),
    "an answer that is there once": row(TABLE, DataError, "'maybe'", setup=changed(9, "1,1,maybe")),
    "a column that is empty": row(
        TABLE,
        BadRecord,
        "no values",
        setup=lines(
            "table.csv",
            "a,b,answer",
            *[f",{r}" for r in (f"{i},{'x' if i % 2 else 'y'}" for i in range(50))],
        ),
    ),
    "a column of identifiers": row(
        TABLE,
        BadRecord,
        "50 different texts",
        setup=lines(
            "table.csv", "id,answer", *[f"id{i}x,{'x' if i % 2 else 'y'}" for i in range(50)]
        ),
    ),
    "one column": row(
        TABLE, ConfigError, "beside the target", setup=lines("table.csv", "answer", "x", "y")
    ),
    "two rows": row(TABLE, DataError, "example", setup=lines("table.csv", "a,b", "1,x", "2,y")),
    "a price that is no number": row(
        NUMBERS,
        (BadRecord, ConfigError, DataError),
        "price",
        setup=lines("table.csv", "a,price", *PRICES[:-1], "1,dear"),
    ),
    "a price that is missing": row(
        NUMBERS,
        BadRecord,
        "line 61",
        "price",
        setup=lines("table.csv", "a,price", *PRICES[:-1], "1,"),
    ),
    "a price that is endless": row(
        NUMBERS, BadRecord, "price", setup=lines("table.csv", "a,price", *PRICES[:-1], "1,1e400")
    ),
    "one price": row(
        NUMBERS,
        DataError,
        "price",
        setup=lines("table.csv", "a,price", *[f"{i}.5,7.25" for i in range(50)]),
    ),
    "classes for a regression": row(
        "train mlp_regressor --data table.csv",
        ConfigError,
        "mlp_regressor",
        "classification",
        setup=good_table,
    ),
    "prices for a classifier": row(
        "train mlp_classifier --data table.csv",
        ConfigError,
        "no classes",
        setup=lines("table.csv", "a,price", *PRICES),
    ),
    "a table for pictures": row(
        "train cnn --data table.csv", ConfigError, "image", setup=good_table
    ),
    "a table for texts": row(
        "train transformer --data table.csv", ConfigError, "needs text", setup=good_table
    ),
    "groups that leave nothing for a split": row(
        f"{TABLE} --group-by g",
        (ConfigError, DataError),
        "group",
        setup=lines(
            "table.csv",
            "g,a,answer",
            *[f"{i % 2},{i % 9},{'x' if i % 3 else 'y'}" for i in range(60)],
        ),
    ),
}

SERIES = "train lstm --data load.csv --data-option task=forecasting"
DAYS = [f"2024-01-{day:02},{day % 7}" for day in range(1, 32)]
SERIES_TABLE: Table = {
    "a series with a day twice": row(
        SERIES, BadRecord, "2024-01-05", setup=lines("load.csv", "day,load", *DAYS[:5], *DAYS[4:])
    ),
    "a series that runs backwards": row(
        SERIES, BadRecord, "line 3", setup=lines("load.csv", "day,load", *DAYS[::-1])
    ),
    "a series with a gap": row(
        SERIES, BadRecord, "2024-01-1", setup=lines("load.csv", "day,load", *DAYS[:9], *DAYS[10:])
    ),
    "a series with a day that is not": row(
        SERIES, BadRecord, "2024-02-30", setup=lines("load.csv", "day,load", *DAYS, "2024-02-30,3")
    ),
    "a series with two kinds of dates": row(
        SERIES, BadRecord, "line 33", setup=lines("load.csv", "day,load", *DAYS, "02/01/2024,3")
    ),
    "a series that is too short": row(
        SERIES, (DataError, BadRecord), "load.csv", setup=lines("load.csv", "day,load", *DAYS[:4])
    ),
    "a series of one value": row(
        SERIES,
        BadRecord,
        "in every row",
        setup=lines("load.csv", "day,load", *[f"{d.split(',')[0]},7" for d in DAYS]),
    ),
    "a series with a word": row(
        SERIES,
        BadRecord,
        "line 9",
        setup=lines("load.csv", "day,load", *DAYS[:7], "2024-01-08,much", *DAYS[8:]),
    ),
    "a series with a hole": row(
        SERIES,
        BadRecord,
        "line 9",
        setup=lines("load.csv", "day,load", *DAYS[:7], "2024-01-08,", *DAYS[8:]),
    ),
    "a series with an endless value": row(
        SERIES,
        BadRecord,
        "load",
        setup=lines("load.csv", "day,load", *DAYS[:7], "2024-01-08,1e999", *DAYS[8:]),
    ),
    "a series without measurements": row(
        SERIES,
        (ConfigError, BadRecord),
        "load.csv",
        setup=lines("load.csv", "day", *[d.split(",")[0] for d in DAYS]),
    ),
    "a series without dates, with a calendar": row(
        f"{SERIES} --data-option calendar=[weekday]",
        ConfigError,
        "calendar",
        setup=lines("load.csv", "load", *[str(i % 7) for i in range(200)]),
    ),
    "a calendar of things that are not": row(
        f"{SERIES} --data-option calendar=[full_moon]",
        ConfigError,
        "full_moon",
        setup=lines("load.csv", "day,load", *DAYS),
    ),
    "a date column that is not there": row(
        f"{SERIES} --data-option date=when",
        ConfigError,
        "when",
        setup=lines("load.csv", "day,load", *DAYS),
    ),
    "a target that is the date": row(
        f"{SERIES} --data-option target=[day]",
        ConfigError,
        "day",
        setup=lines("load.csv", "day,load", *DAYS),
    ),
    "days beyond the calendar": row(
        SERIES,
        BadRecord,
        "load.csv",
        setup=lines("load.csv", "day,load", *[f"999999-01-{i:02},{i}" for i in range(1, 32)]),
    ),
}

PAIRS = "train transformer --data pairs.tsv --data-option task=sequence-to-sequence"
PROSE = "train lstm --data prose.csv --data-option text=text"
TEXTS: Table = {
    "pairs without a tab": row(PAIRS, BadRecord, "line 1", setup=lines("pairs.tsv", "a b c")),
    "pairs with an empty half": row(
        PAIRS, BadRecord, "line 2", setup=lines("pairs.tsv", "a\tb", "c\t")
    ),
    "pairs in another encoding": row(
        PAIRS, BadRecord, "line 1", setup=written("pairs.tsv", "ä\tb\n".encode("latin-1"))
    ),
    "pairs in a wrong encoding that was asked for": row(
        f"{PAIRS} --data-option encoding=utf-16",
        BadRecord,
        "utf-16",
        setup=written("pairs.tsv", b"a\tb\n\n"),
    ),
    "pairs with a zero byte": row(
        PAIRS, BadRecord, "zero byte", setup=written("pairs.tsv", b"a\tb\0\n")
    ),
    "pairs by another name": row(
        "train transformer --data pairs.csv --data-option task=sequence-to-sequence",
        DataError,
        ".tsv",
        setup=lines("pairs.csv", "a,b"),
    ),
    "a text file without a word what it is": row(
        "train transformer --data a.txt",
        DataError,
        "task=sequence-to-sequence",
        setup=lines("a.txt", "a b"),
    ),
    "prose without its column": row(
        PROSE, ConfigError, "text", setup=lines("prose.csv", "a,b", "c d,e")
    ),
    "prose that is empty": row(
        PROSE, BadRecord, "line 3", setup=lines("prose.csv", "text,label", "c d,e", ",e")
    ),
    "prose without a label": row(
        PROSE, BadRecord, "line 3", setup=lines("prose.csv", "text,label", "c d,e", "f,")
    ),
    "prose of one label": row(
        PROSE,
        DataError,
        "one class",
        setup=lines("prose.csv", "text,label", *[f"a {i},e" for i in range(50)]),
    ),
    "prose of which no more than one is there": row(
        PROSE,
        DataError,
        "'b'",
        setup=lines("prose.csv", "text,label", *[f"w {i},a" for i in range(50)], "x,b"),
    ),
    "a folder of an empty text": row(
        "train lstm --data reviews",
        BadRecord,
        "0.txt",
        setup=lambda folder: [
            (folder / "reviews" / kind).mkdir(parents=True)
            or [
                (folder / "reviews" / kind / f"{n}.txt").write_text("" if n == 0 else f"so {n}")
                for n in range(9)
            ]
            for kind in ("good", "bad")
        ],
    ),
}

SEEN = "train blip_captioner --data photos"
CAPTIONS: Table = {
    "captions that are no JSON": row(
        SEEN, BadRecord, "line 1", "not JSON", setup=captions("{image: 0.png}")
    ),
    "captions that are a list": row(
        SEEN, BadRecord, "no JSON object", setup=captions(["0.png", "a"])
    ),
    "captions that are a number": row(SEEN, BadRecord, "no JSON object", setup=captions(7)),
    "captions two a line": row(
        SEEN,
        BadRecord,
        "line 1",
        setup=captions('{"image": "0.png", "caption": "a"} {"image": "1.png"}'),
    ),
    "captions without end": row(SEEN, BadRecord, "line 1", setup=captions("[" * 100_000)),
    "captions without a picture": row(SEEN, BadRecord, "'image'", setup=captions({"caption": "a"})),
    "captions without a text": row(
        SEEN, BadRecord, "'caption'", setup=captions({"image": "0.png"})
    ),
    "captions with a key twice": row(
        SEEN,
        BadRecord,
        "twice",
        setup=captions('{"image": "0.png", "image": "1.png", "caption": "a"}'),
    ),
    "captions with two names of a picture": row(
        SEEN,
        BadRecord,
        "file_name",
        setup=captions({"image": "0.png", "file_name": "0.png", "caption": "a"}),
    ),
    "captions of a number": row(
        SEEN, BadRecord, "no text", setup=captions({"image": "0.png", "caption": 7})
    ),
    "captions of blanks": row(
        SEEN, BadRecord, "empty", setup=captions({"image": "0.png", "caption": " \t"})
    ),
    "captions of half a character": row(
        SEEN,
        BadRecord,
        "half a character",
        setup=captions('{"image": "0.png", "caption": "\\ud800"}'),
    ),
    "captions with a zero byte": row(
        SEEN, BadRecord, "zero byte", setup=captions({"image": "0.png", "caption": "a\0b"})
    ),
    "captions of a picture outside": row(
        SEEN, BadRecord, "outside", setup=captions({"image": "../0.png", "caption": "a"})
    ),
    "captions of a picture by its whole path": row(
        SEEN, BadRecord, "outside", setup=captions({"image": "/etc/passwd", "caption": "a"})
    ),
    "captions of a picture that is not there": row(
        SEEN, BadRecord, "did you mean '0.png'", setup=captions({"image": "0.pgn", "caption": "a"})
    ),
    "captions of a folder": row(
        SEEN, BadRecord, "no regular file", setup=captions({"image": ".", "caption": "a"})
    ),
    "captions of themselves": row(
        SEEN,
        DataError,
        "1 different picture",
        setup=captions(*[{"image": "captions.jsonl", "caption": f"a {n}"} for n in range(4)]),
    ),
    "captions of a name without end": row(
        SEEN, BadRecord, "line 1", setup=captions({"image": "a" * 5000, "caption": "a"})
    ),
    "one caption": row(
        SEEN, DataError, "photos", setup=captions({"image": "0.png", "caption": "a"})
    ),
    "a summary of some": row(
        SEEN,
        BadRecord,
        "summary",
        setup=captions(
            {"image": "0.png", "caption": "a", "summary": "b"}, {"image": "1.png", "caption": "a"}
        ),
    ),
    "two files of captions": row(
        SEEN,
        DataError,
        "metadata.jsonl",
        setup=lambda folder: (captioned(folder) / "metadata.jsonl").write_text("{}"),
    ),
}

FOLDER = "train cnn --data photos"


def _photo(name: str, make: Callable[[Path], object]) -> Make:
    """Return what makes a folder of pictures with something else in it."""
    return lambda folder: make(photos(folder) / name)


PHOTOS: Table = {
    "a file of notes in a class": row(
        FOLDER,
        BadRecord,
        "notes.md",
        setup=_photo("cat/notes.md", lambda place: place.write_text("a")),
    ),
    "a folder in a class": row(FOLDER, BadRecord, "cat/more", setup=_photo("cat/more", Path.mkdir)),
    "a class without pictures": row(FOLDER, DataError, "owl", setup=_photo("owl", Path.mkdir)),
    "a picture beside the classes": row(FOLDER, BadRecord, "0.png", setup=_photo("0.png", picture)),
    "a class that is a link to nowhere": row(
        FOLDER,
        (BadRecord, DataError),
        "owl",
        setup=_photo("owl", lambda place: place.symlink_to("gone")),
    ),
    "a class that is a link to itself": row(
        FOLDER,
        (BadRecord, DataError),
        "owl",
        setup=_photo("owl", lambda place: place.symlink_to("owl")),
    ),
    "a class that holds the classes": row(
        FOLDER,
        (BadRecord, DataError),
        "owl",
        setup=_photo("owl", lambda place: place.symlink_to("..")),
    ),
    "a picture that is a pipe": row(
        FOLDER, BadRecord, "cat/a.png", setup=_photo("cat/a.png", os.mkfifo)
    ),
    "a picture without an end": row(
        FOLDER,
        BadRecord,
        "cat/a.png",
        setup=_photo("cat/a.png", lambda place: place.symlink_to("/dev/zero")),
    ),
    "a picture of nothing": row(FOLDER, BadRecord, "empty", setup=_photo("cat/a.png", Path.touch)),
    "a picture of another size": row(
        FOLDER,
        ConfigError,
        "image_size",
        setup=_photo("cat/a.png", lambda place: picture(place, side=9)),
    ),
    "a web page for a picture": row(
        FOLDER,
        BadRecord,
        "a.jpg",
        setup=_photo("cat/a.jpg", lambda place: place.write_text("<html>")),
    ),
    "two folders to train on": row(
        FOLDER,
        DataError,
        "train",
        setup=lambda folder: [
            picture(folder / "photos" / split / kind / f"{n}.png")
            for split in ("train", "training")
            for kind in ("a", "b")
            for n in range(3)
        ],
    ),
    "classes that are not in training": row(
        FOLDER,
        DataError,
        "'c'",
        setup=lambda folder: [
            picture(folder / "photos" / split / kind / f"{n}.png")
            for split, kinds in (("train", "ab"), ("test", "abc"))
            for kind in kinds
            for n in range(3)
        ],
    ),
}

ARRAYS = "train cnn --data mine.npz"
ARRAY_TABLE: Table = {
    "an archive of nothing": row(ARRAYS, BadRecord, "x", setup=members()),
    "arrays without labels": row(ARRAYS, BadRecord, "y", setup=arrays(x=X)),
    "labels without arrays": row(ARRAYS, BadRecord, "x", setup=arrays(y=Y)),
    "arrays of other names": row(ARRAYS, BadRecord, "x", setup=arrays(images=X, labels=Y)),
    "more arrays than labels": row(ARRAYS, BadRecord, "60", "50", setup=arrays(x=X, y=Y[:50])),
    "no examples": row(ARRAYS, DataError, "mine.npz", setup=arrays(x=X[:0], y=Y[:0])),
    "arrays of no size": row(ARRAYS, DataError, "mine.npz", setup=arrays(x=X[:, :0], y=Y)),
    "an array of one number": row(ARRAYS, BadRecord, "x", setup=arrays(x=np.uint8(3), y=Y)),
    "arrays of five axes": row(ARRAYS, BadRecord, "x", setup=arrays(x=X[..., None], y=Y)),
    "arrays of complex numbers": row(ARRAYS, BadRecord, "complex", setup=arrays(x=X + 1j, y=Y)),
    "arrays of dates": row(
        ARRAYS, BadRecord, "datetime", setup=arrays(x=X[..., 0].astype("datetime64[s]"), y=Y)
    ),
    "arrays of records": row(
        ARRAYS, BadRecord, "x", setup=arrays(x=np.zeros(60, [("a", "i4"), ("b", "f4")]), y=Y)
    ),
    "arrays of texts": row(
        ARRAYS, BadRecord, "x", setup=arrays(x=np.array([["a", "b"]] * 60), y=Y)
    ),
    "arrays that run code": row(
        ARRAYS,
        BadRecord,
        "pickled",
        setup=lambda folder: np.savez(folder / "mine.npz", x=X, y=np.array([{}] * 60, object)),
    ),
    "labels that are no class": row(ARRAYS, BadRecord, "y", setup=arrays(x=X, y=Y + 0.5)),
    "labels of two axes": row(ARRAYS, BadRecord, "y", setup=arrays(x=X, y=np.stack([Y, Y], 1))),
    "one label": row(ARRAYS, DataError, "one class", setup=arrays(x=X, y=Y * 0)),
    "a label that is there once": row(
        ARRAYS, DataError, "1 example", setup=arrays(x=X, y=np.arange(60) // 59)
    ),
    "fewer names than labels": row(
        ARRAYS, (BadRecord, DataError), "labels", setup=arrays(x=X, y=Y, labels=np.array(["a"]))
    ),
    "names that are the same": row(
        ARRAYS,
        (BadRecord, DataError),
        "labels",
        setup=arrays(x=X, y=Y, labels=np.array(["a", "a"])),
    ),
    "splits of other shapes": row(
        ARRAYS,
        BadRecord,
        "x_test",
        setup=arrays(x_train=X, y_train=Y, x_test=X[:, :4], y_test=Y),
    ),
    "a test split without training": row(ARRAYS, BadRecord, "x", setup=arrays(x_test=X, y_test=Y)),
    "rows with an endless number": row(
        "train mlp_classifier --data mine.npz",
        BadRecord,
        "mine.npz",
        setup=arrays(
            x=np.where(np.arange(120).reshape(60, 2) == 7, np.inf, 1.0).astype("float32"), y=Y
        ),
    ),
    "a member that is no array": row(
        ARRAYS, BadRecord, "no array", setup=members(x=b"hello", y=b"you")
    ),
    "a member that says it is huge": row(
        ARRAYS,
        BadRecord,
        "mine.npz",
        setup=members(
            x=npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,)}"), y=b""
        ),
    ),
    "a member of negative size": row(
        ARRAYS,
        BadRecord,
        "mine.npz",
        setup=members(x=npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-4,)}"), y=b""),
    ),
    "a member with a program for a header": row(
        ARRAYS, BadRecord, "mine.npz", setup=members(x=npy("__import__('os').system('ls')"), y=b"")
    ),
    "a member with a deep header": row(
        ARRAYS, BadRecord, "mine.npz", setup=members(x=npy("(" * 117), y=b"")
    ),
}

INPUTS: Table = {
    "rows for a picture": row(
        "predict {exports}/cnn/1 t.csv", DataError, "records", setup=lines("t.csv", "a", "1")
    ),
    "a picture for rows": row(
        "predict {exports}/mlp_regressor/1 a.png",
        BadRecord,
        "images",
        setup=lambda f: picture(f / "a.png"),
    ),
    "a text for a picture": row("predict {exports}/cnn/1 'a dog'", BadRecord, "a dog"),
    "rows without a column": row(
        "predict {exports}/mlp_regressor/1 t.csv",
        BadRecord,
        "missing",
        setup=lines("t.csv", "a", "1"),
    ),
    "a shape of another kind": row(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "shape",
        setup=written("a.npy", npy_file(np.zeros((2, 9, 9, 1), np.uint8))),
    ),
    "no examples at all": row(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "no examples",
        setup=written("a.npy", npy_file(np.zeros((0, 8, 8, 1), np.uint8))),
    ),
    "numbers that lose something": row(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "without loss",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), 0.5))),
    ),
    "levels above the range of a byte": row(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "without loss",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), 300))),
    ),
    "numbers that are texts": row(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "no numbers",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), "a"))),
    ),
    "an array that runs code": row(
        "predict {exports}/cnn/1 a.npy",
        BadRecord,
        "a.npy",
        setup=lambda f: np.save(f / "a.npy", np.array([{}], object)),
    ),
    "an array that says it is huge": row(
        "predict {exports}/cnn/1 a.npy",
        BadRecord,
        "a.npy",
        setup=written(
            "a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,)}")
        ),
    ),
    "an archive without the input": row(
        "predict {exports}/mlp_regressor/1 a.npz",
        BadRecord,
        "no array",
        setup=lambda f: np.savez(f / "a.npz", other=np.zeros(3)),
    ),
    "an archive that is one array": row(
        "predict {exports}/mlp_regressor/1 a.npz",
        BadRecord,
        "no archive",
        setup=written("a.npz", npy_file(np.zeros(3))),
    ),
    "two kinds of files": row(
        "predict {exports}/cnn/1 a.png b.npy",
        DataError,
        "not all of them images",
        setup=lambda f: [picture(f / "a.png"), np.save(f / "b.npy", np.zeros(3))],
    ),
    "a file twice, once not there": row(
        "predict {exports}/cnn/1 a.png b.png",
        BadRecord,
        "b.png",
        setup=lambda f: picture(f / "a.png"),
    ),
    "an empty text": row("predict {exports}/transformer/1 ''", DataError, "empty"),
    "a text of blanks": row("predict {exports}/transformer/1 '  '", DataError, "empty"),
    "a text that is too long": row(
        f"predict {{exports}}/transformer/1 '{'one ' * 500}'", DataError, "pieces"
    ),
    "a file with a text that is too long": row(
        "predict {exports}/transformer/1 a.txt",
        BadRecord,
        "line 2",
        setup=lines("a.txt", "one", "one " * 500),
    ),
    "a table of which no column is the text": row(
        "predict {exports}/transformer/1 a.csv",
        BadRecord,
        "which column",
        setup=lines("a.csv", "a,b", "c,d"),
    ),
    "a history that is too short": row(
        "predict {exports}/lstm_daily_min_temperatures/1 a.csv",
        DataError,
        "a.csv",
        setup=lines("a.csv", "date,minimum", "1990-01-01,3.5", "1990-01-02,4.5"),
    ),
    "a given value out of range": row(
        "sample {exports}/rbm/1 --given a.npy",
        DataError,
        "range",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), 300.0, np.float32))),
    ),
}


@pytest.fixture(autouse=True)
def _workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@cases(TABLES, SERIES_TABLE, TEXTS, CAPTIONS, PHOTOS, ARRAY_TABLE)
def test_odd_data_are_refused_and_no_run_is_left(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys)


@cases(INPUTS)
def test_odd_inputs_are_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys, exports=EXPORTS)


def test_an_archive_that_unpacks_to_more_than_the_limit_is_not_unpacked(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("zoo.data.npz.MAX_BYTES", 1_000)
    run_row(row(ARRAYS, UnsafeArchive, "unpacks to", setup=arrays(x=X, y=Y)), tmp_path, capsys)
