"""The installed package, tested as its author would: through the public API."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing

if "unet" not in zoo.list_models():
    pytest.skip("pip install --editable ./examples/zoo-unet", allow_module_level=True)
from zoo_unet.data import write_example
from zoo_unet.metrics import evaluate_masks

FAST = {"filters": [8, 16], "optimizer": {"learning_rate": 0.01}}


@testing.parametrize_with_checks("unet", "unet_shapes", "image_masks")
def test_it_conforms(check):
    check()


def test_it_tells_disks_from_squares_and_its_artifact_gives_its_masks(tmp_path):
    run = zoo.train("unet", run_dir=tmp_path / "run", epochs=4, **FAST)
    assert run.record["plan"]["mode"] == "max"
    scores = zoo.evaluate(run).scores
    assert scores["mean_iou"].low > scores["mean_iou_gray_level"].high
    artifact = zoo.export(run, tmp_path / "exports")
    images, _ = zoo.dataset("unet_shapes").split("test").take(np.arange(8))
    masks = zoo.predict(artifact.path, images).outputs["label"]
    assert masks.shape == (8, 32, 32)
    assert np.mean(masks == zoo.predict(run, images).outputs["probabilities"].argmax(-1)) == 1


def test_a_run_on_a_folder_is_resumed_with_its_reader(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()

    class Stopping(zoo.Progress):
        def on_epoch_end(self, epoch, logs):
            raise KeyboardInterrupt

    data = {"data": write_example(folder), "data_options": {"reader": "image_masks"}}
    with pytest.raises(KeyboardInterrupt):
        zoo.train("unet", **data, run_dir=tmp_path / "a", epochs=2, progress=Stopping(), **FAST)
    resumed = zoo.train(resume=tmp_path / "a")
    whole = zoo.train("unet", **data, run_dir=tmp_path / "b", epochs=2, **FAST)
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert zoo.evaluate(resumed).examples == 2


def test_sides_that_cannot_be_halved_are_padded():
    spec = zoo.dataset("unet_shapes").spec
    image = spec.inputs[0].model_copy(update={"shape": (13, 10, 3)})
    model = zoo.build("unet", data=spec.model_copy(update={"inputs": (image,)}))
    assert model.output_shape == (None, 13, 10, 3)


def test_the_true_masks_have_a_mean_iou_of_one():
    data = zoo.dataset("unet_shapes")
    test = data.split("test")
    _, targets = test.take(np.arange(len(test)))
    right = {"probabilities": np.eye(3)[targets["mask"]]}
    assert evaluate_masks(lambda _: right, test, data.spec, None).scores["mean_iou"].value == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "masks" / "03.png").unlink(), "03.png"),
        (lambda folder: (folder / "labels.txt").write_text("all"), "and 1 labels"),
        (lambda folder: (folder / "labels.txt").unlink(), "does not read"),
        (lambda folder: [file.unlink() for file in (folder / "images").iterdir()], "no images"),
    ],
)
def test_a_wrong_folder_is_explained(tmp_path, change, message):
    change(write_example(tmp_path))
    with pytest.raises(zoo.ZooError, match=message):
        zoo.dataset(tmp_path, reader="image_masks")
