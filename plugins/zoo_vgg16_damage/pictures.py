"""What the report of a classifier of damage shows besides its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import DataSpec, Evaluation, PredictFn, Score, Split
from zoo.metrics.figures import (
    Bars,
    Figure,
    ImageGrid,
    ImageRow,
    Lines,
    Series,
    encode_image,
    evenly_spaced,
)
from zoo.metrics.roc import precision_recall, roc_curve
from zoo.metrics.saliency import heatmap, overlay
from zoo.spec import PredictFns

WHERE = "where"
EVIDENCE = "evidence"

_COLUMNS = 8
_LONGEST = 160
_BESIDE = {
    "accuracy": "this model",
    "histogram_accuracy": "color histogram",
    "majority_accuracy": "most frequent class",
}


def draw_damage(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    base: Evaluation,
    chances: NDArray[Any],
    true: NDArray[Any],
    scores: Mapping[str, Score],
    positive: int,
) -> tuple[Figure, ...]:
    """Return where it looked, the curves, and simpler methods beside it.

    Args:
        predict_fns: ``predict``, and ``where`` if it can say where it looked.
        split: The examples.
        data: What they are.
        base: What every classifier is measured by.
        chances: `(examples, classes)`
        true: `(examples,)`
        scores: Everything measured.
        positive: Index of the class that is looked for.
    """
    figures: list[Figure] = []
    if WHERE in predict_fns:
        figures += _looked(predict_fns[WHERE], split, data, base, chances, true)
    if "roc_auc" in scores:
        figures += _curves(chances[:, positive], true == positive, data.labels[positive], scores)
    return (*figures, *_bars(scores))


def _looked(
    where: PredictFn,
    split: Split,
    data: DataSpec,
    base: Evaluation,
    chances: NDArray[Any],
    true: NDArray[Any],
) -> list[Figure]:
    """Show pictures of each class, and the worst mistakes, with what spoke for the answer."""
    said = chances.argmax(axis=1)
    found: list[Figure] = []
    classes = len(data.labels)
    each = max(1, _COLUMNS // classes)
    right = [np.flatnonzero((said == true) & (true == index))[:each] for index in range(classes)]
    chosen = np.concatenate(right)[: 2 * _COLUMNS]
    if len(chosen):
        found.append(
            _pictures(
                where,
                split,
                data,
                chosen,
                said,
                title="Where it looked",
                caption="The warmer a place, the more it speaks for the answer; above each picture "
                "the answer, which is right.",
                columns=[f"{data.labels[said[i]]} {chances[i].max():.2f}" for i in chosen],
            )
        )
    worst = base.tables.worst[:_COLUMNS] if base.tables else ()
    if worst:
        places = np.array([mistake.index for mistake in worst])
        found.append(
            _pictures(
                where,
                split,
                data,
                places,
                said,
                title="Where it looked when it was wrong",
                caption="The mistakes it was surest of, over each, what it said.",
                columns=[f"{m.predicted} {m.probability:.2f}" for m in worst],
            )
        )
    return found


def _pictures(
    where: PredictFn,
    split: Split,
    data: DataSpec,
    chosen: NDArray[Any],
    said: NDArray[Any],
    *,
    title: str,
    caption: str,
    columns: Sequence[str],
) -> ImageGrid:
    spec = data.inputs[0]
    inputs, _ = split.take(chosen)
    evidence = where(inputs)[EVIDENCE]
    low, high = spec.range or (0.0, 255.0)
    raw = (inputs[spec.name].astype("float32") - low) / (high - low) * 255
    pixels = np.clip(np.rint(raw), 0, 255).astype("uint8")
    step = -(-max(pixels.shape[1:3]) // _LONGEST)
    small = pixels[:, ::step, ::step]
    warm = [heatmap(evidence[place], int(said[index])) for place, index in enumerate(chosen)]
    return ImageGrid(
        title=title,
        caption=caption,
        rows=(
            ImageRow(label="picture", images=tuple(encode_image(p) for p in small)),
            ImageRow(
                label="evidence",
                images=tuple(encode_image(overlay(p, w)) for p, w in zip(small, warm, strict=True)),
            ),
        ),
        columns=tuple(columns),
    )


def _curves(
    chance: NDArray[Any], there: NDArray[Any], label: str, scores: Mapping[str, Score]
) -> list[Figure]:
    false, true = roc_curve(chance[there], chance[~there])
    recall, precision = precision_recall(chance[there], chance[~there])
    # Until the first one is found there is no precision: the line begins with that of the first.
    recall, precision = np.append(0.0, recall), np.append(precision[:1], precision)
    area, mean = scores["roc_auc"], scores["average_precision"]
    share = float(there.mean())
    return [
        Lines(
            title=f"Finding {label}: ROC",
            caption=f"Over all thresholds; the area is {_interval(area)}.",
            series=(
                _series("this model", false, true),
                Series(name="guessing", x=(0.0, 1.0), y=(0.0, 1.0)),
            ),
            x_label=f"others taken for {label}",
            y_label=f"{label} found",
            square=True,
        ),
        Lines(
            title=f"Finding {label}: precision and recall",
            caption=f"Over all thresholds; the area is {_interval(mean)}, that of guessing "
            f"{share:.3f}.",
            series=(
                _series("this model", recall, precision),
                Series(name="guessing", x=(0.0, 1.0), y=(share, share)),
            ),
            x_label="recall",
            y_label="precision",
            square=True,
        ),
    ]


def _bars(scores: Mapping[str, Score]) -> list[Figure]:
    there = {said: scores[name] for name, said in _BESIDE.items() if name in scores}
    if len(there) < 2:
        return []
    simple = max(score.value for said, score in there.items() if said != "this model")
    return [
        Bars(
            title="Beside simpler methods",
            caption=f"The best of them is right {simple:.1%} of the time.",
            names=tuple(there),
            values=tuple(score.value for score in there.values()),
            lows=tuple(_or(score.low, score) for score in there.values()),
            highs=tuple(_or(score.high, score) for score in there.values()),
            label="accuracy",
            emphasis=("this model",),
        )
    ]


def _series(name: str, x: NDArray[Any], y: NDArray[Any]) -> Series:
    kept = evenly_spaced(len(x), 300)
    return Series(name=name, x=tuple(x[kept].tolist()), y=tuple(y[kept].tolist()), emphasis=True)


def _or(end: float | None, score: Score) -> float:
    return score.value if end is None else end


def _interval(score: Score) -> str:
    between = "" if score.low is None else f" ({score.low:.3f} to {score.high:.3f})"
    return f"{score.value:.3f}{between}"


__all__ = ["EVIDENCE", "WHERE", "draw_damage"]
