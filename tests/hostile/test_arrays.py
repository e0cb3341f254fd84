"""Images, arrays and inputs in every wrong form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hostile.files import (
    Make,
    arrays,
    lines,
    members,
    npy,
    npy_file,
    photos,
    picture,
    written,
)
from tests.hostile.harness import EXPORTS, Case, Table, case, cases, run_case
from zoo.errors import BadRecord, ConfigError, DataError, StorageError, UnsafeArchive

X = np.zeros((60, 8, 8, 1), np.uint8)
Y = np.arange(60) % 2

FOLDER = "train cnn --data photos"


def _photo(name: str, make: Callable[[Path], object]) -> Make:
    """Return a function that writes a folder of images and calls another with one of its paths."""
    return lambda folder: make(photos(folder) / name)


def flip_a_bit(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[50] ^= 255
    place.write_bytes(content)


PHOTOS: Table = {
    "images of one class": case(
        FOLDER,
        DataError,
        "only one class, 'cat'",
        setup=lambda folder: photos(folder, classes=("cat",)),
    ),
    "a folder of nothing": case(
        FOLDER, DataError, "one folder per class", setup=lambda folder: (folder / "photos").mkdir()
    ),
    "images without classes": case(
        FOLDER, DataError, "mkdir", setup=lambda folder: picture(folder / "photos" / "0.png")
    ),
    "a PNG with a flipped bit": case(
        FOLDER, BadRecord, "dog/3.png", setup=_photo("dog/3.png", flip_a_bit)
    ),
    "a file of notes in a class": case(
        FOLDER,
        BadRecord,
        "notes.md",
        setup=_photo("cat/notes.md", lambda place: place.write_text("a")),
    ),
    "a folder in a class": case(
        FOLDER, BadRecord, "cat/more", setup=_photo("cat/more", Path.mkdir)
    ),
    "a class without pictures": case(FOLDER, DataError, "owl", setup=_photo("owl", Path.mkdir)),
    "a picture beside the classes": case(
        FOLDER, BadRecord, "0.png", setup=_photo("0.png", picture)
    ),
    "a class that is a link to nowhere": case(
        FOLDER,
        (BadRecord, DataError),
        "owl",
        setup=_photo("owl", lambda place: place.symlink_to("gone")),
    ),
    "a class that is a link to itself": case(
        FOLDER,
        (BadRecord, DataError),
        "owl",
        setup=_photo("owl", lambda place: place.symlink_to("owl")),
    ),
    "a class that holds the classes": case(
        FOLDER,
        (BadRecord, DataError),
        "owl",
        setup=_photo("owl", lambda place: place.symlink_to("..")),
    ),
    "a picture that is a pipe": case(
        FOLDER, BadRecord, "cat/a.png", setup=_photo("cat/a.png", os.mkfifo)
    ),
    "a picture without an end": case(
        FOLDER,
        BadRecord,
        "cat/a.png",
        setup=_photo("cat/a.png", lambda place: place.symlink_to("/dev/zero")),
    ),
    "a picture of nothing": case(FOLDER, BadRecord, "empty", setup=_photo("cat/a.png", Path.touch)),
    "a picture of another size": case(
        FOLDER,
        ConfigError,
        "image_size",
        setup=_photo("cat/a.png", lambda place: picture(place, side=9)),
    ),
    "a web page for a picture": case(
        FOLDER,
        BadRecord,
        "a.jpg",
        setup=_photo("cat/a.jpg", lambda place: place.write_text("<html>")),
    ),
    "two folders to train on": case(
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
    "classes that are not in training": case(
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
    "an archive that is cut off": case(
        ARRAYS,
        BadRecord,
        "mine.npz",
        setup=lambda folder: [arrays(x=X, y=Y)(folder), os.truncate(folder / "mine.npz", 400)],
    ),
    "a file of another kind": case(
        "train cnn --data data.xlsx", DataError, "data.xlsx", setup=written("data.xlsx", b"PK")
    ),
    "an archive of nothing": case(ARRAYS, BadRecord, "x", setup=members()),
    "arrays without labels": case(ARRAYS, BadRecord, "y", setup=arrays(x=X)),
    "labels without arrays": case(ARRAYS, BadRecord, "x", setup=arrays(y=Y)),
    "arrays of other names": case(ARRAYS, BadRecord, "x", setup=arrays(images=X, labels=Y)),
    "more arrays than labels": case(ARRAYS, BadRecord, "60", "50", setup=arrays(x=X, y=Y[:50])),
    "no examples": case(ARRAYS, DataError, "mine.npz", setup=arrays(x=X[:0], y=Y[:0])),
    "arrays of no size": case(ARRAYS, DataError, "mine.npz", setup=arrays(x=X[:, :0], y=Y)),
    "an array of one number": case(ARRAYS, BadRecord, "x", setup=arrays(x=np.uint8(3), y=Y)),
    "arrays of five axes": case(ARRAYS, BadRecord, "x", setup=arrays(x=X[..., None], y=Y)),
    "arrays of complex numbers": case(ARRAYS, BadRecord, "complex", setup=arrays(x=X + 1j, y=Y)),
    "arrays of dates": case(
        ARRAYS, BadRecord, "datetime", setup=arrays(x=X[..., 0].astype("datetime64[s]"), y=Y)
    ),
    "arrays of records": case(
        ARRAYS, BadRecord, "x", setup=arrays(x=np.zeros(60, [("a", "i4"), ("b", "f4")]), y=Y)
    ),
    "arrays of texts": case(
        ARRAYS, BadRecord, "x", setup=arrays(x=np.array([["a", "b"]] * 60), y=Y)
    ),
    "arrays that run code": case(
        ARRAYS,
        BadRecord,
        "pickled",
        setup=lambda folder: np.savez(folder / "mine.npz", x=X, y=np.array([{}] * 60, object)),
    ),
    "labels that are no class": case(
        ARRAYS, ConfigError, "regression", setup=arrays(x=X, y=Y + 0.5)
    ),
    "labels of two axes": case(ARRAYS, BadRecord, "y", setup=arrays(x=X, y=np.stack([Y, Y], 1))),
    "one label": case(ARRAYS, DataError, "one class", setup=arrays(x=X, y=Y * 0)),
    "a label that is there once": case(
        ARRAYS, DataError, "1 example", setup=arrays(x=X, y=np.arange(60) // 59)
    ),
    "fewer names than labels": case(
        ARRAYS, (BadRecord, DataError), "labels", setup=arrays(x=X, y=Y, labels=np.array(["a"]))
    ),
    "names that are the same": case(
        ARRAYS,
        (BadRecord, DataError),
        "labels",
        setup=arrays(x=X, y=Y, labels=np.array(["a", "a"])),
    ),
    "splits of other shapes": case(
        ARRAYS,
        BadRecord,
        "x_test",
        setup=arrays(x_train=X, y_train=Y, x_test=X[:, :4], y_test=Y),
    ),
    "a test split without training": case(ARRAYS, BadRecord, "x", setup=arrays(x_test=X, y_test=Y)),
    "rows with an endless number": case(
        "train mlp_classifier --data mine.npz",
        BadRecord,
        "mine.npz",
        setup=arrays(
            x=np.where(np.arange(120).reshape(60, 2) == 7, np.inf, 1.0).astype("float32"), y=Y
        ),
    ),
    "a member that is no array": case(
        ARRAYS, BadRecord, "not an array", setup=members(x=b"hello", y=b"you")
    ),
    "a member that says it is huge": case(
        ARRAYS,
        BadRecord,
        "mine.npz",
        setup=members(
            x=npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,)}"), y=b""
        ),
    ),
    "a member of negative size": case(
        ARRAYS,
        BadRecord,
        "mine.npz",
        setup=members(x=npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-4,)}"), y=b""),
    ),
    "a member with a program for a header": case(
        ARRAYS, BadRecord, "mine.npz", setup=members(x=npy("__import__('os').system('ls')"), y=b"")
    ),
    "a member with a deep header": case(
        ARRAYS, BadRecord, "mine.npz", setup=members(x=npy("(" * 117), y=b"")
    ),
}

INPUTS: Table = {
    "rows for a picture": case(
        "predict {exports}/cnn/1 t.csv", DataError, "records", setup=lines("t.csv", "a", "1")
    ),
    "a picture for rows": case(
        "predict {exports}/mlp_regressor/1 a.png",
        BadRecord,
        "images",
        setup=lambda f: picture(f / "a.png"),
    ),
    "a text for a picture": case("predict {exports}/cnn/1 'a dog'", BadRecord, "a dog"),
    "rows without a column": case(
        "predict {exports}/mlp_regressor/1 t.csv",
        BadRecord,
        "missing",
        setup=lines("t.csv", "a", "1"),
    ),
    "a shape of another kind": case(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "shape",
        setup=written("a.npy", npy_file(np.zeros((2, 9, 9, 1), np.uint8))),
    ),
    "no examples at all": case(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "no examples",
        setup=written("a.npy", npy_file(np.zeros((0, 8, 8, 1), np.uint8))),
    ),
    "numbers that lose something": case(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "without loss",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), 0.5))),
    ),
    "levels above the range of a byte": case(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "without loss",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), 300))),
    ),
    "numbers that are texts": case(
        "predict {exports}/cnn/1 a.npy",
        DataError,
        "not numeric",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), "a"))),
    ),
    "an array that runs code": case(
        "predict {exports}/cnn/1 a.npy",
        BadRecord,
        "a.npy",
        setup=lambda f: np.save(f / "a.npy", np.array([{}], object)),
    ),
    "an array that says it is huge": case(
        "predict {exports}/cnn/1 a.npy",
        BadRecord,
        "a.npy",
        setup=written(
            "a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,)}")
        ),
    ),
    "an archive without the input": case(
        "predict {exports}/mlp_regressor/1 a.npz",
        BadRecord,
        "no array",
        setup=lambda f: np.savez(f / "a.npz", other=np.zeros(3)),
    ),
    "an archive that is one array": case(
        "predict {exports}/mlp_regressor/1 a.npz",
        BadRecord,
        "not an archive",
        setup=written("a.npz", npy_file(np.zeros(3))),
    ),
    "two kinds of files": case(
        "predict {exports}/cnn/1 a.png b.npy",
        DataError,
        "not all of them images",
        setup=lambda f: [picture(f / "a.png"), np.save(f / "b.npy", np.zeros(3))],
    ),
    "a file twice, once not there": case(
        "predict {exports}/cnn/1 a.png b.png",
        BadRecord,
        "b.png",
        setup=lambda f: picture(f / "a.png"),
    ),
    "an empty text": case("predict {exports}/transformer/1 ''", DataError, "empty"),
    "a text of blanks": case("predict {exports}/transformer/1 '  '", DataError, "empty"),
    "a text that is too long": case(
        f"predict {{exports}}/transformer/1 '{'one ' * 500}'", DataError, "tokens"
    ),
    "a file with a text that is too long": case(
        "predict {exports}/transformer/1 a.txt",
        BadRecord,
        "line 2",
        setup=lines("a.txt", "one", "one " * 500),
    ),
    "a table of which no column is the text": case(
        "predict {exports}/transformer/1 a.csv",
        BadRecord,
        "which column",
        setup=lines("a.csv", "a,b", "c,d"),
    ),
    "a history that is too short": case(
        "predict {exports}/lstm_daily_min_temperatures/1 a.csv",
        DataError,
        "a.csv",
        setup=lines("a.csv", "date,minimum", "1990-01-01,3.5", "1990-01-02,4.5"),
    ),
    "a given value out of range": case(
        "sample {exports}/rbm/1 --given a.npy",
        DataError,
        "range",
        setup=written("a.npy", npy_file(np.full((1, 8, 8, 1), 300.0, np.float32))),
    ),
}


OUT = "predict {exports}/mlp_regressor/1 a.csv --out out.csv"
ROWS: Table = {
    "rows of a pipe": case(OUT, BadRecord, "a.csv", setup=lambda f: os.mkfifo(f / "a.csv")),
    "rows that never end": case(
        OUT, BadRecord, "a.csv", setup=lambda f: (f / "a.csv").symlink_to("/dev/zero")
    ),
    "rows without a row": case(OUT, (BadRecord, DataError), "column", setup=lines("a.csv", "a,b")),
    "rows without a header": case(OUT, BadRecord, "empty", setup=written("a.csv", b"")),
    "rows with a quote that is not closed": case(
        OUT, BadRecord, "line 1", setup=lines("a.csv", '"a,b', "1,2")
    ),
    "rows of Parquet that are none": case(
        "predict {exports}/mlp_regressor/1 a.parquet --out out.csv",
        BadRecord,
        "a.parquet",
        setup=written("a.parquet", b"PAR1 and no more PAR1"),
    ),
    "objects without the columns": case(
        "predict {exports}/mlp_regressor/1 a.jsonl --out out.csv",
        BadRecord,
        "line 1",
        setup=lines("a.jsonl", "{}"),
    ),
    "a line of brackets": case(
        "predict {exports}/mlp_regressor/1 a.jsonl --out out.csv",
        BadRecord,
        "line 1",
        setup=lines("a.jsonl", "[" * 100_000),
    ),
    "a folder of nothing": case(
        "predict {exports}/cnn/1 photos --out out.csv",
        DataError,
        "photos",
        setup=lambda f: (f / "photos" / ".hidden").mkdir(parents=True),
    ),
    "a folder with a broken image": case(
        "predict {exports}/cnn/1 photos --out out.csv",
        BadRecord,
        "b.png",
        setup=lambda f: (picture(f / "photos" / "a.png"), written("photos/b.png", b"x")(f)),
    ),
    "outputs in a file of another kind": case(
        "predict {exports}/cnn/1 a.png --out out.txt",
        ConfigError,
        "out.txt",
        setup=lambda f: picture(f / "a.png"),
    ),
    "outputs below a file": case(
        "predict {exports}/cnn/1 a.png --out a.png/out.csv",
        StorageError,
        "out.csv",
        setup=lambda f: picture(f / "a.png"),
    ),
    "another column of ids": case(
        "predict {exports}/transformer/1 a.txt --out out.csv --id row",
        ConfigError,
        "id_column",
        setup=lines("a.txt", "one"),
    ),
}


@cases(PHOTOS, ARRAY_TABLE)
def test_odd_arrays_are_refused_and_no_run_is_left(case: Case, tmp_path):
    run_case(case, tmp_path)


@cases(INPUTS, ROWS)
def test_odd_inputs_are_refused(case: Case, tmp_path):
    run_case(case, tmp_path, exports=EXPORTS)


def test_an_archive_that_unpacks_to_more_than_the_limit_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.data.arrays.MAX_BYTES", 1_000)
    run_case(case(ARRAYS, UnsafeArchive, "unpacks to", setup=arrays(x=X, y=Y)), tmp_path)
