"""Hints for what a newcomer types first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import ArtifactError, ConfigError, DataError, TrainError, ZooWarning


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_with_the_name_of_a_dataset_is_not_taken_in_silence(here: Path) -> None:
    (here / "digits").mkdir()
    with pytest.warns(ZooWarning, match=r"'digits' is the dataset of that name; .* is \./digits"):
        zoo.dataset("digits")


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ((np.zeros((4, 8, 8, 1)), np.zeros(4)), "as uint8"),
        (np.zeros((4, 3)), "(X, y)"),
        ({"x": np.zeros(4)}, "store x and y"),
    ],
)
def test_arrays_are_refused_with_what_to_do_with_them(here: Path, given: object, fix: str) -> None:
    for act in (zoo.train, zoo.build):
        with pytest.raises(DataError) as caught:
            act("cnn", data=given)
        assert fix in caught.value.fix
    assert not list(here.iterdir())


def test_the_name_of_a_run_is_answered_with_its_folder(here: Path) -> None:
    (here / "runs" / "cnn-1").mkdir(parents=True)
    (here / "runs" / "cnn-1" / "run.json").write_text("{}")
    with pytest.raises(TrainError) as caught:
        zoo.compare("cnn-1", "cnn-2")
    assert caught.value.fix == f"did you mean {Path('runs', 'cnn-1')}?"
    with pytest.raises(ArtifactError) as missed:
        zoo.load("cnn-1")
    assert missed.value.fix == f"did you mean {Path('runs', 'cnn-1')}?"


def test_an_artifact_without_its_version_is_answered_with_the_newest(here: Path) -> None:
    for version in ("2", "10"):
        (here / "exports" / "cnn" / version).mkdir(parents=True)
        (here / "exports" / "cnn" / version / "manifest.json").write_text("{}")
    with pytest.raises(ArtifactError) as caught:
        zoo.load("exports/cnn")
    assert caught.value.fix == f"did you mean {Path('exports', 'cnn', '10')}?"


def test_a_monitor_of_keras_is_answered_with_the_names_that_it_may_mean(here: Path) -> None:
    with pytest.raises(ConfigError, match="val_accuracy"):
        zoo.train("cnn", plan={"monitor": "val_acc"})
