"""Arrays in .npz files: the keys, the types, and what does not match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import zoo
from zoo.data.sources import open_path
from zoo.errors import BadRecord, ConfigError, DataError, UnsafeArchive, ZooError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 5, 6), np.uint8)
TABLE = RNG.normal(size=(40, 3))
Y = np.arange(40) % 4


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path / "mine.npz", **arrays)
    return path / "mine.npz"


def test_images_become_the_input_image(tmp_path: Path) -> None:
    gray = open_path(save(tmp_path, x=IMAGES, y=Y))
    image = gray.spec.inputs[0]
    assert (image.name, image.shape, image.dtype, image.range) == (
        "image",
        (5, 6, 1),
        "uint8",
        (0, 255),
    )
    assert gray.spec.labels == ("0", "1", "2", "3")
    assert gray.sizes() == {"train": 24, "validation": 8, "test": 8}
    color = open_path(save(tmp_path, x=np.repeat(IMAGES[..., None], 3, axis=3), y=Y))
    assert color.spec.inputs[0].shape == (5, 6, 3)


def test_numbers_become_the_input_numeric(tmp_path: Path) -> None:
    table = TABLE.copy()
    table[3, 1] = np.nan
    data = open_path(save(tmp_path, x=table, y=Y))
    numeric = data.spec.inputs[0]
    assert (numeric.name, numeric.shape, numeric.dtype, numeric.missing) == (
        "numeric",
        (3,),
        "float32",
        True,
    )
    assert data.split("train").arrays()[0]["numeric"].dtype == np.float32
    assert not open_path(save(tmp_path, x=TABLE, y=Y)).spec.inputs[0].missing
    assert open_path(save(tmp_path, x=IMAGES[:, 0], y=Y)).spec.inputs[0].name == "numeric"


def test_examples_keep_their_labels(tmp_path: Path) -> None:
    data = open_path(save(tmp_path, x=np.arange(40.0)[:, None], y=Y * 7 - 3))
    assert data.spec.labels == ("-3", "4", "11", "18")
    seen = []
    for name in ("train", "validation", "test"):
        inputs, targets = data.split(name).arrays()
        assert (inputs["numeric"][:, 0] % 4 == targets["label"]).all()
        seen += inputs["numeric"][:, 0].tolist()
    assert sorted(seen) == list(range(40))


@pytest.mark.parametrize(
    "y", [Y.astype(np.uint8), Y.astype(np.float64), Y[:, None], Y.astype(">i4")]
)
def test_the_type_of_the_labels_does_not_matter(tmp_path: Path, y: np.ndarray) -> None:
    expected = open_path(save(tmp_path, x=TABLE, y=Y)).fingerprint
    assert open_path(save(tmp_path, x=TABLE, y=y)).fingerprint == expected


def test_names_may_be_text_or_come_beside_the_labels(tmp_path: Path) -> None:
    names = np.array(["ant", "bee", "cat", "dog"])
    text = open_path(save(tmp_path, x=TABLE, y=names[Y]))
    beside = open_path(save(tmp_path, x=TABLE, y=Y, labels=names))
    assert text.spec.labels == beside.spec.labels == tuple(names)
    assert text.fingerprint == beside.fingerprint


def test_splits_that_are_there_are_kept(tmp_path: Path) -> None:
    arrays = {"x_train": TABLE, "y_train": Y, "x_test": TABLE[:8], "y_test": Y[:8]}
    data = open_path(save(tmp_path, **arrays))
    assert data.sizes() == {"train": 32, "validation": 8, "test": 8}
    np.testing.assert_array_equal(
        data.split("test").arrays()[0]["numeric"], TABLE[:8].astype(np.float32)
    )
    for key in ("val", "valid", "validation"):
        more = {f"x_{key}": TABLE[:4], f"y_{key}": Y[:4]}
        assert open_path(save(tmp_path, **arrays, **more)).sizes() == {
            "train": 40,
            "validation": 4,
            "test": 8,
        }


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "lengths": ({"x": TABLE, "y": Y[:39]}, "x has 40 examples and y has 39"),
    "no y": ({"x": TABLE}, "'x' without 'y'"),
    "nothing": ({}, "neither 'x' and 'y'"),
    "only a test split": ({"x_test": TABLE, "y_test": Y}, "neither 'x' and 'y'"),
    "both": ({"x": TABLE, "y": Y, "x_train": TABLE, "y_train": Y}, "both 'x_train' and 'x'"),
    "a typo": ({"x": TABLE, "y": Y, "x_tets": TABLE, "y_tets": Y}, "did you mean 'x_test'"),
    "one-hot": ({"x": TABLE, "y": np.eye(4)[Y]}, "(40, 4)"),
    "constant measurements": ({"x": TABLE, "y": Y * 0 + 5e9 + Y / 1e3}, "float32"),
    "float images": ({"x": IMAGES / 255, "y": Y}, "x is float64 (40, 5, 6)"),
    "five axes": ({"x": np.zeros((40, 5, 6, 2, 1), np.uint8), "y": Y}, "(40, 5, 6, 2, 1)"),
    "text": ({"x": TABLE.astype(str), "y": Y}, "x is <U"),
    "infinity": ({"x": np.where(TABLE[7, 2] == TABLE, np.inf, TABLE), "y": Y}, "x[7, 2] is inf"),
    "too large": ({"x": np.where(TABLE[7, 2] == TABLE, 1e99, TABLE), "y": Y}, "x[7, 2] is 1e+99"),
    "no examples": ({"x": TABLE[:0], "y": Y[:0]}, "no examples"),
    "objects": ({"x": TABLE, "y": np.array([{}] * 40)}, "without pickled objects"),
    "one class": ({"x": TABLE, "y": Y * 0}, "only one class: '0'"),
    "a rare class": (
        {"x": TABLE, "y": np.minimum(np.arange(40), 1)},
        "the class '0' has 1 example",
    ),
    "an unknown test class": (
        {"x_train": TABLE, "y_train": Y, "x_test": TABLE, "y_test": Y + 1},
        "the class 4, which train does not have",
    ),
    "an absent test class": (
        {"x_train": TABLE, "y_train": Y, "x_test": TABLE, "y_test": Y // 2},
        "the test split has no example of the class '2'",
    ),
    "another width": (
        {"x_train": TABLE, "y_train": Y, "x_test": TABLE[:, :2], "y_test": Y},
        "x_test is float32 (2,) per example",
    ),
    "labels out of range": (
        {"x": TABLE, "y": Y, "labels": np.array(["a", "b"])},
        "no index into the 2",
    ),
    "a class without examples": (
        {"x": TABLE, "y": Y, "labels": np.array(list("abcde"))},
        "no example of the class 'e'",
    ),
    "two equal names": ({"x": TABLE, "y": Y, "labels": np.array(list("abca"))}, "different names"),
    "mixed labels": (
        {"x_train": TABLE, "y_train": Y, "x_test": TABLE, "y_test": Y.astype(str)},
        "some labels are text",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, case: str) -> None:
    arrays, message = BAD[case]
    with pytest.raises(DataError) as caught:
        open_path(save(tmp_path, **arrays))
    assert message in str(caught.value)


def test_an_empty_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    file = save(tmp_path, x=TABLE, y=Y)
    data = file.read_bytes()
    for content in (b"", b"hello", data[:-40], data[:100], b"PK\x03\x04" + b"\0" * 50):
        file.write_bytes(content)
        with pytest.raises(BadRecord, match=r"mine\.npz"):
            open_path(file)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((1000, 100)), y=np.zeros(1000))
    monkeypatch.setattr("zoo.data.arrays.MAX_BYTES", 10_000)
    with pytest.raises(UnsafeArchive, match="unpacks to"):
        open_path(tmp_path / "bomb.npz")


def test_options_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="image_size"):
        open_path(save(tmp_path, x=IMAGES, y=Y), {"image_size": 8})


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 10**9), value=st.integers(0, 255))
def test_a_damaged_byte_gives_a_typed_error_or_the_same_data(
    tmp_path: Path, place: int, value: int
) -> None:
    file = save(tmp_path, x=TABLE, y=Y)
    expected = open_path(file).fingerprint
    data = bytearray(file.read_bytes())
    data[place % len(data)] = value
    file.write_bytes(data)
    try:
        assert open_path(file).fingerprint == expected
    except ZooError as error:
        assert error.what


def ragged(path: Path, **change: object) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 6, 2))
    x[np.arange(6) >= (np.arange(40) % 6 + 1)[:, None]] = np.nan
    for place, value in change.items():
        x[tuple(map(int, place.strip("_").split("_")))] = value
    np.savez(path, x=x, y=np.arange(40) % 2)
    return path


def test_lengths_are_told_from_what_is_behind_them(tmp_path: Path) -> None:
    data = zoo.dataset(ragged(tmp_path / "s.npz"))
    inputs, _ = data.split("train").arrays()
    sequence, length = inputs["sequence"], inputs["length"]

    assert [spec.name for spec in data.spec.inputs] == ["sequence", "length"]
    assert data.spec.inputs[0].shape == ("time", 2)
    assert np.isfinite(sequence).all()
    assert (sequence[np.arange(6) >= length[:, None]] == 0).all()
    assert (sequence[np.arange(6) < length[:, None]] != 0).all()
    assert set(length.tolist()) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_5_2": np.nan}, "NaN before its end"),
        ({"_5_2_1": np.nan}, "NaN before its end"),
        ({"_0_0": np.nan}, "is empty"),
        ({"_5_2_1": np.inf}, "not a finite number"),
    ],
)
def test_a_sequence_with_a_hole_is_refused(tmp_path: Path, change, says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        zoo.dataset(ragged(tmp_path / "s.npz", **change))


def test_a_sequence_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=-np.ones((4, 20_001, 1)), y=np.arange(4) % 2)
    with pytest.raises(BadRecord, match="20,001 steps"):
        zoo.dataset(tmp_path / "s.npz")
