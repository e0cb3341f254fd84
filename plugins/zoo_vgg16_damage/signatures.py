"""What a classifier of damage publishes: what it is, and where it looked.

Importing this module imports keras.
"""

from __future__ import annotations

import keras
import numpy as np

from zoo import DataSpec, Signature, TensorSpec
from zoo.metrics.saliency import crop_weights
from zoo_vgg16_damage.config import VGG16DamageConfig
from zoo_vgg16_damage.head import FEATURES, calibration_of, dense_of
from zoo_vgg16_damage.layers import Evidence, Threshold

WHERE = "where"
EVIDENCE = "evidence"


def published(
    model: keras.Model, config: VGG16DamageConfig, data: DataSpec, positive: int
) -> list[Signature]:
    """Return the signatures of a model, ``predict`` first."""
    from zoo.layers import classifier_signature

    inside = _inside(config, data)
    taken = {data.inputs[0].name: inside}
    predict = classifier_signature(model, data, inside=taken)
    calibration = calibration_of(model)
    image, features = model.inputs[0], model.get_layer(FEATURES).output
    labels = data.labels
    if len(labels) == 2:
        limit = Threshold(calibration, name="threshold")(model.output)
        named = {"probabilities": model.output, "threshold": limit}
        told = TensorSpec(
            name="threshold",
            range=(0.0, 1.0),
            inside=f"{labels[positive]!r} is said from this probability on; "
            "chosen on the validation split",
        )
        predict = Signature(
            "predict",
            keras.Model({image.name: image}, named),
            predict.inputs,
            (*predict.outputs, told),
        )
    rows, columns = _content(config, data.inputs[0], int(features.shape[1]))
    evidence = Evidence(
        dense_of(model),
        calibration,
        flat=config.head.pooling == "flatten",
        rows=rows,
        columns=columns,
        name=EVIDENCE,
    )(features)
    said = TensorSpec(
        name=EVIDENCE,
        shape=tuple(int(size) for size in evidence.shape[1:]),
        unit="nats",
        labels=labels,
        inside="how much each place of the picture speaks for each class, rows from the top",
    )
    where = keras.Model({image.name: image}, {EVIDENCE: evidence})
    return [predict, Signature(WHERE, where, predict.inputs, (said,))]


def _inside(config: VGG16DamageConfig, data: DataSpec) -> str:
    if config.preset == "small":
        return "scaled to -1..1"
    height, width = (int(size) for size in data.inputs[0].shape[:2])
    return (
        f"{height} x {width} fitted into {config.side} x {config.side} pixels, bilinear, aspect "
        f"kept, the rest filled with the mean; then as {config.backbone} wants it"
    )


def _content(
    config: VGG16DamageConfig, spec: TensorSpec, cells: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the weights that cut a map to the picture inside its padded square."""
    if config.preset == "small":
        return None, None
    from zoo_vgg16_damage.fitting import place

    found = place(int(spec.shape[0]), int(spec.shape[1]), config.side)
    tall = crop_weights(found.top, found.height, config.side, cells)
    wide = crop_weights(found.left, found.width, config.side, cells)
    return tall.astype("float32"), wide.astype("float32")


__all__ = ["EVIDENCE", "WHERE", "published"]
