"""Datasets with a name: listed for nothing, loaded when asked for, fixed for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo.data
from zoo.data import (
    ArraySplit,
    Dataset,
    DatasetInfo,
    catalog,
    dataset_spec,
    list_datasets,
    register_dataset,
    resolve,
)
from zoo.errors import (
    BadRecord,
    ChecksumMismatch,
    ConfigError,
    DataError,
    DatasetUnavailable,
    MissingExtra,
    UnknownDataset,
)
from zoo.spec import DataSpec, Task, TensorSpec

DIGITS = "715dab53fb5ee272a9b1f0ed9151760266bdd72053b2a7270fe94f5597f578c9"
MNIST = "781f18fca30d9aa77d3b8a96268c6e885615cee3312337ea2f17dd58383bf51f"


def test_listing_and_describing_import_nothing_heavy() -> None:
    script = (
        "import sys, zoo.data as d\n"
        "names = [i.id for i in d.list_datasets()]\n"
        "assert names == sorted(names)\n"
        "known = {'concrete', 'diabetes', 'digits', 'mnist', 'numbers_en_es', 'rt_polarity'}\n"
        "assert known < set(names)\n"
        "heavy = {'numpy', 'sklearn', 'PIL', 'keras', 'tensorflow', 'onnxruntime'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert d.dataset_spec('digits').labels[9] == '9'\n"
        "assert not {'sklearn', 'PIL', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_exported_name_is_there() -> None:
    assert dir(zoo.data) == sorted(zoo.data.__all__)
    for name in zoo.data.__all__:
        assert getattr(zoo.data, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = zoo.data.nothing


def test_the_table_says_what_a_person_asks() -> None:
    table = {info.id: info for info in list_datasets()}
    digits, mnist = table["digits"], table["mnist"]
    assert (digits.id, digits.task, digits.offline, digits.bytes) == (
        "digits",
        Task.CLASSIFICATION,
        True,
        0,
    )
    assert (mnist.offline, mnist.bytes) == (False, 11_490_434)
    assert mnist.model_dump(mode="json")["spec"]["id"] == "mnist"


def test_digits_are_what_they_always_were() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the digits")
    data = resolve("digits")
    assert data.sizes() == {"train": 1259, "validation": 269, "test": 269}
    inputs, targets = data.split("train").arrays() or ({}, {})
    assert inputs["image"].shape == (1259, *dataset_spec("digits").inputs[0].shape)
    assert (inputs["image"].dtype, targets["label"].dtype) == (np.uint8, np.int64)
    assert set(np.unique(inputs["image"])) == {(level * 255 + 8) // 16 for level in range(17)}
    assert data.fingerprint == DIGITS
    assert resolve("digits").fingerprint == DIGITS
    assert resolve("digits", options={"split_seed": 1}).fingerprint != DIGITS
    assert resolve("digits", options={"test_share": 0.2}).fingerprint != DIGITS


def test_other_digits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn carries the digits")
    bunch = datasets.load_digits()
    bunch.images[0, 0, 0] += 1
    monkeypatch.setattr(datasets, "load_digits", lambda: bunch)
    with pytest.raises(ChecksumMismatch, match="not the known ones"):
        resolve("digits").sizes()


def test_without_scikit_learn_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("sklearn.datasets")] + ["sklearn.datasets"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match="scikit-learn") as caught:
        resolve("digits").split("train")
    assert caught.value.fix == 'pip install "neural-zoo[datasets]"'


def test_mnist_comes_from_a_local_file(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "mnist" / "mnist.npz"
    data = resolve("mnist", options={"file": str(file)})
    assert data.sizes() == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert data.fingerprint == MNIST
    _, targets = data.split("validation").arrays() or ({}, {})
    assert np.bincount(targets["label"]).min() > 400
    with np.load(file) as arrays:
        np.savez_compressed(
            tmp_path / "again.npz", **{k: arrays[k] for k in reversed(arrays.files)}
        )
    again = resolve("mnist", options={"file": str(tmp_path / "again.npz")})
    assert again.fingerprint == MNIST


def test_another_file_is_not_mnist(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(ChecksumMismatch, match=r"a\.npz are not MNIST"):
        resolve("mnist", options={"file": str(tmp_path / "a.npz")}).sizes()
    with pytest.raises(BadRecord, match=r"gone\.npz"):
        resolve("mnist", options={"file": str(tmp_path / "gone.npz")}).sizes()


def test_mnist_offline_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    data = resolve("mnist")
    assert data.spec.labels == tuple("0123456789")
    with pytest.raises(DatasetUnavailable, match=r"mnist\.npz") as caught:
        data.split("train")
    assert str(tmp_path / "datasets" / "mnist.npz") in caught.value.fix


def test_an_unknown_name_gets_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownDataset, match="'digit'") as caught:
        resolve("digit")
    assert "did you mean digits?" in caught.value.fix
    (tmp_path / "flowers.csv").write_text("a,b\n")
    with pytest.raises(UnknownDataset) as caught:
        resolve(tmp_path / "flower.csv")
    assert str(tmp_path / "flowers.csv") in caught.value.fix
    with pytest.raises(UnknownDataset):
        resolve("/no/such/folder/at/all")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"a\.parquet is not a kind"):
        resolve(tmp_path / "a.parquet")


def test_an_option_that_does_not_exist_gets_the_near_one() -> None:
    with pytest.raises(ConfigError, match="split_seed") as caught:
        resolve("digits", options={"split_sed": 1})
    assert caught.value.findings[0].did_you_mean == "split_seed"
    for wrong in (
        {"split_seed": -1},
        {"test_share": 0},
        {"test_share": 0.5, "validation_share": 0.5},
    ):
        with pytest.raises(ConfigError):
            resolve("digits", options=wrong)


def test_a_split_that_does_not_exist_gets_the_near_one() -> None:
    with pytest.raises(ConfigError, match="validation"):
        resolve("digits").split("val")


def info(name: str, **changes: Any) -> DatasetInfo:
    spec = DataSpec(
        id=name,
        task=Task.REGRESSION,
        inputs=(TensorSpec(name="numeric", shape=(2,)),),
        targets=(TensorSpec(name="strength", shape=(1,)),),
    )
    values = {
        "summary": "made for a test",
        "license": "CC0",
        "source": "nowhere",
        "offline": True,
        "spec": spec,
    }
    return DatasetInfo(**(values | changes))


def test_a_plugin_brings_its_own_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_TABLE", dict(catalog._TABLE))
    seen = []

    def load(options: Any) -> dict[str, ArraySplit]:
        seen.append(options.split_seed)
        part = ArraySplit({"numeric": np.ones((4, 2), np.float32)}, {"strength": np.ones((4, 1))})
        return {"train": part, "validation": part, "test": part}

    register_dataset(info("beams"), load)
    register_dataset(info("beams"), load)
    data = resolve("beams", options={"split_seed": 5})
    assert seen == []
    assert data.sizes() == {"train": 4, "validation": 4, "test": 4}
    assert data.fingerprint and seen == [5]
    with pytest.raises(ConfigError, match="already"):
        register_dataset(info("beams", license="MIT"), load)
    with pytest.raises(ConfigError, match="cannot be the name"):
        register_dataset(info("My Beams"), load)
    register_dataset(info("half"), lambda options: {"train": load(options)["train"]})
    with pytest.raises(DataError, match="without validation and test"):
        resolve("half").sizes()


def test_a_foreign_split_is_fingerprinted_by_its_examples() -> None:
    values = np.arange(6_000, dtype=np.float32).reshape(3_000, 2)

    class Generated:
        def __init__(self, shift: float) -> None:
            self.shift = shift

        def __len__(self) -> int:
            return 3_000

        def take(self, indices: Any) -> Any:
            return {"numeric": values[indices] + self.shift}, {"strength": values[indices, :1]}

        def arrays(self) -> None:
            return None

    prints = []
    for shifts in ((0, 0, 0), (0, 0, 0), (0, 0, 1), (1, 0, 0)):
        parts = dict(zip(("train", "validation", "test"), map(Generated, shifts), strict=True))
        prints.append(Dataset(info("made").spec, lambda parts=parts: parts).fingerprint)
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_splits_cannot_be_written_and_are_indexed_in_order() -> None:
    split = ArraySplit({"numeric": np.arange(5.0)[:, None]}, {"label": np.arange(5)})
    inputs, targets = split.take(np.array([3, 1, 1]))
    assert inputs["numeric"].ravel().tolist() == [3, 1, 1] and targets["label"].tolist() == [
        3,
        1,
        1,
    ]
    with pytest.raises(ValueError, match="read-only"):
        split.arrays()[0]["numeric"][0] = 1
    with pytest.raises(DataError, match="different lengths: numeric 2, label 3"):
        ArraySplit({"numeric": np.ones((2, 1))}, {"label": np.ones(3)})
