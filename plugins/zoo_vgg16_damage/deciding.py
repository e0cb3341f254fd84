"""What a model says when its training has ended: chosen on the validation split.

Importing this module imports keras.
"""

from __future__ import annotations

import keras
import numpy as np

from zoo import Split
from zoo_vgg16_damage.calibrating import best_temperature, best_threshold, softmax
from zoo_vgg16_damage.head import FEATURES, calibration_of, head_of

_BATCH = 32


def decide(model: keras.Model, split: Split, positive: int) -> None:
    """Choose the temperature, and of two classes the threshold.

    Args:
        model: A trained model.
        split: Validation examples.
        positive: Index of the class that is looked for.
    """
    config, data = model.blueprint.config, model.blueprint.data
    calibration = calibration_of(model)
    calibration.settle(1.0, 0.5)
    target = next(tensor.name for tensor in data.targets if tensor.labels is not None)
    x = model.get_layer(FEATURES).output
    for layer in head_of(model):
        if layer is calibration:
            break
        x = layer(x)
    raw = keras.Model(model.inputs[0], x)
    logits, labels = [], []
    for start in range(0, len(split), _BATCH):
        # One size for all batches: a graph is traced anew for every other.
        rows = np.minimum(np.arange(start, start + _BATCH), len(split) - 1)
        inputs, targets = split.take(rows)
        kept = min(_BATCH, len(split) - start)
        logits.append(raw.predict_on_batch(inputs[data.inputs[0].name])[:kept])
        labels.append(np.asarray(targets[target]).reshape(-1)[:kept])
    given, true = np.concatenate(logits), np.concatenate(labels).astype(int)
    temperature = best_temperature(given, true)
    chances = softmax(given.astype("float64") / temperature)[:, positive]
    threshold = best_threshold(chances, true == positive, config.miss_cost)
    calibration.settle(temperature, threshold if len(data.labels) == 2 else 0.5)


__all__ = ["decide"]
