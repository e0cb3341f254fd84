"""Bad data: said what is wrong with which file, before a run begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hostile.support import Case, Outcome, call, check, good_table, listing, photos, table

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("PIL", reason="the pictures are made with Pillow")

FOLDER = "train cnn --data photos"
TABLE = "train mlp_classifier --data table.csv"
ARRAYS = "train cnn --data mine.npz"


def one_class(folder: Path) -> None:
    photos(folder, classes=("cat",))


def empty_class(folder: Path) -> None:
    (photos(folder) / "bird").mkdir()


def empty_folder(folder: Path) -> None:
    (folder / "photos").mkdir()


def loose_pictures(folder: Path) -> None:
    root = photos(folder)
    (root / "0.png").write_bytes((root / "cat" / "0.png").read_bytes())


def only_loose_pictures(folder: Path) -> None:
    root = photos(folder)
    for file in [*root.glob("*/*.png")]:
        file.rename(root / f"{file.parent.name}{file.name}")
    for name in ("cat", "dog"):
        (root / name).rmdir()


def torn_png(folder: Path) -> None:
    file = photos(folder) / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:60])


def flipped_png(folder: Path) -> None:
    file = photos(folder) / "dog" / "3.png"
    content = bytearray(file.read_bytes())
    content[50] ^= 255
    file.write_bytes(bytes(content))


def torn_jpg(folder: Path) -> None:
    from PIL import Image

    root = photos(folder)
    file = root / "dog" / "picture.jpg"
    Image.open(root / "dog" / "0.png").save(file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zero_bytes(folder: Path) -> None:
    (photos(folder) / "cat" / "4.png").write_bytes(b"")


def text_as_png(folder: Path) -> None:
    (photos(folder) / "cat" / "4.png").write_text("I am no picture")


def text_beside(folder: Path) -> None:
    (photos(folder) / "cat" / "notes.txt").write_text("mine")


def two_sizes(folder: Path) -> None:
    photos(folder, classes=("cat",), side=8)
    photos(folder, classes=("dog",), side=12)


def other_classes_in_test(folder: Path) -> None:
    root = photos(folder)
    for split, names in (("train", ("cat", "dog")), ("test", ("cat", "bird"))):
        for name in names:
            source = root / ("dog" if name == "bird" else name)
            target = root / split / name
            target.mkdir(parents=True)
            for file in source.iterdir():
                (target / file.name).write_bytes(file.read_bytes())
    for name in ("cat", "dog"):
        for file in (root / name).iterdir():
            file.unlink()
        (root / name).rmdir()


def few_pictures(folder: Path) -> None:
    root = photos(folder)
    for number in range(1, 10):
        (root / "dog" / f"{number}.png").unlink()


def ragged(folder: Path) -> None:
    file = good_table(folder)
    lines = file.read_text().splitlines()
    lines[41] = "1,2"
    table(folder, *lines)


def not_a_number(folder: Path) -> None:
    file = good_table(folder)
    lines = file.read_text().splitlines()
    lines[41] = "1,many,no"
    table(folder, *lines)


def empty_file(folder: Path) -> None:
    (folder / "table.csv").write_bytes(b"")


def header_alone(folder: Path) -> None:
    table(folder, "a,b,answer")


def one_answer(folder: Path) -> None:
    table(folder, "a,b,answer", *[f"{i},{i % 3},yes" for i in range(50)])


def no_answer(folder: Path) -> None:
    file = good_table(folder)
    lines = file.read_text().splitlines()
    lines[12] = "1,2,"
    table(folder, *lines)


def twice_a_column(folder: Path) -> None:
    table(folder, "a,a,answer", *[f"{i},{i % 3},{'yes' if i % 2 else 'no'}" for i in range(50)])


def binary(folder: Path) -> None:
    (folder / "table.csv").write_bytes(bytes(range(256)) * 20)


def arrays(folder: Path, **named: np.ndarray) -> None:
    np.savez(folder / "mine.npz", **named)


def lengths_differ(folder: Path) -> None:
    arrays(folder, x=np.zeros((60, 8, 8, 1), np.uint8), y=np.arange(50) % 2)


def no_labels(folder: Path) -> None:
    arrays(folder, x=np.zeros((60, 8, 8, 1), np.uint8))


def pickled(folder: Path) -> None:
    arrays(
        folder,
        x=np.zeros((60, 8, 8, 1), np.uint8),
        y=np.array([{"a": 1}] * 60, dtype=object),
    )


def one_label(folder: Path) -> None:
    arrays(folder, x=np.zeros((60, 8, 8, 1), np.uint8), y=np.zeros(60, np.int64))


def infinite(folder: Path) -> None:
    x = np.zeros((60, 8, 8, 1), np.float32)
    x[7] = np.inf
    arrays(folder, x=x, y=np.arange(60) % 2)


def torn_archive(folder: Path) -> None:
    arrays(folder, x=np.zeros((60, 8, 8, 1), np.uint8), y=np.arange(60) % 2)
    file = folder / "mine.npz"
    file.write_bytes(file.read_bytes()[:400])


def odd_kind(folder: Path) -> None:
    (folder / "data.xlsx").write_bytes(b"PK")


CASES = [
    Case("one-class", FOLDER, 5, "ZOO-E300", ("photos", "only one class, 'cat'"), one_class),
    Case("empty-class", FOLDER, 5, "ZOO-E300", ("bird", "empty"), empty_class),
    Case("empty-folder", FOLDER, 5, "ZOO-E300", ("photos", "one folder per class"), empty_folder),
    Case("loose", FOLDER, 5, "ZOO-E304", ("photos/0.png",), loose_pictures),
    Case("only-loose", FOLDER, 5, "ZOO-E300", ("photos", "mkdir"), only_loose_pictures),
    Case("torn-png", FOLDER, 5, "ZOO-E304", ("dog/3.png",), torn_png),
    Case("flipped-png", FOLDER, 5, "ZOO-E304", ("dog/3.png",), flipped_png),
    Case("torn-jpg", FOLDER, 5, "ZOO-E304", ("dog/picture.jpg",), torn_jpg),
    Case("zero-bytes", FOLDER, 5, "ZOO-E304", ("cat/4.png", "empty"), zero_bytes),
    Case("text-as-png", FOLDER, 5, "ZOO-E304", ("cat/4.png",), text_as_png),
    Case("text-beside", FOLDER, 5, "ZOO-E304", ("cat/notes.txt",), text_beside),
    Case("two-sizes", FOLDER, 4, "ZOO-E200", ("image_size",), two_sizes),
    Case("other-classes", FOLDER, 5, "ZOO-E300", ("'bird'", "test"), other_classes_in_test),
    Case("one-picture", FOLDER, 5, "ZOO-E300", ("'dog'",), few_pictures),
    Case("ragged", TABLE, 5, "ZOO-E304", ("table.csv, line 42",), ragged),
    Case(
        "not-a-number",
        f"{TABLE} --data-option numeric=[b]",
        5,
        "ZOO-E304",
        ("table.csv, line 42, column 'b'", "many"),
        not_a_number,
    ),
    Case("empty-file", TABLE, 5, "ZOO-E304", ("table.csv", "empty"), empty_file),
    Case("header-alone", TABLE, 5, "ZOO-E304", ("table.csv", "no rows"), header_alone),
    Case("one-answer", TABLE, 5, "ZOO-E300", ("only one class: 'yes'",), one_answer),
    Case("no-answer", TABLE, 5, "ZOO-E304", ("table.csv, line 13, column 'answer'",), no_answer),
    Case("twice-a-column", TABLE, 5, "ZOO-E304", ("'a'",), twice_a_column),
    Case("binary", TABLE, 5, "ZOO-E304", ("table.csv",), binary),
    Case("lengths-differ", ARRAYS, 5, "ZOO-E3", ("mine.npz", "60", "50"), lengths_differ),
    Case("no-labels", ARRAYS, 5, "ZOO-E3", ("mine.npz", "y"), no_labels),
    Case("pickled", ARRAYS, 5, "ZOO-E304", ("mine.npz",), pickled),
    Case("one-label", ARRAYS, 5, "ZOO-E300", ("one class",), one_label),
    Case("infinite", ARRAYS, 5, "ZOO-E304", ("mine.npz",), infinite),
    Case("torn-archive", ARRAYS, 5, "ZOO-E304", ("mine.npz",), torn_archive),
    Case("odd-kind", "train cnn --data data.xlsx", 5, "ZOO-E300", ("data.xlsx",), odd_kind),
    Case(
        "pictures-for-a-table",
        "train cnn --data table.csv",
        4,
        "ZOO-E200",
        ("image",),
        good_table,
    ),
    Case(
        "offline",
        "train cnn --data mnist",
        5,
        "ZOO-E302",
        ("mnist", "ZOO_OFFLINE"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_data_is_refused_and_no_run_is_left_behind(case: Case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    case.setup(tmp_path)
    before = listing(tmp_path)
    exit_code = call(*case.words.split(), "--epochs", "1").exit
    printed = capsys.readouterr()
    check(case, Outcome(exit_code, printed.out, printed.err))
    assert listing(tmp_path) == before
