"""Datasets by name: listed without import, loaded when asked for, registered in a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api import datasets
from zoo.data import ArraySplit, Dataset, NamedDataset
from zoo.errors import ConfigError, DataError, UnknownDataset
from zoo.spec import DataSpec, Task, TensorSpec


def test_listing_imports_no_plugin_and_nothing_heavy() -> None:
    script = (
        "import sys, zoo\n"
        "names = [entry.name for entry in zoo.list_datasets()]\n"
        "assert names == sorted(names)\n"
        "known = {'aircraft_damage', 'concrete', 'digits', 'mnist', 'numbers_en_es'}\n"
        "assert known < set(names)\n"
        "heavy = {'numpy', 'sklearn', 'PIL', 'keras', 'zoo_datasets', 'zoo_aircraft', 'zoo.data'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert zoo.dataset('digits').spec.labels[9] == '9'\n"
        "assert not {'sklearn', 'PIL', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_exported_name_is_there() -> None:
    assert dir(zoo.data) == sorted(zoo.data.__all__)
    for name in zoo.data.__all__:
        assert getattr(zoo.data, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = zoo.data.nothing


def test_a_listing_says_who_provides_a_dataset() -> None:
    found = {entry.name: entry.distribution for entry in zoo.list_datasets()}
    assert found["digits"] == found["aircraft_damage"] == "neural-zoo"


def test_an_unknown_name_gets_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownDataset, match="'digit'") as caught:
        zoo.dataset("digit")
    assert "did you mean digits?" in caught.value.fix
    (tmp_path / "flowers.csv").write_text("a,b\n")
    with pytest.raises(UnknownDataset) as caught:
        zoo.dataset(tmp_path / "flower.csv")
    assert str(tmp_path / "flowers.csv") in caught.value.fix
    with pytest.raises(UnknownDataset):
        zoo.dataset("/no/such/folder/at/all")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"a\.parquet is not a kind"):
        zoo.dataset(tmp_path / "a.parquet")


def test_an_option_that_does_not_exist_gets_the_near_one() -> None:
    with pytest.raises(ConfigError, match="split_seed") as caught:
        zoo.dataset("digits", split_sed=1)
    assert caught.value.findings[0].did_you_mean == "split_seed"
    for wrong in (
        {"split_seed": -1},
        {"test_share": 0},
        {"test_share": 0.5, "validation_share": 0.5},
    ):
        with pytest.raises(ConfigError):
            zoo.dataset("digits", **wrong)


def test_a_split_that_does_not_exist_gets_the_near_one() -> None:
    with pytest.raises(ConfigError, match="validation"):
        zoo.dataset("digits").split("val")


def named(name: str, load: Any = dict, **changes: Any) -> NamedDataset:
    spec = DataSpec(
        id=name,
        task=Task.REGRESSION,
        inputs=(TensorSpec(name="numeric", shape=(2,)),),
        targets=(TensorSpec(name="strength", shape=(1,)),),
    )
    values = {
        "summary": "made for a test",
        "size": "4 rows",
        "load": load,
        "license": "CC0",
        "source": "nowhere",
        "offline": True,
        "spec": spec,
    }
    return NamedDataset(**(values | changes))


def test_a_dataset_can_be_registered_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_registered", {})
    seen = []

    def load(options: Any) -> dict[str, ArraySplit]:
        seen.append(options.split_seed)
        part = ArraySplit({"numeric": np.ones((4, 2), np.float32)}, {"strength": np.ones((4, 1))})
        return {"train": part, "validation": part, "test": part}

    beams = named("beams", load)
    zoo.register_dataset(beams)
    zoo.register_dataset(beams)
    assert "beams" in [entry.name for entry in zoo.list_datasets()]
    data = zoo.dataset("beams", split_seed=5)
    assert seen == []
    assert data.sizes() == {"train": 4, "validation": 4, "test": 4}
    assert data.fingerprint and seen == [5]
    for taken in (named("beams", load, license="MIT"), named("digits", load)):
        with pytest.raises(ConfigError, match="already"):
            zoo.register_dataset(taken)
    with pytest.raises(ConfigError, match="cannot be the name"):
        zoo.register_dataset(named("My Beams", load))
    zoo.register_dataset(named("half", lambda options: {"train": load(options)["train"]}))
    with pytest.raises(DataError, match="without validation and test"):
        zoo.dataset("half").sizes()


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
        prints.append(Dataset(named("made").spec, lambda parts=parts: parts).fingerprint)
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
