"""Temperature scaling and the choice of a decision threshold on the validation split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo import Split
from zoo_vgg16_damage.examples import labeled_batches

if TYPE_CHECKING:
    import keras

_TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(20.0), 241))


def calibrate(model: keras.Model, split: Split, positive: int) -> None:
    """Fit the temperature, and the threshold of binary classifiers.

    Args:
        model: A trained model.
        split: Validation examples.
        positive: Index of the positive class.
    """
    import keras

    from zoo_vgg16_damage.network import FEATURES, calibration_layer, head_layers

    config, data = model.blueprint.config, model.blueprint.data
    calibration = calibration_layer(model)
    calibration.set_values(1.0, 0.5)
    x = model.get_layer(FEATURES).output
    for layer in head_layers(model):
        if layer is calibration:
            break
        x = layer(x)
    logit_model = keras.Model(model.inputs[0], x)
    logits, labels = [], []
    for _, images, classes in labeled_batches(split, data):
        logits.append(logit_model.predict_on_batch(images)[: len(classes)])
        labels.append(classes)
    all_logits, truth = np.concatenate(logits), np.concatenate(labels)
    temperature = best_temperature(all_logits, truth)
    threshold = 0.5
    if len(data.labels) == 2:
        scaled = softmax(all_logits.astype("float64") / temperature)[:, positive]
        # Rounded as the model computes them, so that a tie here is a tie there.
        scores = scaled.astype("float32")
        threshold = best_threshold(scores, truth == positive, config.false_negative_cost)
    calibration.set_values(temperature, threshold)


def best_temperature(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the temperature with the least log loss (Guo et al. 2017) by a refined grid search.

    Args:
        logits: Uncalibrated logits, `(examples, classes)`.
        labels: True classes, `(examples,)`.
    """
    logits = logits.astype("float64")
    coarse = min(_TEMPERATURES, key=lambda t: log_loss(logits / t, labels))
    fine = coarse * np.exp(np.linspace(-0.025, 0.025, 51))
    return float(min(fine, key=lambda t: log_loss(logits / t, labels)))


def log_loss(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the mean log loss of logits, nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normalizer = np.log(np.exp(shifted).sum(axis=1))
    return float((normalizer - shifted[np.arange(len(labels)), labels]).mean())


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return class probabilities."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def best_threshold(
    scores: NDArray[Any], is_positive: NDArray[Any], false_negative_cost: float
) -> float:
    """Return the threshold with the least cost; an example is positive if its score reaches it.

    All thresholds are considered: below all scores, between any two, and above all. Among equally
    cheap ones it is the nearest to that of calibrated probabilities,
    ``1 / (1 + false_negative_cost)``.

    Args:
        scores: Probabilities of the positive class, `(examples,)`.
        is_positive: Whether each example is positive.
        false_negative_cost: Cost of a false negative, in false positives.

    Returns:
        A threshold from 0 to 1; slightly above 1 if all examples should be negative though one
        has the score 1.
    """
    default = 1.0 / (1.0 + false_negative_cost)
    if is_positive.all() or not is_positive.any():
        return default
    values = np.unique(scores)
    # Halfway between neighbors, where there is a number between them.
    between = values[:-1] + (values[1:] - values[:-1]) / 2
    between = np.where(between > values[:-1], between, values[1:])
    one = values.dtype.type(1)
    above = one if values[-1] < one else np.nextafter(one, values.dtype.type(2))
    thresholds = np.concatenate([[values.dtype.type(0)], between, [above]])
    false_negatives = np.searchsorted(np.sort(scores[is_positive]), thresholds, side="left")
    negatives = np.sort(scores[~is_positive])
    false_positives = len(negatives) - np.searchsorted(negatives, thresholds, side="left")
    cost = false_negative_cost * false_negatives + false_positives
    cheapest = thresholds[cost <= cost.min() + 1e-12]
    return float(cheapest[np.argmin(abs(cheapest - default))])
