"""The named tables: what they hold, and that other bytes are not taken for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import ChecksumMismatch, ConfigError, DatasetUnavailable
from zoo.files import sha256_file
from zoo.spec import Task
from zoo_datasets.tables import CONCRETE_MIX, CONCRETE_REMOTE


def rows(data, column=slice(None)) -> np.ndarray:
    parts = [data.split(name).arrays() for name in ("train", "validation", "test")]
    return np.concatenate([part[0]["numeric"][:, column] for part in parts])


def test_diabetes_is_there_without_a_network_in_its_own_units(monkeypatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the study")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    data = zoo.dataset("diabetes")
    assert data.spec.task == Task.REGRESSION
    assert data.sizes() == {"train": 310, "validation": 66, "test": 66}
    age, bmi = rows(data, 0), rows(data, 1)
    assert (age.min(), age.max()) == (19, 79)
    assert bmi.min() >= 18 and bmi.max() <= 42.5
    target = data.split("train").arrays()[1]["target"]
    assert target.dtype == np.float32 and target.min() >= 25 and target.max() <= 346
    assert set(np.unique(data.split("train").arrays()[0]["categorical"])) == {1, 2}


def test_diabetes_can_be_divided_into_folds_and_groups() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the study")
    data = zoo.dataset("diabetes", folds=5, fold=4, group_by="age,sex")
    sides = {}
    for name in ("train", "validation", "test"):
        inputs = data.split(name).arrays()[0]
        for key in zip(inputs["numeric"][:, 0], inputs["categorical"][:, 0], strict=True):
            assert sides.setdefault(key, name) == name
    with pytest.raises(ConfigError) as caught:
        zoo.dataset("diabetes", group_by="sexe").split("train")
    assert caught.value.findings[0].did_you_mean == "sex"


def test_another_scikit_learn_with_other_numbers_is_refused(monkeypatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the study")
    monkeypatch.setattr("zoo_datasets.tables.DIABETES_SHA256", "0" * 64)
    with pytest.raises(ChecksumMismatch, match="diabetes"):
        zoo.dataset("diabetes").split("train")


def test_concrete_is_described_without_its_file() -> None:
    spec = zoo.dataset("concrete").spec
    columns = spec.inputs[0].columns or ()
    assert [c.name for c in columns] == [*CONCRETE_MIX, "age"]
    assert {c.unit for c in columns} == {"kg/m3", "days"}
    assert spec.targets[0].unit == "MPa"


def test_concrete_is_the_known_file(shared_data: Path) -> None:
    file = shared_data / "concrete" / "concrete_data.csv"
    assert (file.stat().st_size, sha256_file(file)) == (
        CONCRETE_REMOTE.size,
        CONCRETE_REMOTE.sha256,
    )
    data = zoo.dataset("concrete", file=str(file))
    assert data.sizes() == {"train": 720, "validation": 155, "test": 155}
    numeric = rows(data)
    assert numeric.shape == (1030, 8)
    assert len(np.unique(numeric[:, :7], axis=0)) == 427
    assert (numeric[:, 7].min(), numeric[:, 7].max()) == (1, 365)


def test_mix_stands_for_the_seven_ingredients(shared_data: Path) -> None:
    file = str(shared_data / "concrete" / "concrete_data.csv")
    short = zoo.dataset("concrete", file=file, group_by="mix", folds=10)
    long = zoo.dataset("concrete", file=file, group_by=",".join(CONCRETE_MIX), folds=10)
    assert short.fingerprint == long.fingerprint
    mixes = [
        {tuple(row) for row in short.split(name).arrays()[0]["numeric"][:, :7]}
        for name in ("train", "validation", "test")
    ]
    assert sum(map(len, mixes)) == 427


def test_another_file_is_not_taken_for_concrete(tmp_path: Path, shared_data: Path) -> None:
    text = (shared_data / "concrete" / "concrete_data.csv").read_text()
    other = tmp_path / "other.csv"
    for changed in (
        text.replace("79.99", "79.98"),
        text.replace(",28 ,79.99", ",28 ,?"),
        "a,b\n1,2\n3,4\n",
    ):
        other.write_text(changed)
        with pytest.raises(ChecksumMismatch, match="not the known ones") as caught:
            zoo.dataset("concrete", file=str(other)).split("train")
        assert f"--data {other}" in caught.value.fix


def test_a_rewritten_file_with_the_same_numbers_is_concrete(
    tmp_path: Path, shared_data: Path
) -> None:
    text = (shared_data / "concrete" / "concrete_data.csv").read_text()
    file = tmp_path / "copy.csv"
    file.write_text(text.replace(" ,", ";").replace(",", ";") + "\n")
    assert zoo.dataset("concrete", file=str(file)).sizes()["test"] == 155


def test_offline_says_where_to_place_the_file(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    with pytest.raises(DatasetUnavailable, match=r"concrete_data\.csv") as caught:
        zoo.dataset("concrete").split("train")
    assert str(tmp_path) in caught.value.fix


def test_the_tumors_are_there_with_their_columns_and_in_every_split_as_often(monkeypatch):
    pytest.importorskip("sklearn", reason="the tumors come with scikit-learn")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    splits = [zoo.dataset("breast_cancer").split(name) for name in ("train", "validation", "test")]
    columns = zoo.dataset("breast_cancer").spec.inputs[0].columns
    assert len(columns) == 30
    assert [column.name for column in columns[::10]] == [
        "mean_radius",
        "error_radius",
        "worst_radius",
    ]
    tables = [split.take(np.arange(len(split)))[0]["numeric"] for split in splits]
    assert sum(map(len, tables)) == 569
    everything = np.concatenate(tables)
    # What a name says must be true of its column: the worst of a tumor is its three largest.
    assert (everything[:, 20] >= everything[:, 0]).all()
    for split in splits:
        assert np.mean(split.take(np.arange(len(split)))[1]["label"] == 1) == pytest.approx(
            357 / 569, abs=0.01
        )


def test_another_copy_of_the_tumors_is_refused(monkeypatch):
    pytest.importorskip("sklearn", reason="the tumors come with scikit-learn")
    monkeypatch.setattr("zoo_datasets.tables.BREAST_CANCER_SHA256", "0" * 64)
    with pytest.raises(ChecksumMismatch, match="breast cancer"):
        zoo.dataset("breast_cancer").split("train")
