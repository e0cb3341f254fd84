"""The published classifier of damage: as good as it is said to be, and looking where damage is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.metrics.saliency import centroid, heatmap

ROOT = Path(__file__).parents[2]
ARTIFACT = ROOT / "exports" / "vgg16_damage" / "1"
DATA = "aircraft_damage_synthetic"


@pytest.fixture(scope="module")
def tested() -> tuple[Any, dict[str, Any], np.ndarray]:
    split = zoo.dataset(DATA).split("test")
    inputs, targets = split.take(np.arange(len(split)))
    return split, dict(inputs), targets["label"]


def test_the_artifact_is_right_19_times_out_of_20_on_pictures_it_never_saw(
    tested: tuple[Any, dict[str, Any], np.ndarray],
) -> None:
    _, inputs, labels = tested
    session = zoo.runtime.load(ARTIFACT)
    said = session.predict(inputs).outputs["label"]

    assert np.mean(said == labels) >= 0.95


def test_the_threshold_was_not_chosen_on_the_test_split(
    tested: tuple[Any, dict[str, Any], np.ndarray],
) -> None:
    validation = zoo.dataset(DATA).split("validation")
    inputs, targets = validation.take(np.arange(len(validation)))
    answer = zoo.runtime.load(ARTIFACT).predict(dict(inputs)).outputs
    crack = answer["probabilities"][:, 0]
    threshold = float(answer["threshold"][0])

    def mistakes(at: float) -> int:
        return int(((crack >= at) != (targets["label"] == 0)).sum())

    assert mistakes(threshold) == min(map(mistakes, np.linspace(0, 1, 201)))


def test_the_evidence_lies_where_the_damage_is(
    tested: tuple[Any, dict[str, Any], np.ndarray],
) -> None:
    split, inputs, labels = tested
    evidence = zoo.runtime.load(ARTIFACT, signature="saliency").predict(inputs).outputs["evidence"]
    cell = 96 / evidence.shape[1]
    exact = near = 0
    for one, label, true in zip(evidence, labels, split.truth(np.arange(len(split))), strict=True):
        x, y = (96 * share for share in centroid(heatmap(one, int(label))) or (-1.0, -1.0))
        left, top, right, bottom = true.box
        exact += left <= x <= right and top <= y <= bottom
        near += left - cell <= x <= right + cell and top - cell <= y <= bottom + cell

    assert exact / len(split) >= 0.55
    assert near / len(split) >= 0.8


def test_what_is_committed_is_small() -> None:
    files = [*ARTIFACT.glob("*.onnx"), *(ROOT / "plugins/zoo_vgg16_damage/weights").iterdir()]

    assert len(files) == 3
    assert all(file.stat().st_size < 2_000_000 for file in files)
