"""Figures of a damage classifier's report: saliency maps, curves and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import DataSpec, Evaluation, PredictFn, Score, Split
from zoo.metrics.figures import Bars, Figure, ImageGrid, ImageRow, Lines, Series
from zoo.metrics.roc import precision_recall, roc_figure
from zoo.metrics.saliency import heatmap, overlay
from zoo.spec import PredictFns
from zoo_vgg16_damage.signatures import EVIDENCE, SALIENCY

_COLUMNS = 8
_MAX_SIDE = 160
_ACCURACIES = {
    "accuracy": "this model",
    "histogram_accuracy": "color histogram",
    "majority_accuracy": "majority class",
}


def damage_figures(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    base: Evaluation,
    probabilities: NDArray[Any],
    truth: NDArray[Any],
    scores: Mapping[str, Score],
    positive: int,
) -> tuple[Figure, ...]:
    """Return saliency maps, ROC and precision–recall curves, and baselines.

    Args:
        predict_fns: ``predict``, and ``saliency`` if the model has it.
        split: The examples.
        data: Spec of the data.
        base: Evaluation that every classifier has.
        probabilities: `(examples, classes)`
        truth: `(examples,)`
        scores: All scores.
        positive: Index of the positive class.
    """
    figures: list[Figure] = []
    if SALIENCY in predict_fns:
        figures += _saliency(predict_fns[SALIENCY], split, data, base, probabilities, truth)
    if "roc_auc" in scores:
        label = data.labels[positive]
        figures += _curves(probabilities[:, positive], truth == positive, label, scores)
    return (*figures, *_baselines(scores))


def _saliency(
    saliency: PredictFn,
    split: Split,
    data: DataSpec,
    base: Evaluation,
    probabilities: NDArray[Any],
    truth: NDArray[Any],
) -> list[Figure]:
    """Show correct predictions of each class, and the most confident mistakes."""
    predicted = probabilities.argmax(axis=1)
    figures: list[Figure] = []
    classes = len(data.labels)
    each = max(1, _COLUMNS // classes)
    correct = predicted == truth
    rows = [np.flatnonzero(correct & (truth == label))[:each] for label in range(classes)]
    chosen = np.concatenate(rows)[: 2 * _COLUMNS]
    if len(chosen):
        figures.append(
            _overlays(
                saliency,
                split,
                data,
                chosen,
                predicted,
                title="Saliency maps",
                caption="The warmer a region, the more evidence for the predicted class. The "
                "predictions above are correct.",
                columns=[
                    f"{data.labels[predicted[i]]} {probabilities[i].max():.2f}" for i in chosen
                ],
            )
        )
    worst = base.tables.worst[:_COLUMNS] if base.tables else ()
    if worst:
        figures.append(
            _overlays(
                saliency,
                split,
                data,
                np.array([mistake.index for mistake in worst]),
                predicted,
                title="Saliency maps of mistakes",
                caption="The most confident mistakes, with the predicted class above.",
                columns=[f"{m.predicted} {m.probability:.2f}" for m in worst],
            )
        )
    return figures


def _overlays(
    saliency: PredictFn,
    split: Split,
    data: DataSpec,
    chosen: NDArray[Any],
    predicted: NDArray[Any],
    *,
    title: str,
    caption: str,
    columns: Sequence[str],
) -> ImageGrid:
    spec = data.inputs[0]
    inputs, _ = split.take(chosen)
    evidence = saliency(inputs)[EVIDENCE]
    low, high = spec.range or (0.0, 255.0)
    raw = (inputs[spec.name].astype("float32") - low) / (high - low) * 255
    pixels = np.clip(np.rint(raw), 0, 255).astype("uint8")
    step = -(-max(pixels.shape[1:3]) // _MAX_SIDE)
    small = pixels[:, ::step, ::step]
    heat = [heatmap(evidence[row], int(predicted[index])) for row, index in enumerate(chosen)]
    overlays = [overlay(image, one) for image, one in zip(small, heat, strict=True)]
    return ImageGrid(
        title=title,
        caption=caption,
        rows=(
            ImageRow.of("image", small),
            ImageRow.of("evidence", overlays),
        ),
        columns=tuple(columns),
    )


def _curves(
    probability: NDArray[Any], is_positive: NDArray[Any], label: str, scores: Mapping[str, Score]
) -> list[Figure]:
    classes = probability[is_positive], probability[~is_positive]
    recall, precision = precision_recall(*classes)
    # Precision is undefined until the first positive prediction: the line starts with its value.
    recall, precision = np.append(0.0, recall), np.append(precision[:1], precision)
    share = float(is_positive.mean())
    area, mean = _interval(scores["roc_auc"]), _interval(scores["average_precision"])
    return [
        roc_figure(
            {"this model": classes},
            title=f"ROC curve of {label}",
            caption=f"Area under the curve: {area}.",
        ),
        Lines(
            title=f"Precision–recall curve of {label}",
            caption=f"Average precision: {mean}; of chance {share:.3f}.",
            series=(
                Series.of("this model", recall, precision, emphasis=True),
                Series(name="chance", x=(0.0, 1.0), y=(share, share)),
            ),
            x_label="recall",
            y_label="precision",
            square=True,
        ),
    ]


def _baselines(scores: Mapping[str, Score]) -> list[Figure]:
    found = {name: scores[key] for key, name in _ACCURACIES.items() if key in scores}
    if len(found) < 2:
        return []
    best = max(score.value for name, score in found.items() if name != "this model")
    return [
        Bars.of_scores(
            found,
            title="Comparison with baselines",
            caption=f"The best baseline has an accuracy of {best:.1%}.",
            label="accuracy",
            emphasis=("this model",),
        )
    ]


def _interval(score: Score) -> str:
    interval = "" if score.low is None else f" ({score.low:.3f} to {score.high:.3f})"
    return f"{score.value:.3f}{interval}"
