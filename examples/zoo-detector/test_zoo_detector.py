"""The installed package, tested as its author would: through the public API."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing

if "detector" not in zoo.list_models():
    pytest.skip("pip install --editable ./examples/zoo-detector", allow_module_level=True)
from zoo_detector.grid import to_grid, to_rows
from zoo_detector.metrics import match


@testing.parametrize_with_checks("detector", "detector_shapes")
def test_it_conforms(check):
    check()


def test_it_finds_the_shapes_and_its_artifact_gives_their_boxes(tmp_path):
    run = zoo.train("detector", run_dir=tmp_path / "run", epochs=12)
    scores = zoo.evaluate(run).scores
    assert scores["f1"].low > 0.5 > scores["f1_of_other_boxes"].high
    artifact = zoo.export(run, tmp_path / "exports")
    images, _ = zoo.dataset("detector_shapes").split("test").take(np.arange(8))
    found = zoo.predict(artifact.path, images)
    for index, count in enumerate(found.outputs["count"]):
        assert found.valid_rows("boxes", index).shape == (count, 4)
        assert (found.valid_rows("score", index) >= 0.5).all()


def test_the_grid_of_a_drawing_gives_its_boxes_again():
    images, targets = zoo.dataset("detector_shapes").split("train").take(np.arange(20))
    _, grid = to_grid(images, targets, cells=(8, 8), stride=4, classes=2)
    rows = to_rows(**grid, stride=4, rows=8, threshold=0.5)
    rows = {name: np.asarray(tensor) for name, tensor in rows.items()}
    assert rows["count"].tolist() == targets["count"].tolist()
    for index, count in enumerate(targets["count"]):
        found, true = (
            (x["boxes"][index, :count], x["class"][index, :count]) for x in (rows, targets)
        )
        assert match(found, true) == (count, count, count)


def test_a_second_box_of_one_object_and_a_wrong_class_are_no_hits():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 12, 12]], "float32")
    found, true = (boxes, np.array([0, 0, 1])), (boxes[[0, 2]], np.array([0, 0]))
    assert match(found, true) == (1, 3, 2)
