"""One door for every task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from zoo.errors import ConfigError, Finding
from zoo.metrics.classification import evaluate_classification
from zoo.metrics.forecasting import evaluate_forecasting
from zoo.metrics.reconstruction import evaluate_reconstruction
from zoo.metrics.regression import evaluate_regression
from zoo.spec import DataSpec, PredictFn, Split, Task

if TYPE_CHECKING:
    from zoo.metrics.results import Evaluation


class _Measure(Protocol):
    def __call__(
        self,
        predict_fn: PredictFn,
        split: Split,
        data: DataSpec,
        *,
        reference: Split | None,
        batch_size: int,
    ) -> Evaluation: ...


_MEASURES: dict[Task, _Measure] = {
    Task.CLASSIFICATION: evaluate_classification,
    Task.FORECASTING: evaluate_forecasting,
    Task.REGRESSION: evaluate_regression,
    Task.RECONSTRUCTION: evaluate_reconstruction,
}


def evaluate(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Measure named outputs on a split: every example once, the last short batch included.

    Args:
        predict_fn: Named inputs to named outputs; a Keras model and an ONNX session look the same
            through it.
        split: The examples.
        data: What they are. Its task decides what is measured.
        reference: The training split, which baselines may learn from; ``None`` asks for the scores
            alone, without baselines and figures.
        batch_size: Examples a call of ``predict_fn``. It changes the speed and nothing else.

    Returns:
        Scores with their intervals, and the tables behind them.

    Raises:
        ConfigError: If the task has no measure, or the model's outputs do not fit it.
        DataError: If the split is empty, or its targets are not what the data says.
        Diverged: If an output is not a finite number.

    Example:
        >>> evaluation = evaluate(forward, dataset.split("test"), dataset.spec)
        >>> evaluation.scores["accuracy"]
        Score(value=0.986, low=0.968, high=0.994)
    """
    if batch_size < 1:
        raise ConfigError(
            "the batch size of an evaluation is wrong",
            findings=[Finding("batch_size", batch_size, "a whole number of at least 1")],
            fix="leave it out, or give one above zero",
        )
    measure = _MEASURES.get(data.task)
    if measure is None:
        known = ", ".join(sorted(task.value for task in _MEASURES))
        raise ConfigError(
            f"nothing here measures the task {data.task.value!r}",
            why=f"there is a measure for {known}",
            fix="override Architecture.evaluate and return a zoo.metrics.Evaluation",
        )
    return measure(predict_fn, split, data, reference=reference, batch_size=batch_size)


__all__ = ["evaluate"]
