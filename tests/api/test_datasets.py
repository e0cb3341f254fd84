"""Datasets by name: listed without import, loaded when asked for, registered in a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.registry.fakes import install
from zoo.api import datasets
from zoo.api.catalog import registry
from zoo.data import ArraySplit, Dataset, NamedDataset
from zoo.errors import (
    BadRecord,
    ConfigError,
    DataError,
    NameCollision,
    PluginBroken,
    UnknownDataset,
)
from zoo.registry.catalog import read_catalog
from zoo.registry.entrypoints import own_catalog_path
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
    assert zoo.data.__all__ == sorted(zoo.data.__all__)
    for name in zoo.data.__all__:
        assert getattr(zoo.data, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = zoo.data.nothing


def test_the_catalog_says_what_the_dataset_plugins_say() -> None:
    listed = {entry.name: entry for entry in zoo.list_datasets()}
    described = {name: zoo.dataset_info(name) for name in listed}
    assert {entry.name for entry in read_catalog(own_catalog_path()).datasets} == set(listed)
    for name, entry in listed.items():
        known = vars(described[name])
        assert vars(entry) == {key: known[key] for key in vars(entry)}, "registry.yaml differs"


def test_a_dataset_is_described_with_its_options_spec_and_source() -> None:
    known = zoo.dataset_info("concrete")
    assert (known.task, known.offline, known.license) == ("regression", False, "CC BY 4.0")
    assert "Yeh 1998" in known.source
    assert known.spec.targets[0].unit == "MPa"
    assert {"file", "folds", "group_by", "split_seed"} < set(known.options["properties"])
    with pytest.raises(UnknownDataset, match="'concret'") as caught:
        zoo.dataset_info("concret")
    assert "did you mean concrete?" in caught.value.fix


FLOWERS = """
from zoo import DataSpec, NamedDataset, Task, TensorSpec
from zoo.data import ArraySplit

def load(options):
    import numpy as np
    part = ArraySplit({"numeric": np.ones((4, 2), np.float32)}, {"label": np.arange(4) % 2})
    return {"train": part, "validation": part, "test": part}

FLOWERS = NamedDataset(
    spec=DataSpec(
        id="flowers", task=Task.CLASSIFICATION,
        inputs=(TensorSpec(name="numeric", shape=(2,)),),
        targets=(TensorSpec(name="label", dtype="int64", labels=("rose", "tulip")),),
    ),
    summary="Flowers of a test", size="4 rows", license="CC0-1.0", source="nowhere",
    offline=True, load=load,
)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry.cache_clear()
    yield tmp_path / "site"
    registry.cache_clear()


def add(site: Path, package: str, code: str, name: str = "flowers") -> None:
    module = package.replace("-", "_")
    points = {"zoo.datasets": {name: f"{module}:FLOWERS"}}
    install(site, package, points=points, files={f"{module}.py": code})
    registry.cache_clear()


def test_a_package_brings_a_dataset_that_is_listed_without_import(site: Path) -> None:
    add(site, "zoo-garden", FLOWERS)
    listed = {entry.name: entry for entry in zoo.list_datasets()}
    assert listed["flowers"].distribution == "zoo-garden"
    assert "zoo_garden" not in sys.modules
    for name in ("flowers", "zoo-garden:flowers"):
        assert zoo.dataset(name).sizes() == {"train": 4, "validation": 4, "test": 4}
    assert zoo.dataset_info("flowers").distribution == "zoo-garden"


@pytest.mark.parametrize(
    "code",
    ["raise ImportError('no such thing')", "raise SystemExit(0)", "FLOWERS = 1", ""],
    ids=["import error", "exit", "no dataset", "no attribute"],
)
def test_a_broken_dataset_plugin_breaks_only_what_names_it(site: Path, code: str) -> None:
    add(site, "zoo-weeds", code)
    assert "flowers" in [entry.name for entry in zoo.list_datasets()]
    assert zoo.dataset("digits").spec.labels[9] == "9"
    with pytest.raises(PluginBroken, match="zoo-weeds") as caught:
        zoo.dataset("flowers")
    assert caught.value.fix


def test_a_dataset_of_two_packages_is_a_collision_that_a_distribution_resolves(site: Path) -> None:
    add(site, "zoo-rose", FLOWERS)
    add(site, "zoo-tulip", FLOWERS)
    with pytest.raises(NameCollision, match="2 distributions"):
        zoo.dataset("flowers")
    assert zoo.dataset("zoo-tulip:flowers").id == "flowers"


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
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(DataError, match=r"a\.pdf is not a kind"):
        zoo.dataset(tmp_path / "a.pdf")


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "feather", "xlsx"])
def test_a_damaged_table_is_refused_with_its_name(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / f"a.{suffix}").write_bytes(b"PAR1")
    with pytest.raises(BadRecord, match=rf"a\.{suffix}: it is not a readable \.{suffix} file"):
        zoo.dataset(tmp_path / f"a.{suffix}")


def test_an_option_that_does_not_exist_gets_the_near_one() -> None:
    with pytest.raises(ConfigError, match="split_seed") as caught:
        zoo.dataset("digits", split_sed=1)
    assert caught.value.findings[0].did_you_mean == "split_seed"
    for wrong in (
        {"split_seed": -1},
        {"test_split": 0},
        {"test_split": 0.5, "validation_split": 0.5},
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


def test_a_dataset_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = datasets.DatasetListing(name="moons", distribution="zoo-astronomy", installed=False)
    monkeypatch.setattr(datasets, "list_datasets", lambda: [known])
    with pytest.raises(UnknownDataset, match="not installed") as caught:
        zoo.dataset("moons")
    assert caught.value.fix == "pip install zoo-astronomy"
