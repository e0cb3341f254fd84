"""Predictions from raw values: arrays, records, tables, images."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from zoo.errors import BadRecord, ConfigError, DataError, Incompatible, Tampered
from zoo.runtime import Session, bench, load
from zoo.runtime.inputs import encode
from zoo.runtime.session import open_session
from zoo.spec import TensorSpec

RECORD = {"age": 30, "height": 1.7, "pay": 1500, "color": "red", "size": "m"}


@pytest.fixture(scope="module")
def images(image_artifact: Path) -> Session:
    return load(image_artifact)


@pytest.fixture(scope="module")
def tables(table_artifact: Path) -> Session:
    return load(table_artifact)


def _pictures(count: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 256, (count, 6, 6, 1), dtype=np.uint8)


def test_one_example_and_many_give_the_same_answer(images: Session) -> None:
    many = images.predict(_pictures(600))
    assert len(many) == 600
    assert many.probabilities is not None
    one = images.predict(_pictures(600)[599])
    np.testing.assert_allclose(one.probabilities, many.probabilities[599:], atol=1e-6)
    assert one.labels == many.labels[599:]


def test_a_prediction_is_plain_data_with_class_names(images: Session) -> None:
    row = images.predict(_pictures(1)).as_dicts()[0]
    assert set(row) == {"label", "probability", "probabilities"}
    assert set(row["probabilities"]) == {"cat", "dog", "fish", "owl"}
    assert row["probabilities"][row["label"]] == row["probability"]


def test_the_session_reports_where_and_how_it_runs(image_artifact: Path) -> None:
    session = load(image_artifact, threads=2, providers=["CPUExecutionProvider"])
    assert (session.threads, session.providers) == (2, ("CPUExecutionProvider",))
    assert "CPUExecutionProvider, 2 thread(s)" in repr(session)


def test_a_provider_that_is_not_there_is_an_error_and_no_fallback(image_artifact: Path) -> None:
    with pytest.raises(ConfigError, match="FastExecutionProvider"):
        load(image_artifact, providers=["FastExecutionProvider", "CPUExecutionProvider"])
    with pytest.raises(ConfigError, match="threads"):
        load(image_artifact, threads=0)


def test_an_unknown_signature_names_the_known_ones(image_artifact: Path) -> None:
    with pytest.raises(Incompatible, match="it has: predict"):
        load(image_artifact, signature="encode")


def test_a_changed_file_is_not_opened(copy: Any) -> None:
    folder = copy()
    with (folder / "model.onnx").open("r+b") as stream:
        stream.seek(100)
        stream.write(b"\0\1\2")
    with pytest.raises(Tampered, match=r"model\.onnx was changed"):
        load(folder)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (np.zeros((2, 5, 6, 1), np.int64), "another shape"),
        (np.zeros((0, 6, 6, 1), np.uint8), "no examples"),
        (np.full((1, 6, 6, 1), 0.5), "without loss"),
        (np.full((1, 6, 6, 1), 300), "without loss"),
        (np.full((1, 6, 6, 1), np.nan), "without loss"),
        (np.full((1, 6, 6, 1), "a"), "is not numeric"),
        ([[1, 2], [3]], "not an array"),
        ({"image": np.zeros((1, 6, 6, 1), np.uint8), "imgae": 1}, "did you mean 'image'"),
        ([{"a": 1}], "takes no records"),
        (None, "another shape|not numeric"),
    ],
)
def test_values_that_do_not_fit_are_refused(images: Session, raw: Any, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        images.predict(raw)


def test_gray_images_need_no_channel_axis(images: Session) -> None:
    pictures = _pictures()
    expected = images.predict(pictures).probabilities
    np.testing.assert_array_equal(images.predict(pictures[..., 0]).probabilities, expected)
    one = images.predict(pictures[0, ..., 0]).probabilities
    np.testing.assert_array_equal(one, images.predict(pictures[0]).probabilities)
    with pytest.raises(DataError, match="another shape"):
        images.predict(pictures[..., :5, 0].astype(np.int64))


def test_whole_numbers_of_another_type_are_converted_exactly(images: Session) -> None:
    pictures = _pictures()
    for kind in ("int64", "float32"):
        found = images.predict(pictures.astype(kind)).probabilities
        np.testing.assert_array_equal(found, images.predict(pictures).probabilities)


def test_run_explains_arrays_that_do_not_fit(images: Session) -> None:
    with pytest.raises(DataError, match=r"expected uint8\[batch, 6, 6, 1\]"):
        images.run({"image": np.zeros((1, 6, 6, 1), "float32")})
    with pytest.raises(DataError, match="image: expected an array"):
        images.run({})


def test_records_are_encoded_as_the_manifest_says(tables: Session) -> None:
    arrays = encode([RECORD, {**RECORD, "age": None, "color": "none such"}], tables.inputs)
    np.testing.assert_array_equal(arrays["categorical"], [[2, 2], [0, 2]])
    np.testing.assert_array_equal(
        arrays["numeric"], np.array([[30, 1.7, 1500], [np.nan, 1.7, 1500]], "float32")
    )
    assert len(tables.predict(RECORD).labels) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"age": "old"}, "'old' is not a number"),
        ({"age": float("inf")}, "inf"),
    ],
)
def test_a_wrong_record_is_named(tables: Session, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(DataError, match=r"record 1|example 1") as caught:
        tables.predict([RECORD, {**RECORD, **change}])
    assert re.search(expected, str(caught.value), flags=re.DOTALL)


def test_a_missing_column_is_named(tables: Session) -> None:
    record = {name: value for name, value in RECORD.items() if name != "pay"}
    with pytest.raises(DataError, match="the column 'pay' is missing"):
        tables.predict(record)


def test_a_missing_value_is_refused_where_the_model_knows_none() -> None:
    spec = TensorSpec(name="x", shape=(2,))
    with pytest.raises(DataError, match="example 1: the value nan"):
        encode(np.array([[1, 2], [3, np.nan]]), [spec])


def test_a_table_gives_the_same_answers_as_its_records(tables: Session, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "\ufeffsize,color,age,answer,height,pay\nm,red,30,cat,1.7,1500\n?,,NA,dog,1.8,2e3\n",
        "utf-8",
    )
    expected = tables.predict(
        [RECORD, {"age": None, "height": 1.8, "pay": 2000, "color": "", "size": ""}]
    )
    found = tables.predict(path)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert tables.predict(str(path)).labels == expected.labels


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("size,color,age,height,pay\nm,red,30,1.7,x\n", r"line 2, column 'pay'"),
        ("size,color,age,height,pay\nm,red,30,1.7\n", r"line 2"),
        ("size,color,age,height,salary\nm,red,30,1.7,1\n", r"'pay' is missing"),
        ("size,color,age,height,pay\n", "no rows"),
        ("", "the file is empty"),
        ("size,color,age,height,pay\nm,red,1e999,1.7,1\n", r"line 2, column 'age'"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(
    tables: Session, tmp_path: Path, text: str, place: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(BadRecord, match=place):
        tables.predict(path)


def test_bytes_that_are_not_a_table_are_refused(tables: Session, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"\xff\xfd\x00\x01\n\x00")
    with pytest.raises(BadRecord, match="not UTF-8"):
        tables.predict(path)


def test_array_files_are_read(images: Session, tables: Session, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", _pictures())
    np.savez(tmp_path / "b.npz", x=_pictures())
    expected = images.predict(_pictures()).labels
    assert images.predict(tmp_path / "a.npy").labels == expected
    assert images.predict(tmp_path / "b.npz").labels == expected
    with pytest.raises(BadRecord, match="one array for the inputs"):
        tables.predict(tmp_path / "a.npy")
    with pytest.raises(BadRecord, match="no array 'numeric'"):
        tables.predict(tmp_path / "b.npz")


def test_objects_in_array_files_are_never_unpickled(images: Session, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 broken")
    for name in ("a.npy", "b.npz"):
        with pytest.raises(BadRecord, match="cannot be read as arrays"):
            images.predict(tmp_path / name)


def test_a_file_that_is_not_there_is_named(
    images: Session, tables: Session, tmp_path: Path
) -> None:
    with pytest.raises(BadRecord, match=r"gone\.png"):
        images.predict(tmp_path / "gone.png")
    (tmp_path / "here.png").write_bytes(b"")
    with pytest.raises(BadRecord, match="does not take images"):
        tables.predict(tmp_path / "here.png")


def test_images_are_read_from_files(images: Session, tmp_path: Path) -> None:
    paths = []
    for index, picture in enumerate(_pictures(2)):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(picture[..., 0]).save(paths[-1])
    assert images.predict(paths).labels == images.predict(_pictures(2)).labels
    assert images.predict(str(paths[0])).labels == images.predict(_pictures(2)).labels[:1]


def test_a_benchmark_has_a_row_for_each_combination(image_artifact: Path) -> None:
    rows = bench(image_artifact, batches=(1, 16), threads=(1, 2), seconds=0.02)
    assert [(row.batch, row.threads) for row in rows] == [(1, 1), (16, 1), (1, 2), (16, 2)]
    assert all(0 < row.median_ms <= row.p95_ms for row in rows)
    with pytest.raises(ConfigError, match="batches"):
        bench(image_artifact, batches=(0,))


_ALONE = """
import sys
import zoo.runtime
assert "onnxruntime" not in sys.modules
import numpy
zoo.runtime.verify(sys.argv[1])
session = zoo.runtime.load(sys.argv[1])
session.predict(numpy.zeros((6, 6, 1)))
zoo.runtime.bench(sys.argv[1], seconds=0.01)
print([name for name in sys.modules if name.partition(".")[0] in sys.argv[2].split()])
"""


def test_the_runtime_imports_no_training_packages(image_artifact: Path) -> None:
    heavy = "keras tensorflow onnx tf2onnx PIL sklearn pandas matplotlib"
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, str(image_artifact), heavy],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


def test_a_session_does_not_keep_the_bytes_of_its_file(image_artifact: Path) -> None:
    raw = (image_artifact / "model.onnx").read_bytes()
    before = sys.getrefcount(raw)
    native = open_session(raw, "model.onnx")
    assert sys.getrefcount(raw) == before
    assert native.run(["label"], {"image": _pictures(2)})[0].shape == (2,)


def test_every_graph_of_a_committed_artifact_is_benchmarked() -> None:
    rows = bench(ROOT / "exports" / "autoencoder" / "1", batches=(2,), seconds=0.01)
    assert [row.signature for row in rows] == ["reconstruct", "encode", "decode"]
    assert all(row.batch == 2 and row.per_second > 0 for row in rows)
