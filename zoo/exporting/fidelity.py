"""How much a variant loses: its answers beside the original's, on the same examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from zoo.architecture import Architecture
from zoo.config import ModelConfig
from zoo.data.mapped import Subset
from zoo.errors import ConfigError, DataError, Finding
from zoo.exporting.parity import round_up
from zoo.metrics import Evaluation
from zoo.metrics.intervals import BLOCKS, batch_means, paired_difference
from zoo.metrics.scores import describe_score
from zoo.runtime.manifest import Comparison
from zoo.runtime.prediction import LABEL, PROBABILITIES
from zoo.spec import Arrays, DataSpec, PredictFn, PredictFns, Split, Task

_BATCH = 256
_FEWEST_IN_BLOCK = 5
_TOGETHER = 64
_MAIN = {Task.CLASSIFICATION: "accuracy"}
_LEAST = 1e-12


class Yardstick:
    """The original's answers to one split, and what a variant's are measured by.

    Args:
        architecture: Measures both.
        data: What the examples are.
        split: The examples.
        name: The split's name.
        original: The original's answers, by signature.
        metric: The main metric; by default ``accuracy`` of a classifier, the first of others.
        config: What the model is made of, which may say what it is to be measured on.

    Raises:
        ConfigError: If there is no such metric.
    """

    def __init__(
        self,
        architecture: Architecture[Any],
        data: DataSpec,
        split: Split,
        name: Literal["validation", "test"],
        original: PredictFns,
        metric: str | None = None,
        config: ModelConfig | None = None,
    ) -> None:
        self.architecture, self.data, self.split, self.name = architecture, data, split, name
        self.original, self.config = original, config
        self.evaluation = self._evaluate(original, split)
        self.metric = _main(self.evaluation, self.evaluation.task, metric)

    @property
    def unit(self) -> Literal["points", "percent"]:
        """Points of a share, percent of the original's value for any other metric."""
        # R² is read like a share, though it can fall below zero.
        share = describe_score(self.metric).share or self.metric == "r2"
        return "points" if share else "percent"

    def compare(self, variant: PredictFns) -> tuple[Comparison, Evaluation]:
        """Ask a variant for every example once, and compare.

        Raises:
            ZooError: If the architecture cannot measure the variant's answers.
        """
        evaluation = self._evaluate(variant, self.split)
        old, new = self._score(self.evaluation), self._score(evaluation)
        loss = self._loss(old, new)
        differences = _Differences(self.data)
        first, other = next(iter(self.original.values())), next(iter(variant.values()))
        for inputs, targets in _batches(self.split):
            differences.add(first(inputs), other(inputs), targets)
        counted = differences.paired
        if counted is not None and self.metric == "accuracy":
            low, high = paired_difference(*counted, len(self.split))
            interval: tuple[float, float] | None = (100 * low, 100 * high)
        else:
            interval = batch_means(loss, self._block_losses(variant))
        comparison = Comparison(
            split=self.name,
            examples=evaluation.examples,
            metric=self.metric,
            unit=self.unit,
            original=old,
            value=new,
            loss=loss,
            low=interval[0] if interval else None,
            high=interval[1] if interval else None,
            agreement=differences.agreement,
            max_difference={name: round_up(v) for name, v in differences.largest.items()},
            mean_difference={name: round_up(v) for name, v in differences.mean.items()},
            neighbors=round_up(_neighbors(other, self.split)),
        )
        return comparison, evaluation

    def _evaluate(self, predict_fns: PredictFns, split: Split) -> Evaluation:
        return self.architecture.evaluate(predict_fns, split, self.data, config=self.config)

    def _score(self, evaluation: Evaluation) -> float:
        return evaluation.scores[self.metric].value

    def _loss(self, old: float, new: float) -> float:
        worse = old - new if describe_score(self.metric).higher_is_better else new - old
        if self.unit == "points":
            return 100 * worse
        return 100 * worse / max(abs(self._score(self.evaluation)), _LEAST)

    def _block_losses(self, variant: PredictFns) -> list[float]:
        if len(self.split) < BLOCKS * _FEWEST_IN_BLOCK:
            return []
        losses = []
        for start in range(BLOCKS):
            part = Subset(self.split, np.arange(start, len(self.split), BLOCKS))
            try:
                pair = [self._evaluate(f, part) for f in (self.original, variant)]
            except DataError:
                return []  # so few examples that a block has none to measure on
            if any(self.metric not in evaluation.scores for evaluation in pair):
                return []
            losses.append(self._loss(*map(self._score, pair)))
        return losses


class _Differences:
    """Sums over batches, so that no split need fit in memory."""

    def __init__(self, data: DataSpec) -> None:
        labeled = [t.name for t in data.targets if t.labels is not None and not t.shape]
        self._target = labeled[0] if data.task is Task.CLASSIFICATION and labeled else None
        self._same = self._labels = self._worse = self._better = 0
        self._sums: dict[str, tuple[float, int]] = {}
        self.largest: dict[str, float] = {}

    def add(self, old: Arrays, new: Arrays, targets: Arrays) -> None:
        for name, before in old.items():
            if before.dtype.kind != "f":
                continue
            apart = np.abs(new[name].astype(np.float64) - before)
            self.largest[name] = max(self.largest.get(name, 0.0), float(apart.max(initial=0)))
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + float(apart.sum()), count + apart.size)
        first, second = _labels(old), _labels(new)
        if first is None or second is None:
            return
        self._same += int((first == second).sum())
        self._labels += first.size
        true = targets.get(self._target) if self._target else None
        if true is not None and true.shape == first.shape:
            self._worse += int(((first == true) & (second != true)).sum())
            self._better += int(((first != true) & (second == true)).sum())

    @property
    def mean(self) -> dict[str, float]:
        return {name: total / max(count, 1) for name, (total, count) in self._sums.items()}

    @property
    def agreement(self) -> float | None:
        return self._same / self._labels if self._labels else None

    @property
    def paired(self) -> tuple[int, int] | None:
        return (self._worse, self._better) if self._target and self._labels else None


def _batches(split: Split) -> Iterator[tuple[Arrays, Arrays]]:
    for start in range(0, len(split), _BATCH):
        yield split.take(np.arange(start, min(start + _BATCH, len(split))))


def _neighbors(predict_fn: PredictFn, split: Split) -> float:
    """Return how far an example's answer alone is from its answer among others."""
    inputs, _ = split.take(np.arange(min(len(split), _TOGETHER)))
    together = predict_fn(inputs)
    count = len(next(iter(inputs.values())))
    worst = 0.0
    for at in range(count):
        alone = predict_fn({name: array[at : at + 1] for name, array in inputs.items()})
        for name, array in together.items():
            if array.dtype.kind == "f":
                apart = np.abs(alone[name][0].astype(np.float64) - array[at])
                worst = max(worst, float(apart.max(initial=0)))
    return worst


def _labels(outputs: Arrays) -> np.ndarray[Any, Any] | None:
    if LABEL in outputs:
        return outputs[LABEL]
    if PROBABILITIES in outputs:
        return np.asarray(outputs[PROBABILITIES].argmax(-1))
    return None


def _main(evaluation: Evaluation, task: Task, wanted: str | None) -> str:
    known = list(evaluation.scores)
    name = wanted or _MAIN.get(task, known[0] if known else "")
    if name not in known:
        raise ConfigError(
            "the quantization cannot be measured as asked",
            findings=[Finding("metric", name, f"one of {', '.join(known)}")],
        )
    return name


__all__ = ["Yardstick"]
