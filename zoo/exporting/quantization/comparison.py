"""Comparison of a quantized variant with its source: scores, outputs and latency."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zoo.architecture import Architecture
from zoo.config import BaseConfig
from zoo.data.mapped import Subset
from zoo.errors import ConfigError, DataError, Finding
from zoo.exporting.parity import round_up
from zoo.metrics import Evaluation
from zoo.metrics.intervals import BLOCKS, batch_means, paired_difference
from zoo.metrics.scores import Better
from zoo.runtime.manifest import Comparison
from zoo.spec import Arrays, DataSpec, PredictFn, PredictFns, Split, Task, TensorSpec

BATCHES = (1, 64)
"""Batch sizes at which the latency is measured."""

_BATCH = 256
_MIN_BLOCK = 5
_BATCH_DEPENDENCE_EXAMPLES = 64
_EPSILON = 1e-12

_WARM_UP = 2
_MIN_ROUNDS = 5
_MIN_SECONDS = 1e-3
"""Least duration of one measurement, since the clock is coarse."""


class Comparer:
    """Evaluates the source on a split, and compares variants with it.

    Args:
        architecture: The architecture, which evaluates both.
        data: The data spec of the source.
        split: The examples.
        name: Name of the split.
        source: The graphs of the source, by signature.
        outputs: Specs of the outputs of the first.
        metric: The main metric; by default the headline.
        config: Configuration of the model.

    Raises:
        ConfigError: If there is no such metric, or nothing says which direction is better.
    """

    def __init__(
        self,
        architecture: Architecture[Any],
        data: DataSpec,
        split: Split,
        name: Literal["validation", "test"],
        source: PredictFns,
        outputs: Sequence[TensorSpec],
        metric: str | None = None,
        config: BaseConfig | None = None,
    ) -> None:
        self.architecture, self.data, self.split, self.name = architecture, data, split, name
        self.source, self.outputs, self.config = source, outputs, config
        self.evaluation = self._evaluate(source, split)
        self.metric = _main_metric(self.evaluation, metric)
        self._better = _direction(self.evaluation, self.metric)

    @property
    def unit(self) -> Literal["points", "percent"]:
        """Percentage points of a share, percent of the source's value for any other metric."""
        # R² is read like a share, although it can be negative.
        share = self.evaluation.scores[self.metric].share or self.metric == "r2"
        return "points" if share else "percent"

    def compare(self, variant: PredictFns) -> tuple[Comparison, Evaluation]:
        """Compare a variant with the source on every example.

        Raises:
            ZooError: If the architecture cannot evaluate the variant.
        """
        evaluation = self._evaluate(variant, self.split)
        old, new = self._score(self.evaluation), self._score(evaluation)
        loss = self._loss(old, new)
        differences = _Differences(self.data, self.outputs)
        first, other = next(iter(self.source.values())), next(iter(variant.values()))
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
            source=old,
            variant=new,
            loss=loss,
            low=interval[0] if interval else None,
            high=interval[1] if interval else None,
            agreement=differences.agreement,
            max_difference={name: round_up(v) for name, v in differences.largest.items()},
            mean_difference={name: round_up(v) for name, v in differences.mean.items()},
            batch_dependence=round_up(_batch_dependence(other, self.split)),
        )
        return comparison, evaluation

    def _evaluate(self, predict_fns: PredictFns, split: Split) -> Evaluation:
        return self.architecture.evaluate(predict_fns, split, self.data, config=self.config)

    def _score(self, evaluation: Evaluation) -> float:
        return evaluation.scores[self.metric].value

    def _loss(self, old: float, new: float) -> float:
        worse = old - new if self._better == "higher" else new - old
        if self.unit == "points":
            return 100 * worse
        return 100 * worse / max(abs(self._score(self.evaluation)), _EPSILON)

    def _block_losses(self, variant: PredictFns) -> list[float]:
        if len(self.split) < BLOCKS * _MIN_BLOCK:
            return []
        losses = []
        for start in range(BLOCKS):
            part = Subset(self.split, np.arange(start, len(self.split), BLOCKS))
            try:
                pair = [self._evaluate(f, part) for f in (self.source, variant)]
            except DataError:
                return []  # too few examples to evaluate a block
            if any(self.metric not in evaluation.scores for evaluation in pair):
                return []
            losses.append(self._loss(*map(self._score, pair)))
        return losses


