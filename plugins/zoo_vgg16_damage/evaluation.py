"""Evaluation of damage classifiers: scores, threshold, curves and baselines."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, Evaluation, PredictFns, Score, Split, metrics
from zoo.metrics.roc import auc, average_precision
from zoo_vgg16_damage.examples import BATCH, labeled_batches
from zoo_vgg16_damage.figures import damage_figures

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
    predict_fn = next(iter(predict_fns.values()))

    def predict(inputs: Arrays) -> Arrays:
        batches.append(predict_fn(inputs))
        return batches[-1]

    base = metrics.evaluate(predict, split, data, reference=reference, batch_size=BATCH)
    probabilities = np.concatenate([b["probabilities"] for b in batches]).astype("float64")
    truth = np.concatenate([labels for _, _, labels in labeled_batches(split, data)])
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


def _binary_scores(
    probability: NDArray[Any], is_positive: NDArray[Any], threshold: float | None
) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    if is_positive.any() and not is_positive.all():
        classes = probability[is_positive], probability[~is_positive]
        scores["roc_auc"] = Score.of(*auc(*classes))
        scores["average_precision"] = Score.of(*average_precision(*classes))
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
            scores[name] = Score.of_share(correct[among])
    return scores


def _baselines(
    split: Split, reference: Split, data: DataSpec, truth: NDArray[Any]
) -> dict[str, Score]:
    """Return the accuracy of the majority class and of a color-histogram classifier."""
    count = min(len(reference), _MAX_REFERENCE)
    rows = np.unique(np.linspace(0, len(reference) - 1, count).astype(int))
    histograms, labels = _color_histograms(zoo.Subset(reference, rows), data)
    majority = int(np.bincount(labels, minlength=len(data.labels)).argmax())
    scores = {"majority_accuracy": Score.of_share(truth == majority)}
    if importlib.util.find_spec("sklearn") is not None and len(set(labels.tolist())) > 1:
        from sklearn.linear_model import LogisticRegression

        # Square roots bring rare and frequent colors to one scale.
        fitted = LogisticRegression(C=10.0, max_iter=2_000).fit(np.sqrt(histograms), labels)
        features, _ = _color_histograms(split, data)
        scores["histogram_accuracy"] = Score.of_share(fitted.predict(np.sqrt(features)) == truth)
    return scores


def _color_histograms(split: Split, data: DataSpec) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return color histograms with 6 bins per channel, and labels.

    Shapes:
        Returns: `(examples, 6^channels)`, shares; `(examples,)`
    """
    low, high = data.inputs[0].range or (0.0, 255.0)
    histograms, labels = [], []
    for _, images, classes in labeled_batches(split, data):
        intensity = (images[: len(classes)].astype("float32") - low) / (high - low)
        bins = np.clip((intensity * _BINS).astype("int64"), 0, _BINS - 1)
        codes = (bins * _BINS ** np.arange(bins.shape[-1])).sum(axis=-1).reshape(len(bins), -1)
        colors = _BINS ** bins.shape[-1]
        histograms.append(np.stack([np.bincount(c, minlength=colors) / c.size for c in codes]))
        labels.append(classes)
    return np.concatenate(histograms), np.concatenate(labels)
