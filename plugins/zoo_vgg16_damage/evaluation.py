"""Evaluation of damage classifiers: scores, threshold, curves and baselines."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import Arrays, DataSpec, Evaluation, PredictFn, Score, Split, metrics
from zoo.metrics.intervals import wilson
from zoo.metrics.roc import auc, average_precision
from zoo.spec import PredictFns
from zoo_vgg16_damage.figures import damage_figures

_BATCH = 32
"""Images per batch: at 224 pixels a side a backbone takes much memory."""

_MAX_REFERENCE = 4_000
"""Training images for the histogram baseline; more of them change little."""

_BINS = 6


def evaluate_damage(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    *,
    positive: int,
    reference: Split | None = None,
) -> Evaluation:
    """Evaluate a classifier on a split.

    Binary classifiers also get the areas under the ROC curve (DeLong's interval) and the
    precision–recall curve (bootstrap), and scores at the threshold (Wilson 1927).

    Args:
        predict_fns: ``predict``, and ``saliency`` for the images of a report.
        split: The examples.
        data: Spec of the data.
        positive: Index of the positive class.
        reference: Training split for the baselines and figures; ``None`` for scores only.
    """
    batches: list[Arrays] = []
    predict = _recorded(next(iter(predict_fns.values())), batches)
    base = metrics.evaluate(predict, split, data, reference=reference, batch_size=_BATCH)
    probabilities = np.concatenate([b["probabilities"] for b in batches]).astype("float64")
    truth = _labels(split, data)
    scores = dict(base.scores)
    if len(data.labels) == 2:
        threshold = float(batches[0]["threshold"][0]) if "threshold" in batches[0] else None
        scores |= _binary_scores(probabilities[:, positive], truth == positive, threshold)
    figures = base.figures
    if reference is not None:
        scores |= _baselines(split, reference, data, truth)
        figures = damage_figures(
            predict_fns, split, data, base, probabilities, truth, scores, positive
        )
    return base.model_copy(update={"scores": scores, "figures": figures})


def _recorded(predict_fn: PredictFn, batches: list[Arrays]) -> PredictFn:
    """Return a function that records its outputs, so that every example is predicted once."""

    def predict(inputs: Arrays) -> Arrays:
        # Batches of one size, as Keras traces a graph for every other: the last one is padded.
        count = len(next(iter(inputs.values())))
        rows = np.minimum(np.arange(_BATCH), count - 1)
        padded = predict_fn({name: array[rows] for name, array in inputs.items()})
        outputs = {name: array[:count] for name, array in padded.items()}
        batches.append(outputs)
        return outputs

    return predict


def _labels(split: Split, data: DataSpec) -> NDArray[np.int64]:
    target = next(tensor.name for tensor in data.targets if tensor.labels is not None)
    parts = []
    for start in range(0, len(split), 256):
        _, targets = split.take(np.arange(start, min(start + 256, len(split))))
        parts.append(np.asarray(targets[target]).reshape(-1))
    return np.concatenate(parts).astype(np.int64)


def _binary_scores(
    probability: NDArray[Any], is_positive: NDArray[Any], threshold: float | None
) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    if is_positive.any() and not is_positive.all():
        classes = probability[is_positive], probability[~is_positive]
        scores["roc_auc"] = _score(*auc(*classes))
        scores["average_precision"] = _score(*average_precision(*classes))
    if threshold is None:
        return scores
    predicted = probability >= threshold
    counts = {
        "threshold_accuracy": (predicted == is_positive, np.ones_like(is_positive)),
        "threshold_recall": (predicted, is_positive),
        "threshold_precision": (is_positive, predicted),
    }
    for name, (correct, among) in counts.items():
        if among.any():
            scores[name] = _rate(int((correct & among).sum()), int(among.sum()))
    return scores


def _baselines(
    split: Split, reference: Split, data: DataSpec, truth: NDArray[Any]
) -> dict[str, Score]:
    """Return the accuracy of the majority class and of a color-histogram classifier."""
    count = min(len(reference), _MAX_REFERENCE)
    rows = np.unique(np.linspace(0, len(reference) - 1, count).astype(int))
    histograms, labels = _color_histograms(reference, data, rows)
    majority = int(np.bincount(labels, minlength=len(data.labels)).argmax())
    scores = {"majority_accuracy": _rate(int((truth == majority).sum()), len(truth))}
    if importlib.util.find_spec("sklearn") is not None and len(set(labels.tolist())) > 1:
        from sklearn.linear_model import LogisticRegression

        # Square roots bring rare and frequent colors to one scale.
        fitted = LogisticRegression(C=10.0, max_iter=2_000).fit(np.sqrt(histograms), labels)
        features, _ = _color_histograms(split, data, np.arange(len(split)))
        correct = int((fitted.predict(np.sqrt(features)) == truth).sum())
        scores["histogram_accuracy"] = _rate(correct, len(truth))
    return scores


def _color_histograms(
    split: Split, data: DataSpec, rows: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return color histograms with 6 bins per channel, and labels.

    Shapes:
        Returns: `(examples, 6^channels)`, shares; `(examples,)`
    """
    spec = data.inputs[0]
    target = next(tensor.name for tensor in data.targets if tensor.labels is not None)
    low, high = spec.range or (0.0, 255.0)
    histograms, labels = [], []
    for start in range(0, len(rows), 256):
        inputs, targets = split.take(rows[start : start + 256])
        intensity = (inputs[spec.name].astype("float32") - low) / (high - low)
        bins = np.clip((intensity * _BINS).astype("int64"), 0, _BINS - 1)
        codes = (bins * _BINS ** np.arange(bins.shape[-1])).sum(axis=-1).reshape(len(bins), -1)
        colors = _BINS ** bins.shape[-1]
        histograms.append(np.stack([np.bincount(c, minlength=colors) / c.size for c in codes]))
        labels.append(np.asarray(targets[target]).reshape(-1))
    return np.concatenate(histograms), np.concatenate(labels).astype(int)


def _rate(correct: int, total: int) -> Score:
    return _score(correct / total, wilson(correct, total))


def _score(value: float, interval: tuple[float, float] | None) -> Score:
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high)
