"""What a model is measured on: the test split of its data, or all of other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api.evaluation import _measured_dataset
from zoo.errors import ConfigError, DataError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
OTHER = RANDOM.normal(size=(30, 3)).astype(np.float32)


def write(path: Path, x: Any, y: Any) -> Path:
    rows = (",".join([*map(str, row), "ab"[label]]) for row, label in zip(x, y, strict=True))
    path.write_text("\n".join(["p,q,r,kind", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    """A run of arrays in Python."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    return zoo.train("mlp_classifier", (X, Y), epochs=1, run_dir=folder, progress=False)


def test_the_data_of_the_run_keeps_its_test_split(run: zoo.Run) -> None:
    held_out = run.dataset().sizes()["test"]
    assert zoo.evaluate(run, (X, Y)).examples == held_out < len(X)
    assert zoo.evaluate(run).examples == held_out


def test_all_of_other_data_is_measured(run: zoo.Run) -> None:
    assert zoo.evaluate(run, (OTHER, (OTHER[:, 0] > 0).astype(int))).examples == len(OTHER)
    assert zoo.evaluate(run, zoo.dataset((OTHER, (OTHER[:, 0] > 0).astype(int)))).examples == 30


def test_data_in_python_is_needed_again_in_another_process(run: zoo.Run, tmp_path: Path) -> None:
    again = zoo.Run(run.path)
    for act in (zoo.evaluate, lambda one: zoo.export(one, tmp_path)):
        with pytest.raises(DataError, match="was in Python, and is not stored"):
            act(again)
    assert zoo.evaluate(again, (X, Y)).examples == run.dataset().sizes()["test"]


def test_a_run_is_exported_while_its_data_is_there(run: zoo.Run, tmp_path: Path) -> None:
    artifact = zoo.export(run, tmp_path)
    manifest = artifact.load().manifest
    assert manifest.data_fingerprint == run.record["data"]["fingerprint"]
    again = zoo.export(zoo.Run(run.path), tmp_path / "again", data=(X, Y))
    assert again.load().manifest.data_fingerprint == manifest.data_fingerprint
    # An artifact knows the data of its training too.
    assert zoo.evaluate(artifact.path, (X, Y)).examples == run.dataset().sizes()["test"]
    assert zoo.evaluate(artifact.path, (OTHER, (OTHER[:, 0] > 0).astype(int))).examples == len(
        OTHER
    )


def test_only_data_in_python_is_given_again_to_resume(tmp_path: Path, run: zoo.Run) -> None:
    class Stop(zoo.Progress):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            raise KeyboardInterrupt

    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        zoo.train("mlp_classifier", (X, Y), epochs=2, run_dir=folder, progress=Stop())
    with pytest.raises(DataError, match="has changed since the run"):
        zoo.train(resume=folder, data=(X, 1 - Y), progress=False)
    assert zoo.train(resume=folder, data=(X, Y), progress=False).status == "finished"
    whole = zoo.train(
        "mlp_classifier", (X, Y), epochs=2, run_dir=tmp_path / "whole", progress=False
    )
    found, right = zoo.Run(folder).model.get_weights(), whole.model.get_weights()
    assert all(np.array_equal(one, two) for one, two in zip(found, right, strict=True))


def test_a_file_is_not_given_again_to_resume(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.csv", X, Y)
    made = zoo.train("mlp_classifier", file, epochs=1, run_dir=tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match="resumed as it was started"):
        zoo.train(resume=made.path, data=file)


def test_a_model_that_was_built_for_a_table_is_measured_on_its_test_split(tmp_path: Path) -> None:
    mine, yours = write(tmp_path / "mine.csv", X, Y), write(tmp_path / "yours.csv", OTHER, Y[:30])
    spec = zoo.build("mlp_classifier", data=mine).blueprint.data
    for data, count in ((mine, zoo.dataset(mine).sizes()["test"]), (yours, 30)):
        assert len(_measured_dataset(data, spec, None, "").split("test")) == count


def test_every_row_of_another_table_of_texts_is_measured(tmp_path: Path) -> None:
    texts = [
        f"{'fine' if n % 2 else 'dull'} film {n}\t{'good' if n % 2 else 'bad'}" for n in range(40)
    ]
    for name, rows in (("train", texts), ("test", texts[:4]), ("other", [texts[1]])):
        (tmp_path / f"{name}.tsv").write_text("\n".join(["text\tkind", *rows]) + "\n")
    options = {"text": "text", "test": str(tmp_path / "test.tsv"), "max_length": 8}
    data = zoo.dataset(tmp_path / "train.tsv", **options)
    run = zoo.train("lstm", data, epochs=1, run_dir=tmp_path / "run", progress=False)
    assert zoo.evaluate(run).examples == 4
    # Fewer rows than there are splits, and one class.
    other = tmp_path / "other.tsv"
    assert zoo.evaluate(run, other).examples == 1
    assert zoo.evaluate(run, str(tmp_path / "train.tsv")).examples == 4
    other.write_text("text\tkind\nfine film\tsplendid\n")
    with pytest.raises(DataError, match="the class 'splendid' is not one of the model's"):
        zoo.evaluate(run, other)


def test_the_test_file_of_a_run_is_not_that_of_other_data(tmp_path: Path) -> None:
    train, test = write(tmp_path / "train.csv", X, Y), write(tmp_path / "test.csv", X[:9], Y[:9])
    data = zoo.dataset(train, test=str(test))
    run = zoo.train("mlp_classifier", data, epochs=1, run_dir=tmp_path / "run", progress=False)
    assert zoo.evaluate(run).examples == 9
    other = write(tmp_path / "other.csv", OTHER, (OTHER[:, 0] > 0).astype(int))
    assert zoo.evaluate(run, other).examples == len(OTHER)
