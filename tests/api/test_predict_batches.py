"""Predictions for inputs of any size: rows, blocks, shards, errors, and files that are resumed."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.api.batch_prediction import partial_file, write_predictions
from zoo.errors import BadRecord, ConfigError, DataError, Incompatible, StorageError

EXPORTS = Path(__file__).parents[2] / "exports"
TABLES, IMAGES, TEXTS = (EXPORTS / name / "1" for name in ("mlp_regressor", "cnn", "transformer"))
COLUMNS = [
    column.name
    for spec in zoo.load(TABLES).inputs  # type: ignore[union-attr]
    for column in spec.columns or ()
]


def records(count: int) -> list[dict[str, Any]]:
    values = np.random.default_rng(0).uniform(20, 90, (count, len(COLUMNS))).round(2)
    found = [dict(zip(COLUMNS, row, strict=True)) for row in values.tolist()]
    return [{**one, "sex": 1 + at % 2, "name": f"p{at}"} for at, one in enumerate(found)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return path
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", newline="") as stream:
            marks = {".csv": ";", ".tsv": "\t"}
            writer = csv.DictWriter(stream, rows[0], delimiter=marks[path.suffix])
            writer.writeheader()
            writer.writerows(rows)
        return path
    pandas = pytest.importorskip("pandas")
    write = {".parquet": "to_parquet", ".xlsx": "to_excel", ".feather": "to_feather"}
    extra = {"index": False} if path.suffix == ".xlsx" else {}
    getattr(pandas.DataFrame(rows), write[path.suffix])(path, **extra)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def picture(path: Path, level: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(level).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".feather"])
def test_a_table_in_any_format_has_the_outputs_of_its_records(tmp_path: Path, suffix: str) -> None:
    rows = records(70)
    expected = zoo.predict(TABLES, rows).outputs["prediction"]
    source = write_rows(tmp_path / f"rows{suffix}", rows)
    batches = list(zoo.predict_batches(TABLES, source, batch_size=32, id_column="name"))
    assert [len(batch.rows) for batch in batches] == [32, 32, 6]
    names = [name for batch in batches for name in batch.rows]
    assert names == [{"row": at, "name": f"p{at}"} for at in range(70)]
    found = np.concatenate(
        [batch.prediction.outputs["prediction"] for batch in batches if batch.prediction]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_images_of_a_folder_are_named_by_their_paths_in_it(tmp_path: Path) -> None:
    names = ["0.png", "a/1.png", "a/b/2.PNG", "c d/ü.png"]
    for level, name in enumerate(names):
        picture(tmp_path / "photos" / name, level)
    picture(tmp_path / "photos" / ".hidden" / "4.png")
    (tmp_path / "photos" / "notes.md").write_text("no image")
    (batch,) = zoo.predict_batches(IMAGES, tmp_path / "photos")
    assert [row["file"] for row in batch.rows] == names
    each = [zoo.predict(IMAGES, tmp_path / "photos" / name).labels[0] for name in names]
    assert batch.prediction is not None
    assert batch.prediction.labels == each


def test_several_inputs_are_named_as_they_were_given(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    picture(Path("photos/a/1.png"))
    picture(Path("one.png"))
    np.save("more.npy", np.zeros((2, 8, 8, 1), np.uint8))
    names = [
        row["file"]
        for batch in zoo.predict_batches(IMAGES, ["photos", "one.png", "more.npy"])
        for row in batch.rows
    ]
    assert names == ["photos/a/1.png", "one.png", "more.npy[0]", "more.npy[1]"]


def test_texts_are_the_lines_of_a_file_the_column_of_a_table_or_records(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    (tmp_path / "b.csv").write_text('text,kind\n"one",x\ntwo,y\n')
    (tmp_path / "c.jsonl").write_text('{"source": "one"}\n{"source": "two"}\n')
    paths = [tmp_path / name for name in ("a.txt", "b.csv", "c.jsonl")]
    batches = list(zoo.predict_batches(TEXTS, paths))
    found = [record["text"] for batch in batches for record in batch.as_dicts()]
    assert found == ["uno", "dos"] * 3
    (batch,) = zoo.predict_batches(TEXTS, iter(["one", "two"]))
    assert [record["text"] for record in batch.as_dicts()] == ["uno", "dos"]


@pytest.mark.parametrize(
    ("form", "rows"), [(None, ".csv"), (None, ".jsonl"), ("csv", ".csv"), ("jsonl", ".jsonl")]
)
def test_an_open_file_is_read_as_what_the_model_takes(
    tmp_path: Path, form: str | None, rows: str
) -> None:
    path = write_rows(tmp_path / f"rows{rows}", records(3))
    with path.open("rb") as stream:
        (batch,) = zoo.predict_batches(TABLES, stream, input_format=form)
    assert [row["row"] for row in batch.rows] == [0, 1, 2]


def most_memory(source: Any) -> int:
    """Return the most bytes that predicting takes."""
    tracemalloc.start()
    for _ in zoo.predict_batches(TABLES, source, batch_size=64):
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_rows_are_taken_one_block_at_a_time_however_many_there_are() -> None:
    taken = 0
    row = records(1)[0]

    def rows(count: int) -> Any:
        nonlocal taken
        for _ in range(count):
            taken += 1
            yield row

    batches = zoo.predict_batches(TABLES, rows(10**9), batch_size=16)
    assert taken == 0
    next(batches)
    assert taken == 17  # the next row tells that a block is full

    def peak(count: int) -> int:
        return most_memory(rows(count))

    peak(64)
    assert peak(3_072) < 1.5 * peak(256)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = write_rows(tmp_path / f"{count}.csv", records(8) * (count // 8))
        return most_memory(path)

    peak(64)
    assert peak(3_072) < 1.5 * peak(256)


def test_a_wrong_row_stops_with_its_place_or_is_reported(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", records(4))
    lines = path.read_bytes().splitlines()
    bad = [b"1;2", lines[1].replace(b".", b"x"), lines[2][:-3] + b"\xff;"]
    path.write_bytes(b"\n".join([*lines[:2], *bad, *lines[2:]]) + b"\n")
    with pytest.raises(BadRecord, match=r"rows\.csv, line 3: the row has 2 cells"):
        list(zoo.predict_batches(TABLES, path))
    (batch,) = zoo.predict_batches(TABLES, path, skip_errors=True)
    assert list(batch.errors) == [1, 2, 3]
    told = batch.as_dicts()
    assert "line 3: the row has 2 cells" in told[1]["error"]
    assert "line 4, column" in told[2]["error"]
    assert "line 5: the byte 0xff" in told[3]["error"]
    right = [record for record in told if "error" not in record]
    assert len(right) == 4
    whole = zoo.predict(TABLES, records(4)).outputs["prediction"]
    np.testing.assert_allclose([one["prediction"] for one in right], whole, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "rows", "says"),
    [
        (TEXTS, ["one", " ", "two"], "row 1: "),
        (TABLES, [*records(2), {"age": 3}], "record 2: the column"),
        (TABLES, [*records(2), {**records(1)[0], "age": "old"}], "record 2, column 'age'"),
    ],
    ids=["text", "record without a column", "record with a text"],
)
def test_a_wrong_value_in_memory_is_named_by_its_position(
    model: Path, rows: list[Any], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        list(zoo.predict_batches(model, iter(rows), batch_size=2))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_shards_joined_are_the_whole_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    source = write_rows(tmp_path / "rows.csv", records(50))
    whole = tmp_path / f"whole{suffix}"
    assert write_predictions(TABLES, source, whole, batch_size=8) == (50, 0)
    lines: list[str] = []
    header = 1 if suffix == ".csv" else 0
    for number in (1, 2, 3):
        part = tmp_path / f"{number}{suffix}"
        write_predictions(TABLES, source, part, batch_size=8, shard=(number, 3))
        lines += part.read_text().splitlines()[header:]
    key = (lambda line: int(line.split(",")[0])) if header else (lambda one: json.loads(one)["row"])
    assert sorted(lines, key=key) == whole.read_text().splitlines()[header:]


def test_a_shard_without_a_block_has_a_header(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.csv", records(3))
    out = tmp_path / "out.csv"
    assert write_predictions(TABLES, source, out, shard=(2, 2)) == (0, 0)
    assert out.read_text() == "row,prediction,low,high,unknown\n"


def test_the_three_formats_hold_the_same(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    source = write_rows(tmp_path / "rows.jsonl", [*records(5), {"age": 1}])
    for suffix in (".csv", ".jsonl", ".parquet"):
        out = tmp_path / f"out{suffix}"
        options = {"id_column": "name", "skip_errors": True}
        assert write_predictions(TABLES, source, out, **options) == (6, 1)
    table = parquet.read_table(tmp_path / "out.parquet")
    kinds = [str(kind) for kind in table.schema.types]
    assert table.column_names[:3] == ["row", "name", "prediction"]
    assert kinds == ["int64", "string", *["double"] * 3, "string", "string"]
    objects = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    for one, two, three in zip(table.to_pylist(), objects, read(tmp_path / "out.csv"), strict=True):
        assert {key: value for key, value in one.items() if value is not None} == two
        assert {key: str(value) for key, value in two.items()} == {
            key: value for key, value in three.items() if value
        }


def test_outputs_of_many_values_are_lists(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    picture(tmp_path / "a.png")
    out = tmp_path / "codes.parquet"
    model = EXPORTS / "autoencoder" / "1"
    write_predictions(model, tmp_path / "a.png", out, signature="encode")
    (row,) = parquet.read_table(out).to_pylist()
    expected = zoo.predict(model, tmp_path / "a.png", signature="encode").outputs["code"][0]
    assert row == {"file": str(tmp_path / "a.png"), "code": expected.tolist()}


def test_what_was_not_learned_is_a_column(tmp_path: Path) -> None:
    rows = [{**one, "sex": "7"} for one in records(2)]
    out = tmp_path / "out.csv"
    write_predictions(TABLES, write_rows(tmp_path / "rows.csv", rows), out)
    assert [json.loads(one["unknown"]) for one in read(out)] == [{"sex": "7"}] * 2


def test_what_stopped_at_a_wrong_row_continues_after_its_repair(tmp_path: Path) -> None:
    rows = records(40)
    source, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    write_predictions(TABLES, write_rows(source, rows), tmp_path / "whole.csv", batch_size=8)
    write_rows(source, [*rows[:20], {**rows[20], "age": "?!"}, *rows[21:]])
    with pytest.raises(BadRecord, match="line 22"):
        write_predictions(TABLES, source, out, batch_size=8)
    assert not out.exists()
    assert len(partial_file(out).read_text().splitlines()) == 16
    with pytest.raises(ConfigError, match="was begun") as caught:
        write_predictions(TABLES, source, out, batch_size=8)
    assert "--resume" in caught.value.fix
    write_rows(source, rows)
    counted: list[int] = []
    write_predictions(TABLES, source, out, batch_size=8, resume=True, on_rows=counted.append)
    assert counted == [8, 8, 8]
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "out.csv", "whole.csv"}


def test_what_stopped_at_a_wrong_row_continues_with_errors_recorded(tmp_path: Path) -> None:
    rows = records(12)
    source = write_rows(tmp_path / "rows.csv", [*rows[:9], {**rows[9], "age": "?"}, *rows[10:]])
    out, whole = tmp_path / "out.parquet", tmp_path / "whole.parquet"
    pytest.importorskip("pyarrow")
    with pytest.raises(BadRecord):
        write_predictions(TABLES, source, out, batch_size=4)
    options = {"batch_size": 4, "skip_errors": True}
    assert write_predictions(TABLES, source, out, resume=True, **options) == (12, 1)
    write_predictions(TABLES, source, whole, **options)
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("change", ["rows", "fewer rows", "options"])
def test_another_prediction_is_not_resumed(tmp_path: Path, change: str) -> None:
    rows = records(12)
    source, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    write_rows(source, [*rows[:9], {**rows[9], "age": "?"}])
    with pytest.raises(BadRecord):
        write_predictions(TABLES, source, out, batch_size=4)
    kept = partial_file(out).read_bytes()
    size = 4
    if change == "rows":
        write_rows(source, [{**rows[0], "age": 1}, *rows[1:]])
    elif change == "fewer rows":
        write_rows(source, rows[:3])
    else:
        size = 2
        write_rows(source, rows)
    with pytest.raises(DataError, match="another prediction"):
        write_predictions(TABLES, source, out, batch_size=size, resume=True)
    assert partial_file(out).read_bytes() == kept
    assert not out.exists()


def test_another_model_does_not_continue(tmp_path: Path) -> None:
    for level in range(3):
        picture(tmp_path / "photos" / f"{level}.png", level)
    (tmp_path / "photos" / "2.png").write_bytes(b"no image")
    out, options = tmp_path / "out.csv", {"batch_size": 1}
    with pytest.raises(BadRecord):
        write_predictions(IMAGES, tmp_path / "photos", out, **options)
    other = EXPORTS / "mlp_classifier" / "1"
    with pytest.raises(DataError, match="another prediction"):
        write_predictions(other, tmp_path / "photos", out, resume=True, **options)


def test_a_torn_end_of_what_is_finished_is_written_again(tmp_path: Path) -> None:
    rows = records(12)
    source, out = tmp_path / "rows.csv", tmp_path / "out.jsonl"
    write_rows(source, [*rows[:9], {**rows[9], "age": "?"}])
    with pytest.raises(BadRecord):
        write_predictions(TABLES, source, out, batch_size=4)
    with partial_file(out).open("ab") as stream:  # a kill in the middle of a block
        stream.write(b'{"row": 8, "predi')
    write_rows(source, rows)
    write_predictions(TABLES, source, out, batch_size=4, resume=True)
    write_predictions(TABLES, source, tmp_path / "whole.jsonl", batch_size=4)
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"batch_size": 0}, ConfigError, "batch_size"),
        ({"shard": (3, 2)}, ConfigError, "shard"),
        ({"input_format": "xml"}, ConfigError, "input_format"),
        ({"id_column": "prediction"}, ConfigError, "id_column"),
        ({"id_column": "row"}, ConfigError, "id_column"),
        ({"id_column": "nmae"}, BadRecord, "'nmae' is missing"),
        ({"signature": "encode"}, Incompatible, "encode"),
        ({"beams": 2}, ConfigError, "beams"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], error: type[zoo.ZooError], says: str
) -> None:
    source = write_rows(tmp_path / "rows.csv", records(3))
    with pytest.raises(error, match=says):
        write_predictions(TABLES, source, tmp_path / "out.csv", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_predictions(TABLES, tmp_path / "rows.csv", tmp_path / "out.csv")


@pytest.mark.parametrize(
    "start",
    ["", "\ufeff", "sep=;\n", "# of a clinic\n# and more;\n\n", "\n"],
    ids=["plain", "mark", "sep", "comments", "blank"],
)
def test_a_stream_is_split_as_a_file_is(tmp_path: Path, start: str) -> None:
    path = write_rows(tmp_path / "rows.csv", records(3))
    text = start + path.read_text()
    path.write_text(text.replace("\n", "\r\n"))
    (batch,) = zoo.predict_batches(TABLES, path)
    assert batch.prediction is not None
    expected = zoo.predict(TABLES, path).outputs["prediction"]
    np.testing.assert_array_equal(batch.prediction.outputs["prediction"], expected)


def test_a_frame_has_the_outputs_of_its_records() -> None:
    pandas = pytest.importorskip("pandas")
    rows = records(9)
    (batch,) = zoo.predict_batches(TABLES, pandas.DataFrame(rows), id_column="name")
    assert [row["name"] for row in batch.rows] == [row["name"] for row in rows]
    assert batch.prediction is not None
    expected = zoo.predict(TABLES, rows).outputs["prediction"]
    np.testing.assert_allclose(batch.prediction.outputs["prediction"], expected, rtol=1e-5)


def test_what_holds_no_rows_is_refused_with_what_is_taken(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", records(3))
    with path.open() as stream:
        for source in (stream, None, 7):
            with pytest.raises(DataError, match="these are no rows"):
                list(zoo.predict_batches(TABLES, source))


def test_the_input_is_never_replaced_by_the_output(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", records(3))
    before = path.read_bytes()
    for source in (path, [path], str(path)):
        with pytest.raises(ConfigError, match="replace the input"):
            write_predictions(TABLES, source, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["image", "array"])
def test_changed_pixels_are_another_input_when_a_prediction_is_resumed(
    tmp_path: Path, kind: str
) -> None:
    """Files of one size, and arrays of which Python shows only the corners, in rows 0 to 3."""
    levels = [10, 20, 30, 40, 50, 60]

    def write(levels: list[int]) -> Any:
        images = [np.full((8, 8, 1), level, np.uint8) for level in levels]
        if kind == "array":
            np.save(tmp_path / "photos.npy", np.stack(images))
            return tmp_path / "photos.npy"
        (tmp_path / "photos").mkdir(exist_ok=True)
        for at, image in enumerate(images):
            Image.fromarray(image[..., 0]).save(tmp_path / "photos" / f"{at}.bmp")
        return tmp_path / "photos"

    class Stopped(Exception):
        pass

    def stop(count: int) -> None:
        stop.seen += count  # type: ignore[attr-defined]
        if stop.seen >= 4:  # type: ignore[attr-defined]
            raise Stopped

    stop.seen = 0  # type: ignore[attr-defined]
    out = tmp_path / "out.csv"
    with pytest.raises(Stopped):
        write_predictions(IMAGES, write(levels), out, batch_size=2, on_rows=stop)
    source = write([11, 21, *levels[2:]])
    with pytest.raises(DataError, match="another prediction"):
        write_predictions(IMAGES, source, out, batch_size=2, resume=True)


def test_a_name_that_is_no_text_is_written_in_escapes(tmp_path: Path) -> None:
    rows = [{**records(1)[0], "name": "bad\udcff"}]
    for suffix in (".csv", ".jsonl", ".parquet"):
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        out = tmp_path / f"out{suffix}"
        write_predictions(TABLES, iter(rows), out, id_column="name")
        assert b"udcff" in out.read_bytes()
