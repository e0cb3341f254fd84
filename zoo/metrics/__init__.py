"""Metrics: scores with 95 % intervals, baselines and figures for each task.

:func:`evaluate` runs every example once and dispatches by the task of the data. It returns an
:class:`Evaluation`, plain data that survives a round trip through JSON. Models that need more than
one signature have functions of their own: :mod:`zoo.metrics.reconstruction`,
:mod:`zoo.metrics.translation`, :mod:`zoo.metrics.captioning`. Importing this package does not
import numpy.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable

from zoo.errors import ConfigError, Finding
from zoo.metrics.results import (
    CalibrationBin,
    ClassificationTables,
    ClassScore,
    Evaluation,
    Mistake,
    Score,
)
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task

__all__ = [
    "CalibrationBin",
    "ClassScore",
    "ClassificationTables",
    "Evaluation",
    "Mistake",
    "Score",
    "evaluate",
    "register_metrics",
]

Evaluate = Callable[..., Evaluation]
"""Metrics of a task: takes the arguments of :func:`evaluate`."""

# By name, because they need numpy.
_METRICS: dict[str, str | Evaluate] = {
    Task.CLASSIFICATION: "zoo.metrics.classification:evaluate_classification",
    Task.REGRESSION: "zoo.metrics.regression:evaluate_regression",
    Task.FORECASTING: "zoo.metrics.forecasting:evaluate_forecasting",
    Task.RECONSTRUCTION: "zoo.metrics.reconstruction:evaluate_reconstruction",
}


_OUTPUTS = {Task.CLASSIFICATION: "probabilities", Task.REGRESSION: "prediction"}
"""Names of the outputs that are evaluated, by task."""


def register_metrics(task: str, metrics: Evaluate) -> None:
    """Register the metrics of a task that the zoo has none for.

    A plugin calls this where its module is imported. An architecture that overrides ``evaluate``
    does not need it.

    Args:
        task: The task of the data.
        metrics: A function with the arguments of :func:`evaluate`.

    Raises:
        ConfigError: If there are other metrics for this task.

    Example:
        >>> def evaluate_segmentation(predict_fn, split, data, *, reference=None, batch_size=256):
        ...     scores = {"dice": Score(value=0.9)}
        ...     return Evaluation(task=data.task, examples=len(split), scores=scores)
        >>> register_metrics("my-segmentation", evaluate_segmentation)
    """
    if _METRICS.setdefault(task, metrics) is not metrics:
        raise ConfigError(
            f"there are metrics for the task {task!r} already",
            why="the task of some data means the same metrics for every model",
            fix="name the task differently, or override Architecture.evaluate",
        )


def evaluate(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    task: str | None = None,
    target: str | None = None,
    output: str | None = None,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate a model on a split: every example once, the last short batch included.

    A model with several outputs is evaluated once for each, with ``task``, ``target`` and
    ``output``; the scores of the model are those of all, under names of its own.

    Args:
        predict_fn: Maps named inputs to named outputs; a Keras model and an ONNX session look the
            same through it.
        split: The examples.
        data: Their spec.
        task: The task, which decides what is measured; that of the data by default.
        target: The target to compare with; by default the first that fits the task.
        output: The output to evaluate; by default the one that the task's metrics look for:
            ``probabilities`` of a classification, ``prediction`` of a regression.
        reference: The training split, which baselines are fitted on; ``None`` asks for the scores
            alone, without baselines and figures.
        batch_size: Examples per call of ``predict_fn``. Affects the speed only.

    Returns:
        Scores with their intervals, and the tables behind them.

    Raises:
        ConfigError: If there are no metrics for the task, or the model's outputs do not fit it.
        DataError: If the split is empty, or its targets do not fit the spec.
        Diverged: If an output is not finite.

    Example:
        >>> digits = zoo.dataset("digits")
        >>> predict_fn = zoo.load("exports/cnn/1").run
        >>> evaluate(predict_fn, digits.split("test"), digits.spec).scores["accuracy"].value > 0.95
        True
        >>> one = {"target": "label", "output": "probabilities", "task": "classification"}
        >>> evaluate(predict_fn, digits.split("test"), digits.spec, **one).headline
        'accuracy'
    """
    if batch_size < 1:
        raise ConfigError(
            "the batch size of an evaluation is wrong",
            findings=[Finding("batch_size", batch_size, "a whole number of at least 1")],
            fix="leave it out, or give one above zero",
        )
    task = task or data.task
    metrics = _METRICS.get(task)
    if metrics is None:
        raise ConfigError(
            f"there are no metrics for the task {task!r}",
            why=f"there are some for {', '.join(sorted(_METRICS))}",
            fix="override Architecture.evaluate, or zoo.metrics.register_metrics",
        )
    if isinstance(metrics, str):
        metrics = pkgutil.resolve_name(metrics)
    if target is not None:
        targets = tuple(spec for spec in data.targets if spec.name == target)
        if not targets:
            known = ", ".join(spec.name for spec in data.targets) or "none"
            raise ConfigError(
                "the evaluation cannot be done", findings=[Finding("target", target, known)]
            )
        data = data.model_copy(update={"targets": targets})
    if output is not None:
        predict_fn = _one_output(predict_fn, output, _OUTPUTS.get(task, output))
    data = data.model_copy(update={"task": task})
    return metrics(predict_fn, split, data, reference=reference, batch_size=batch_size)


def _one_output(predict_fn: PredictFn, output: str, name: str) -> PredictFn:
    """Return a function with one output alone, under another name."""

    def predict_one(inputs: Arrays) -> Arrays:
        outputs = predict_fn(inputs)
        if output not in outputs:
            raise ConfigError(
                "the evaluation cannot be done",
                findings=[Finding("output", output, f"one of {', '.join(outputs)}")],
            )
        return {name: outputs[output]}

    return predict_one