class _Differences:
    """Differences of outputs and classes, summed over batches."""

    def __init__(self, data: DataSpec, outputs: Sequence[TensorSpec]) -> None:
        self._class = next((spec.name for spec in outputs if spec.role == "class"), None)
        labeled = [t.name for t in data.targets if t.labels is not None and not t.shape]
        self._target = labeled[0] if data.task == Task.CLASSIFICATION and labeled else None
        self._same = self._labels = self._worse = self._better = 0
        self._sums: dict[str, tuple[float, int]] = {}
        self.largest: dict[str, float] = {}

    def add(self, old: Arrays, new: Arrays, targets: Arrays) -> None:
        for name, before in old.items():
            if before.dtype.kind != "f":
                continue
            difference = np.abs(new[name].astype(np.float64) - before)
            self.largest[name] = max(self.largest.get(name, 0.0), float(difference.max(initial=0)))
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + float(difference.sum()), count + difference.size)
        if self._class is None:
            return
        first, second = old[self._class], new[self._class]
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


def _batch_dependence(predict_fn: PredictFn, split: Split) -> float:
    """Return the largest difference of outputs for single examples and for a batch."""
    inputs, _ = split.take(np.arange(min(len(split), _BATCH_DEPENDENCE_EXAMPLES)))
    together = predict_fn(inputs)
    count = len(next(iter(inputs.values())))
    worst = 0.0
    for at in range(count):
        alone = predict_fn({name: array[at : at + 1] for name, array in inputs.items()})
        for name, array in together.items():
            if array.dtype.kind == "f":
                difference = np.abs(alone[name][0].astype(np.float64) - array[at])
                worst = max(worst, float(difference.max(initial=0)))
    return worst


def _main_metric(evaluation: Evaluation, wanted: str | None) -> str:
    known = list(evaluation.scores)
    name = wanted or evaluation.headline
    if name not in known:
        raise ConfigError(
            "the options of the quantization are wrong",
            findings=[Finding("metric", name, f"one of {', '.join(known)}")],
        )
    return name


def _direction(evaluation: Evaluation, metric: str) -> Better:
    better = evaluation.scores[metric].better
    if better is None:
        raise ConfigError(
            "the options of the quantization are wrong",
            findings=[Finding("metric", metric, "a score that says which direction is better")],
            fix=f"return zoo.metrics.Score(..., better='higher') as {metric!r}, or name another",
        )
    return better


@dataclass(frozen=True)
class Latency:
    """Latency of a graph at one batch size.

    Attributes:
        ms: Median in milliseconds.
        ratio: Median over rounds of the time relative to the first graph.
    """

    ms: float
    ratio: float


def measure_latency(
    sessions: Mapping[str, Any],
    examples: Arrays,
    *,
    seconds: float,
    batches: Sequence[int] = BATCHES,
) -> dict[str, dict[int, Latency]]:
    """Measure the latency of several graphs in interleaved rounds.

    Interleaved, because other load on the machine then affects all of them alike.

    Args:
        sessions: Sessions with the same inputs; ratios are relative to the first.
        examples: Inputs, repeated to each batch size.
        seconds: Time per graph and batch size.
        batches: The batch sizes.

    Returns:
        The latency by graph and batch size.
    """
    found: dict[str, dict[int, Latency]] = {name: {} for name in sessions}
    for batch in batches:
        feed = {n: np.ascontiguousarray(a[np.arange(batch) % len(a)]) for n, a in examples.items()}
        for session in sessions.values():
            _calls(session, feed, _WARM_UP)
        once = [_calls(session, feed, _WARM_UP) for session in sessions.values()]
        # Fewer calls of a slow graph, so that there are rounds enough.
        counts = [max(1, min(64, int(np.ceil(_MIN_SECONDS / max(t, 1e-7))))) for t in once]
        order = list(zip(sessions.values(), counts, strict=True))
        end = time.perf_counter() + seconds * len(sessions)
        rounds: list[np.ndarray[Any, Any]] = []
        while len(rounds) < _MIN_ROUNDS or time.perf_counter() < end:
            # Rotated, so that each graph finds the caches as every other one left them.
            shift = len(rounds) % len(order)
            taken = [_calls(s, feed, n) for s, n in (*order[shift:], *order[:shift])]
            rounds.append(np.roll(taken, shift))
        times = np.array(rounds)
        medians = np.median(times, axis=0)
        ratios = np.median(times / times[:, :1], axis=0)
        for name, ms, ratio in zip(sessions, medians * 1e3, ratios, strict=True):
            found[name][batch] = Latency(float(ms), float(ratio))
    return found


def _calls(session: Any, feed: Arrays, count: int) -> float:
    """Return the mean seconds of some calls, after a warm-up call if they are short."""
    if count > 1:
        session.run(None, feed)
    start = time.perf_counter()
    for _ in range(count):
        session.run(None, feed)
    return (time.perf_counter() - start) / count
