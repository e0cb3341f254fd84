"""Cross-validation: train and evaluate a model once per fold."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import Field

from zoo.api.catalog import registry
from zoo.api.datasets import dataset
from zoo.api.evaluation import evaluate
from zoo.api.training import train
from zoo.config import Frozen
from zoo.errors import ConfigError, Finding
from zoo.metrics import Score
from zoo.metrics.intervals import student_t
from zoo.metrics.scores import describe_score

_MOST_SEEDS = 1_000


class Fold(Frozen):
    """One fold of a cross-validation.

    Attributes:
        seed: Seed of the folds and of the training.
        fold: Index of the fold that was the test split.
        trained: Examples in the training split.
        examples: Examples in the test split.
        scores: Scores on the test split.
        cpu_seconds: CPU time of the training.
    """

    seed: int
    fold: int
    trained: int
    examples: int
    scores: dict[str, Score]
    cpu_seconds: float


class CrossValidation(Frozen):
    """The result of a cross-validation.

    Attributes:
        architecture: The model's name.
        data: The data's name or path.
        task: The task of the data.
        folds: Number of folds.
        group_by: Columns whose rows stayed in one fold.
        seeds: Repetitions with different seeds.
        results: One row per fold and seed.
    """

    architecture: str
    data: str
    task: str
    folds: int
    group_by: tuple[str, ...] = ()
    seeds: int = 1
    results: tuple[Fold, ...] = Field(min_length=2)

    @property
    def scores(self) -> dict[str, Score]:
        """Mean of each score over the folds, with a 95 % interval.

        Training splits overlap, so a plain Student's t interval would be too narrow: its variance
        is corrected by the ratio of test to training examples (Nadeau & Bengio 2003, Inference
        for the generalization error).
        """
        count = len(self.results)
        ratio = statistics.mean(row.examples / row.trained for row in self.results)
        means = {}
        for name, first in self.results[0].scores.items():
            values = [row.scores[name].value for row in self.results if name in row.scores]
            mean = statistics.mean(values)
            if len(values) < count or statistics.stdev(values) == 0:
                means[name] = first.model_copy(update={"value": mean, "low": None, "high": None})
                continue
            half = student_t(count - 1) * statistics.stdev(values) * math.sqrt(1 / count + ratio)
            low, high = mean - half, mean + half
            # A t interval may exceed the range of the score.
            kind = describe_score(name)
            low = low if kind.low is None else max(low, kind.low)
            high = high if kind.high is None else min(high, kind.high)
            means[name] = first.model_copy(update={"value": mean, "low": low, "high": high})
        return means


def crossvalidate(
    name: str,
    data: str | Path | None = None,
    *,
    folds: int = 10,
    group_by: Sequence[str] = (),
    seeds: int = 1,
    data_options: Mapping[str, Any] | None = None,
    run_dir: str | Path | None = None,
    plan: Mapping[str, Any] | None = None,
    watch: Callable[[Fold], None] | None = None,
    **config: Any,
) -> CrossValidation:
    """Cross-validate a model: train it once per fold, and evaluate it on that fold.

    The validation split, for early stopping and calibration, is drawn from the other folds.

    Args:
        name: A model of :func:`list_models`.
        data: A dataset's id or the path of a CSV file; by default one that works offline.
        folds: Number of folds.
        group_by: Columns; rows with equal values in all of them are never in two splits.
        seeds: Repetitions of the whole cross-validation, with the seeds 0, 1, ….
        data_options: Other options of the data: see :func:`dataset`.
        run_dir: An empty or new folder that keeps the runs; by default they are not kept.
        plan: Fields of :class:`TrainPlan`.
        watch: A function to call after each fold.
        **config: Fields of the model's configuration, as for :func:`build`.

    Raises:
        ConfigError: If an option is wrong, or the data cannot be divided into folds.
        ZooError: What a training raises.

    Example:
        >>> done: zoo.CrossValidation = zoo.crossvalidate(
        ...     "mlp_regressor", "diabetes", folds=2, plan={"epochs": 1}
        ... )
        >>> [*done.scores]
        ['rmse', 'mae', 'r2', 'interval_coverage', 'interval_width']
    """
    architecture = registry().get(name)
    source = str(data) if data is not None else architecture.default_dataset
    given = dict(data_options or {})
    wrong = [
        Finding(key, given[key], "left out: the cross-validation sets it")
        for key in ("folds", "fold", "group_by", "split_seed")
        if key in given
    ]
    if folds < 2:
        wrong.append(Finding("folds", folds, "a whole number of at least 2"))
    if not 1 <= seeds <= _MOST_SEEDS:
        wrong.append(Finding("seeds", seeds, f"a whole number from 1 to {_MOST_SEEDS:,}"))
    if wrong:
        raise ConfigError(
            "this cross-validation cannot be made",
            findings=wrong,
            fix=f"zoo crossvalidate {name} --folds 10",
        )
    if group_by:
        given["group_by"] = list(group_by)
    # Checked before the first training: a wrong option costs nothing.
    opened = dataset(source, **given, folds=folds, fold=folds - 1)
    opened.split("test")
    keep = Path(run_dir) if run_dir is not None else None
    temporary = tempfile.TemporaryDirectory(prefix="zoo-folds-") if keep is None else None
    results = []
    with temporary or nullcontext(str(keep)) as folder:
        for seed in range(seeds):
            for fold in range(folds):
                run = train(
                    name,
                    source,
                    data_options={**given, "folds": folds, "fold": fold, "split_seed": seed},
                    run_dir=Path(folder) / f"seed-{seed}-fold-{fold}",
                    seed=seed,
                    plan=plan,
                    progress=False,
                    **config,
                )
                evaluation = evaluate(run)
                row = Fold(
                    seed=seed,
                    fold=fold,
                    trained=run.record["data"]["sizes"]["train"],
                    examples=evaluation.examples,
                    scores=evaluation.scores,
                    cpu_seconds=run.record["cpu_seconds"],
                )
                results.append(row)
                if watch is not None:
                    watch(row)
    return CrossValidation(
        architecture=architecture.info.identity,
        data=source,
        task=opened.spec.task,
        folds=folds,
        group_by=tuple(group_by),
        seeds=seeds,
        results=tuple(results),
    )
