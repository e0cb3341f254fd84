"""How good a classifier of damage is: classes, threshold, curves, and simpler methods beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import Arrays, DataSpec, Evaluation, PredictFn, Score, Split, metrics
from zoo.metrics.intervals import wilson
from zoo.metrics.roc import auc, average_precision
from zoo.spec import PredictFns
from zoo_vgg16_damage.baselines import MOST, colors, histogram_right, majority
from zoo_vgg16_damage.pictures import draw_damage

BATCH = 32
"""Pictures that are looked at together: at 224 pixels a side a backbone takes much memory."""


@dataclass(frozen=True)
class Answers:
    """What a model said of every example.

    Attributes:
        chances: `(examples, classes)`
        threshold: Of two classes, from where on the one that is looked for is said; or ``None``.
        true: `(examples,)`
    """

    chances: NDArray[np.float64]
    threshold: float | None
    true: NDArray[np.int64]


def evaluate_damage(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    *,
    positive: int,
    reference: Split | None = None,
) -> Evaluation:
    """Measure a classifier on every example of a split.

    To what every classifier is measured by come, of two classes, the areas under both curves
    (DeLong's interval, and a bootstrap) and what comes of the threshold (Wilson 1927).

    Args:
        predict_fns: ``predict``, and ``where`` for the pictures of a report.
        split: The examples.
        data: What they are.
        positive: Index of the class that is looked for.
        reference: What simpler methods learn from; ``None`` asks for the scores alone.
    """
    kept: list[Arrays] = []
    first = next(iter(predict_fns.values()))
    base = metrics.evaluate(_kept(first, kept), split, data, reference=reference, batch_size=BATCH)
    answers = _answers(kept, split, data)
    scores = dict(base.scores)
    if len(data.labels) == 2:
        scores |= _two_classes(answers, positive)
    figures = base.figures
    if reference is not None:
        scores |= _beside(split, reference, data, answers.true)
        figures = draw_damage(
            predict_fns, split, data, base, answers.chances, answers.true, scores, positive
        )
    return base.model_copy(update={"scores": scores, "figures": figures})


def _kept(predict_fn: PredictFn, kept: list[Arrays]) -> PredictFn:
    """Return a forward whose answers are remembered, so that every example is asked for once."""

    def asked(inputs: Arrays) -> Arrays:
        # A graph is traced anew for every size: the last batch is filled up with its last example.
        count = len(next(iter(inputs.values())))
        rows = np.minimum(np.arange(BATCH), count - 1)
        full = predict_fn({name: array[rows] for name, array in inputs.items()})
        answer = {name: array[:count] for name, array in full.items()}
        kept.append(answer)
        return answer

    return asked


def _answers(kept: list[Arrays], split: Split, data: DataSpec) -> Answers:
    chances = np.concatenate([answer["probabilities"] for answer in kept]).astype("float64")
    threshold = float(kept[0]["threshold"][0]) if "threshold" in kept[0] else None
    return Answers(chances, threshold, _labels(split, data))


def _labels(split: Split, data: DataSpec) -> NDArray[np.int64]:
    target = next(tensor.name for tensor in data.targets if tensor.labels is not None)
    parts = []
    for start in range(0, len(split), 256):
        _, targets = split.take(np.arange(start, min(start + 256, len(split))))
        parts.append(np.asarray(targets[target]).reshape(-1))
    return np.concatenate(parts).astype(np.int64)


def _two_classes(answers: Answers, positive: int) -> dict[str, Score]:
    there = answers.true == positive
    chance = answers.chances[:, positive]
    found: dict[str, Score] = {}
    if there.any() and not there.all():
        found["roc_auc"] = _score(*auc(chance[there], chance[~there]))
        found["average_precision"] = _score(*average_precision(chance[there], chance[~there]))
    if answers.threshold is None:
        return found
    said = chance >= answers.threshold
    counts = {
        "threshold_accuracy": (said == there, np.ones_like(there)),
        "threshold_recall": (said, there),
        "threshold_precision": (there, said),
    }
    for name, (right, of) in counts.items():
        if of.any():
            found[name] = rate(int((right & of).sum()), int(of.sum()))
    return found


def _beside(
    split: Split, reference: Split, data: DataSpec, true: NDArray[Any]
) -> Mapping[str, Score]:
    """Return what simpler methods reach."""
    count = len(reference)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(int))
    known = colors(reference, data, chosen)
    asked = colors(split, data, np.arange(len(split)))
    right = {
        "majority_accuracy": majority(known[1], true, len(data.labels)),
        "histogram_accuracy": histogram_right(known, asked),
    }
    return {name: rate(n, len(true)) for name, n in right.items() if n is not None}


def rate(right: int, of: int) -> Score:
    """Return a share with its Wilson interval."""
    return _score(right / of, wilson(right, of))


def _score(value: float, ends: tuple[float, float] | None) -> Score:
    low, high = ends or (None, None)
    return Score(value=value, low=low, high=high)


__all__ = ["BATCH", "Answers", "evaluate_damage", "rate"]
