"""Data that is already in Python: arrays, frames, texts, images, batches."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import zoo
from zoo.data.memory import whole_split
from zoo.errors import ConfigError, DataError
from zoo.runtime.inputs import encode, read_inputs

pandas = pytest.importorskip("pandas")

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(60, 3))
LABELS = np.arange(60) % 2


def frame() -> Any:
    colors = ["red", "blue", "green"] * 20
    return pandas.DataFrame({"size": NUMBERS[:, 0], "color": colors, "sold": LABELS})


def test_arrays_are_columns_with_classes() -> None:
    data = zoo.dataset((NUMBERS, LABELS))
    assert data.spec.inputs[0].shape == (3,) and data.spec.labels == ("0", "1")
    assert sum(data.sizes().values()) == 60
    assert data.fingerprint == zoo.dataset((NUMBERS.copy(), LABELS.tolist())).fingerprint
    assert data.fingerprint != zoo.dataset((NUMBERS, 1 - LABELS)).fingerprint


def test_floats_are_measurements() -> None:
    data = zoo.dataset((NUMBERS, NUMBERS[:, 0] * 3))
    assert data.spec.task == "regression"
    assert data.split("train").take(np.array([0]))[1]["target"].dtype == np.float32


def test_whole_floats_of_few_kinds_are_classes() -> None:
    assert zoo.dataset((NUMBERS, LABELS.astype(float))).spec.labels == ("0", "1")


def test_a_frame_is_the_table_of_its_columns() -> None:
    data = zoo.dataset(frame(), target="sold")
    assert [(one.name, one.kind) for one in data.columns] == [
        ("size", "numeric"),
        ("color", "categorical"),
        ("sold", "class"),
    ]
    pair = zoo.dataset((frame()[["size", "color"]], frame()["sold"]))
    assert pair.fingerprint == data.fingerprint


def test_a_frame_of_polars_is_one_of_pandas() -> None:
    polars = pytest.importorskip("polars")
    other = polars.DataFrame({name: frame()[name].tolist() for name in frame().columns})
    assert zoo.dataset(other, target="sold").fingerprint == (
        zoo.dataset(frame(), target="sold").fingerprint
    )


def test_a_mapping_is_columns_or_the_keys_of_a_file() -> None:
    columns = {name: frame()[name].tolist() for name in frame().columns}
    assert zoo.dataset(columns, target="sold").fingerprint == (
        zoo.dataset(frame(), target="sold").fingerprint
    )
    arrays = {"x_train": NUMBERS, "y_train": LABELS, "x_test": NUMBERS[:9], "y_test": LABELS[:9]}
    assert zoo.dataset(arrays).sizes()["test"] == 9


def test_texts_with_labels_are_labeled_texts() -> None:
    texts = [f"{'good' if label else 'bad'} film {i}" for i, label in enumerate(LABELS)]
    data = zoo.dataset((texts, ["yes" if label else "no" for label in LABELS]))
    assert data.spec.labels == ("no", "yes")
    assert data.spec.inputs[0].text is not None


def images() -> list[Any]:
    noise = RANDOM.integers(0, 255, (60, 6, 6), np.uint8)
    return [PIL.Image.fromarray(one) for one in noise]


def test_images_are_read_from_memory_and_from_files(tmp_path: Path) -> None:
    data = zoo.dataset((images(), LABELS))
    assert data.spec.inputs[0].shape == (6, 6, 1)
    paths = [tmp_path / f"{at}.png" for at in range(60)]
    for path, image in zip(paths, images(), strict=True):
        image.save(path)
    from_files = zoo.dataset((paths, LABELS), near_duplicates="ignore")
    assert from_files.spec.inputs == data.spec.inputs


def test_images_of_several_sizes_need_one() -> None:
    several = [*images()[:-1], images()[0].resize((9, 9))]
    with pytest.raises(ConfigError, match="2 sizes"):
        zoo.dataset((several, LABELS))
    assert zoo.dataset((several, LABELS), image_size=5).spec.inputs[0].shape == (5, 5, 1)


class Batches:
    """A sized iterable that may be read only once at a time."""

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Any:
        for start in range(0, 60, 15):
            yield NUMBERS[start : start + 15], LABELS[start : start + 15]


def test_batches_are_copied_one_after_the_other() -> None:
    data, other = zoo.dataset(Batches()), zoo.dataset((NUMBERS, LABELS))
    assert data.spec == other.spec
    for name in ("train", "validation", "test"):
        found, right = (one.split(name).take(np.arange(5)) for one in (data, other))
        np.testing.assert_array_equal(found[0]["numeric"], right[0]["numeric"])
        np.testing.assert_array_equal(found[1]["label"], right[1]["label"])


def test_batches_above_the_bound_are_never_in_memory_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.data.mapped.MEMORY_BOUND", 100)
    assert zoo.dataset(Batches()).split("train").arrays() is None


WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a number": (7, {}, "int is no dataset"),
    "a list": ([1, 2], {}, "list is no dataset"),
    "lengths": ((NUMBERS, LABELS[:5]), {}, "X has 60 examples and y has 5"),
    "no target": (frame(), {}, "which column is the target"),
    "another target": (frame(), {"target": "sould"}, "do not fit the options"),
    "an empty text": ((["a", " "] * 30, LABELS), {}, "the text 1 is empty"),
    "one-hot": ((NUMBERS, np.eye(2)[LABELS]), {}, "one class per example"),
    "unequal columns": ({"a": [1, 2], "b": [1]}, {"target": "b"}, "different lengths"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_what_is_taken(case: str) -> None:
    data, options, message = WRONG[case]
    with pytest.raises((DataError, ConfigError), match=message):
        zoo.dataset(data, **options)


def test_a_batch_unlike_the_first_is_named() -> None:
    class Odd(Batches):
        def __iter__(self) -> Any:
            yield NUMBERS, LABELS
            yield NUMBERS[:, :2], LABELS

    with pytest.raises(DataError, match="x of batch 1"):
        zoo.dataset(Odd())


def test_columns_count_by_their_names_and_the_index_is_kept() -> None:
    specs = zoo.dataset(frame(), target="sold").spec.inputs
    asked = frame().iloc[:5].set_index(pandas.Index(list("abcde")))
    right = encode(asked, specs)
    for other in (asked[["sold", "color", "size"]], asked.assign(more=1)):
        for name, array in encode(other, specs).items():
            np.testing.assert_array_equal(array, right[name])
    assert read_inputs(asked, specs).index == tuple("abcde")
    with pytest.raises(DataError, match="the column 'color' is missing"):
        encode(asked.drop(columns="color"), specs)


def test_an_unknown_category_is_reported_with_its_column() -> None:
    specs = zoo.dataset(frame(), target="sold").spec.inputs
    found = read_inputs([{"size": 1, "color": "pink"}, {"size": 1, "color": None}], specs)
    assert found.unknown == ({"color": "pink"}, {})
    assert read_inputs([{"size": 1, "color": "red", "more": 2}], specs).unknown == ()


def test_every_example_of_other_data_is_measured_with_the_classes_of_the_model() -> None:
    spec = zoo.dataset(frame(), target="sold").spec
    other = frame().iloc[:7].assign(color="red")
    for data in (other, (other[["color", "size"]], other["sold"].astype(float))):
        split = whole_split(data, spec, {})
        assert split is not None and len(split) == 7
        assert split.take(np.arange(7))[1]["label"].tolist() == LABELS[:7].tolist()
    with pytest.raises(DataError, match="the class '5' is not one of the model's"):
        whole_split(other.assign(sold=5), spec, {})
    with pytest.raises(DataError, match="the column 'sold' is missing"):
        whole_split(other.drop(columns="sold"), spec, {})


def test_images_are_asked_in_every_form() -> None:
    spec = zoo.dataset((images(), LABELS)).spec.inputs
    image = images()[0]
    stream = io.BytesIO()
    image.save(stream, "PNG")
    right = encode(np.asarray(image)[None, ..., None], spec)["image"]
    for form in (image, [image], stream.getvalue(), io.BytesIO(stream.getvalue())):
        np.testing.assert_array_equal(encode(form, spec)["image"], right)
    larger = np.asarray(image.resize((30, 20)))
    assert encode(larger, spec)["image"].shape == (1, 6, 6, 1)
    assert encode([larger, np.asarray(image)], spec)["image"].shape == (2, 6, 6, 1)


def test_an_open_text_file_is_no_image() -> None:
    spec = zoo.dataset((images(), LABELS)).spec.inputs
    with pytest.raises(DataError, match="open as text"):
        encode(io.StringIO("no image"), spec)


def test_the_most_examples_count_for_data_in_python_too() -> None:
    data = zoo.dataset(frame(), target="sold", max_examples=5)
    assert data.sizes()["train"] == 5
    assert [one.name for one in data.summary().columns] == ["size", "color", "sold"]


def test_truth_values_are_names_however_they_come() -> None:
    flags = [True, False] * 30
    for column in (flags, np.array(flags), ["True", "False"] * 30):
        data = zoo.dataset({"flag": column, "y": LABELS}, target="y", missing=["-"])
        assert data.columns[0].kind == "categorical"
