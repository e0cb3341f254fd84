"""Exported signatures of damage classifiers: ``predict`` and ``saliency``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import DataSpec, Signature, TensorSpec
from zoo_vgg16_damage.config import VGG16DamageConfig

if TYPE_CHECKING:
    import keras
    import numpy as np

SALIENCY = "saliency"
EVIDENCE = "evidence"


def make_signatures(
    model: keras.Model, config: VGG16DamageConfig, data: DataSpec, positive: int
) -> list[Signature]:
    """Return the signatures of a model, ``predict`` first."""
    import keras

    from zoo.layers import classifier_signature
    from zoo_vgg16_damage.layers import GradCAM, Threshold
    from zoo_vgg16_damage.network import FEATURES, calibration_layer, head_layers

    inside = {data.inputs[0].name: _preprocessing(config, data)}
    predict = classifier_signature(model, data, inside=inside)
    calibration = calibration_layer(model)
    image, features = model.inputs[0], model.get_layer(FEATURES).output
    labels = data.labels
    if len(labels) == 2:
        threshold = Threshold(calibration, name="threshold")(model.output)
        outputs = {"probabilities": model.output, "threshold": threshold}
        threshold_spec = TensorSpec(
            name="threshold",
            inside=f"least probability to predict {labels[positive]!r}, chosen on the validation "
            "split; above 1 for never",
        )
        predict = Signature(
            "predict",
            keras.Model({image.name: image}, outputs),
            predict.inputs,
            (*predict.outputs, threshold_spec),
        )
    rows, columns = _crop_weights(config, data.inputs[0], int(features.shape[1]))
    evidence = GradCAM(
        [layer for layer in head_layers(model) if isinstance(layer, keras.layers.Dense)],
        calibration,
        flatten=config.head.pooling == "flatten",
        rows=rows,
        columns=columns,
        name=EVIDENCE,
    )(features)
    evidence_spec = TensorSpec(
        name=EVIDENCE,
        shape=tuple(int(size) for size in evidence.shape[1:]),
        unit="nats",
        labels=labels,
        inside="evidence for each class by region of the image, rows from the top",
    )
    saliency = keras.Model({image.name: image}, {EVIDENCE: evidence})
    return [predict, Signature(SALIENCY, saliency, predict.inputs, (evidence_spec,))]


def _preprocessing(config: VGG16DamageConfig, data: DataSpec) -> str:
    if config.preset == "small":
        return "scaled to -1..1"
    height, width = (int(size) for size in data.inputs[0].shape[:2])
    side = config.image_size
    return (
        f"{height} x {width} resized to fit {side} x {side} pixels, bilinear, aspect ratio kept, "
        f"padded with the mean; then preprocessed for {config.backbone}"
    )


def _crop_weights(
    config: VGG16DamageConfig, spec: TensorSpec, cells: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the weights that crop a map to the image inside its padded square."""
    if config.preset == "small":
        return None, None
    from zoo.metrics.saliency import crop_weights
    from zoo_vgg16_damage.backbones import letterbox

    side = config.image_size
    box = letterbox(int(spec.shape[0]), int(spec.shape[1]), side)
    rows = crop_weights(box.top, box.height, side, cells)
    columns = crop_weights(box.left, box.width, side, cells)
    return rows.astype("float32"), columns.astype("float32")
