"""What the tests of a backbone and a new head share: quick settings, weights, short trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

import zoo
from tests.plugins.test_vgg16_damage import Bars, pictures

DATA = Bars({"train": 40, "validation": 20, "test": 20})
QUICK: dict[str, Any] = {
    "preset": "transfer",
    "backbone": "mobilenetv2",
    "image_size": 32,
    "views": 2,
    "batch_size": 16,
}


def write_weights(path: Path) -> Path:
    """Write a file in the format of ``keras.applications``, with random weights."""
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    keras.utils.set_random_seed(4)
    model = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
    return path


def built(weights: Path, **config: Any) -> keras.Model:
    fields = {k: v for k, v in QUICK.items() if k != "batch_size"}
    chosen = {**fields, "pretrained": str(weights), **config}
    return zoo.build("vgg16_damage", data=pictures(24, 24, 3), **chosen)


def trained(weights: Path, folder: Path, data: Any = DATA, **config: Any) -> zoo.Run:
    chosen = {**QUICK, "epochs": 2, "pretrained": str(weights), **config}
    return zoo.train("vgg16_damage", data, run_dir=folder, **chosen)


def numbers(run: zoo.Run) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in run.history]
