"""Readers of people's files that a package brings, used where their name is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.forked import Forks
from tests.registry.fakes import install
from zoo.cli import main
from zoo.data import FileReader, SplitOptions
from zoo.errors import ConfigError, DataError, PluginBroken, RegistryError, UnknownDataset

PACKAGE = '''
"""Rows of numbers, a semicolon, and the class."""

import numpy as np

from zoo import DataSpec, TensorSpec
from zoo import NamedDataset
from zoo.data import ArraySplit, Dataset, FileReader, stratified_split


def open_rows(path, options):
    lines = [line.rsplit(";", 1) for line in path.read_text().splitlines()]
    x = np.array([numbers.split(",") for numbers, _ in lines], "float32")
    names = sorted({name for _, name in lines})
    y = np.array([names.index(name) for _, name in lines])
    spec = DataSpec(
        id=path.stem,
        task="classification",
        inputs=(TensorSpec(name="numeric", shape=x.shape[1:]),),
        targets=(TensorSpec(name="label", dtype="int64", labels=tuple(names)),),
    )

    def load():
        parts = stratified_split(
            y,
            validation=options.validation_split,
            test=options.test_split,
            seed=options.split_seed,
        )
        return {n: ArraySplit({"numeric": x[i]}, {"label": y[i]}) for n, i in parts.items()}

    return Dataset(spec, load)


ROWS = FileReader(
    summary="Rows of numbers and a class, .rows",
    accepts=lambda path: path.suffix == ".rows",
    open=open_rows,
)
NOT_A_READER = open_rows


def load_blobs(options):
    y = np.arange(120) % 2
    x = np.random.default_rng(0).normal(3 * y[:, None], 1, (120, 3)).astype("float32")
    parts = stratified_split(
        y, validation=options.validation_split, test=options.test_split, seed=options.split_seed
    )
    return {n: ArraySplit({"numeric": x[i]}, {"label": y[i]}) for n, i in parts.items()}


BLOBS = NamedDataset(
    spec=DataSpec(
        id="blobs",
        task="classification",
        inputs=(TensorSpec(name="numeric", shape=(3,)),),
        targets=(TensorSpec(name="label", dtype="int64", labels=("cat", "dog")),),
    ),
    summary="Two clouds of points",
    size="120 rows",
    license="CC0-1.0",
    source="drawn",
    offline=True,
    load=load_blobs,
)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    readers = {"labeled_rows": "zoo_rows:ROWS", "odd_rows": "zoo_rows:NOT_A_READER"}
    points = {"zoo.readers": readers, "zoo.datasets": {"blobs": "zoo_rows:BLOBS"}}
    install(folder, "zoo-rows", points=points, files={"zoo_rows.py": PACKAGE})
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("data") / "mine.rows"
    lines = []
    for number in range(120):
        near = rng.normal(3 * (number % 2), 1, 3)
        lines.append(",".join(f"{v:.3f}" for v in near) + ";" + ("cat", "dog")[number % 2])
    file.write_text("\n".join(lines))
    return file


def run_zoo(forks: Forks, site: Path, folder: Path, *words: str) -> dict[str, Any]:
    path = os.pathsep.join([str(site), str(Path.cwd())])
    variables = {**os.environ, "PYTHONPATH": path}
    done = forks.run("-m", "zoo", *words, "--json", cwd=folder, env=variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_data_of_a_reader_is_trained_on_and_opened_again_in_another_process(
    site: Path, rows: Path, tmp_path: Path, forks: Forks
) -> None:
    options = ["--data-option", "reader=labeled_rows", "--data-option", "test_split=0.3"]
    words = ["train", "mlp_classifier", "--data", str(rows), *options, "--epochs", "2"]
    run_zoo(forks, site, tmp_path, *words)
    record = json.loads((tmp_path / "runs" / "mlp_classifier-1" / "run.json").read_text())
    assert record["data"]["options"] == {"reader": "labeled_rows", "test_split": 0.3}

    measured = run_zoo(forks, site, tmp_path, "evaluate", "runs/mlp_classifier-1")
    assert measured["examples"] == 36
    assert measured["scores"]["accuracy"]["value"] > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dataset", "reader"])
def test_an_artifact_of_plugin_data_is_evaluated_and_quantized_in_other_processes(
    kind: str, site: Path, rows: Path, tmp_path: Path, forks: Forks
) -> None:
    reader = ["--data", str(rows), "--data-option", "reader=labeled_rows"]
    data = ["--data", "blobs"] if kind == "dataset" else reader
    run_zoo(forks, site, tmp_path, "train", "mlp_classifier", *data, "--epochs", "3")
    run_zoo(forks, site, tmp_path, "export", "runs/mlp_classifier-1")
    artifact = "exports/mlp_classifier/1"
    # An artifact knows the name of its data, and no place on somebody's disk.
    again = [] if kind == "dataset" else reader

    measured = run_zoo(forks, site, tmp_path, "evaluate", artifact, *again)
    assert measured["scores"]["accuracy"]["value"] > 0.8
    quantized = run_zoo(forks, site, tmp_path, "quantize", artifact, *again, "--max-loss", "5")
    assert Path(tmp_path, quantized["path"]).is_dir()


@pytest.fixture
def here(site: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from zoo.api import catalog

    monkeypatch.syspath_prepend(site)
    catalog.registry.cache_clear()
    yield
    catalog.registry.cache_clear()


def test_a_reader_refuses_what_is_not_of_its_kind_and_wrong_options(
    here: Any, rows: Path, tmp_path: Path
) -> None:
    other = tmp_path / "mine.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="the reader 'labeled_rows' does not read") as caught:
        zoo.dataset(other, reader="labeled_rows")
    assert "Rows of numbers and a class" in caught.value.why
    with pytest.raises(ConfigError, match="test_spilt"):
        zoo.dataset(rows, reader="labeled_rows", test_spilt=0.2)
    assert zoo.dataset(rows, reader="labeled_rows", max_examples=9).sizes()["train"] == 9


def test_a_file_that_its_reader_cannot_decode_is_a_typed_error(here: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.rows"
    file.write_bytes(b"1,2;caf\xe9\n")
    with pytest.raises(DataError, match="the reader 'labeled_rows' cannot read") as caught:
        zoo.dataset(file, reader="labeled_rows")
    assert "utf-8" in caught.value.why


def test_a_reader_that_is_not_there_or_none_is_a_typed_error(here: Any, rows: Path) -> None:
    with pytest.raises(RegistryError, match="there is no reader 'label_rows'") as caught:
        zoo.dataset(rows, reader="label_rows")
    assert "did you mean labeled_rows" in caught.value.why
    with pytest.raises(PluginBroken, match=r"expected a zoo\.data\.FileReader"):
        zoo.dataset(rows, reader="odd_rows")
    with pytest.raises(UnknownDataset):
        zoo.dataset("nowhere.rows", reader="labeled_rows")


def test_a_reader_is_described_and_suggested(here: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = zoo.reader_info("labeled_rows")
    assert zoo.list_readers() == ["labeled_rows", "odd_rows"]
    assert (found.summary, found.distribution) == ("Rows of numbers and a class, .rows", "zoo-rows")
    assert "test_split" in found.options["properties"]

    for words, texts in (
        (["info", "labeled_rows"], ["reader=labeled_rows", "test_split", "zoo-rows"]),
        (["info", "labeld_rows"], ["did you mean the reader labeled_rows?"]),
    ):
        with pytest.raises(SystemExit):
            main(words)
        streams = capsys.readouterr()
        assert all(text in streams.out + streams.err for text in texts)


def test_without_its_name_a_reader_is_not_chosen(here: Any, rows: Path) -> None:
    with pytest.raises(DataError, match="is not a kind of file that is read here"):
        zoo.dataset(rows)


def test_a_reader_has_a_summary_of_a_sentence() -> None:
    with pytest.raises(ValueError, match="summary"):
        FileReader(summary="x", accepts=lambda _: True, open=lambda *_: None, options=SplitOptions)
