"""How good a regressor is, from the numbers it predicts and the intervals it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics.intervals import bootstrap_function, bootstrap_means, wilson
from zoo.metrics.records import Evaluation, Score
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.spec import Arrays, DataSpec, Forward, Split, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUTPUT = "prediction"
"""The output that is measured: one number an example, in the target's unit."""

LOW, HIGH = "low", "high"
"""The ends of its interval, if the model gives one."""

register_score(
    ScoreInfo(
        "interval_coverage",
        "Interval coverage",
        "Truths that lie inside of their interval. It should be what the intervals were made for.",
        higher_is_better=True,
        high=1.0,
        share=True,
    )
)
register_score(
    ScoreInfo("interval_width", "Interval width", "From end to end, on average.", low=0.0)
)


@dataclass(frozen=True)
class Answers:
    """What a regressor says of every example of a split, and the truth.

    Attributes:
        true: The targets, double precision.
        predicted: The predictions.
        low: Lower ends of the intervals, or ``None`` if the model gives none.
        high: Upper ends, ``None`` together with ``low``.
    """

    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None

    @property
    def squares(self) -> NDArray[np.float64]:
        """The squared errors."""
        return (self.predicted - self.true) ** 2


def evaluate_regression(
    forward: Forward,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Measure a regressor's ``prediction``, and ``low`` and ``high`` if it has them, on a split.

    ``rmse`` and ``mae`` are in the target's unit. ``r2`` is 1 minus the squared error over that of
    always saying the mean of these very examples; it is left out where all truths are the same.
    All have a seeded bootstrap interval (Efron 1979). ``interval_coverage`` is the share of truths
    inside their interval, ends included, with the Wilson (1927) interval; ``interval_width`` is
    the mean width.

    Shapes:
        prediction, low, high: ``[examples]`` or ``[examples, 1]``

    Raises:
        ConfigError: If the outputs do not fit the data.
        DataError: If the split is empty, or a target is not a finite number.
        Diverged: If an answer is not a finite number.
    """
    import numpy as np

    answers = regression_answers(forward, split, data, batch_size=batch_size)
    unit = data.targets[0].unit
    squares, absolute = answers.squares, np.abs(answers.predicted - answers.true)
    error_interval = bootstrap_function(squares[:, None], lambda means: np.sqrt(means[:, 0]))
    scores = {
        "rmse": _score(float(np.sqrt(squares.mean())), error_interval, unit),
        "mae": _score(float(absolute.mean()), bootstrap_means(absolute[:, None])[0], unit),
    }
    centred = answers.true - answers.true.mean()
    if np.ptp(answers.true) > 0:
        columns = np.stack([squares, centred, centred**2], axis=1)
        scores["r2"] = _score(
            float(1 - squares.mean() / (centred**2).mean()),
            bootstrap_function(columns, _explained),
        )
    if answers.low is not None and answers.high is not None:
        inside = (answers.low <= answers.true) & (answers.true <= answers.high)
        count, width = int(inside.sum()), answers.high - answers.low
        share = wilson(count, len(inside))
        scores["interval_coverage"] = _score(count / len(inside), share)
        scores["interval_width"] = _score(
            float(width.mean()), bootstrap_means(width[:, None])[0], unit
        )
    figures: tuple[Any, ...] = ()
    if reference is not None:
        from zoo.metrics.residuals import regression_figures

        figures = regression_figures(
            answers, forward, split, data, reference=reference, batch_size=batch_size
        )
    return Evaluation(
        task=Task.REGRESSION, examples=len(answers.true), scores=scores, figures=figures
    )


def regression_answers(
    forward: Forward, split: Split, data: DataSpec, *, batch_size: int = 256
) -> Answers:
    """Run every example once.

    Raises:
        ConfigError: If the outputs do not fit the data.
        DataError: If the split is empty, or a target is not a finite number.
        Diverged: If an answer is not a finite number.
    """
    import numpy as np

    if len(split) == 0:
        raise DataError(
            f"the split of {data.id!r} to evaluate on is empty",
            why="a score needs at least one example",
            fix="give the split a larger share of the data",
        )
    rows = []
    for start in range(0, len(split), batch_size):
        positions = np.arange(start, min(start + batch_size, len(split)))
        inputs, targets = split.take(positions)
        outputs = forward(inputs)
        names = [OUTPUT, *(name for name in (LOW, HIGH) if {LOW, HIGH} <= set(outputs))]
        rows.append(
            [_truth(targets, data, positions)]
            + [_numbers(outputs, name, data, positions) for name in names]
        )
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    low, high = columns[2:] if len(columns) == 4 else (None, None)
    return Answers(columns[0], columns[1], low, high)


def _truth(targets: Arrays, data: DataSpec, positions: NDArray[Any]) -> NDArray[np.float64]:
    import numpy as np

    name = data.targets[0].name if data.targets else "target"
    if name not in targets:
        raise DataError(
            f"the data {data.id!r} gives no target {name!r}",
            why=f"its description names it; given were {', '.join(targets) or 'none'}",
            fix="make the description and the arrays agree",
        )
    true = np.asarray(targets[name])
    if true.size != len(positions) or true.dtype.kind not in "iuf":
        raise DataError(
            f"the target {name!r} of {data.id!r} is not one number an example",
            why=f"for {len(positions)} examples there came shape {true.shape}, dtype {true.dtype}",
            fix="give one number an example",
        )
    true = true.reshape(-1).astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(true))
    if len(wrong):
        raise DataError(
            f"example {positions[wrong[0]]} of {data.id!r} has the target {true[wrong[0]]}",
            why="an example without a finite target cannot be measured",
            fix="fill it in, or take the example out",
        )
    return true


def _numbers(
    outputs: Arrays, name: str, data: DataSpec, positions: NDArray[Any]
) -> NDArray[np.float64]:
    """Return one output of a batch in double precision, checked."""
    import numpy as np

    if name not in outputs:
        raise ConfigError(
            f"the model has no output {name!r}",
            why=f"a regressor is measured on it; there are {', '.join(outputs) or 'none'}",
            fix=f"call the output {name!r}, or override Architecture.evaluate",
        )
    given = np.asarray(outputs[name]).astype(np.float64)
    if given.shape not in {(len(positions),), (len(positions), 1)}:
        raise ConfigError(
            f"the output {name!r} does not fit the data {data.id!r}",
            why=f"expected one number an example: {(len(positions),)}. "
            f"Received: shape={given.shape}",
            fix="evaluate on the data that the model was built for",
        )
    given = given.reshape(-1)
    wrong = np.flatnonzero(~np.isfinite(given))
    if len(wrong):
        raise Diverged(
            f"the model's answer to example {positions[wrong[0]]} of {data.id!r} "
            "is not a finite number",
            why="its weights or this input hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.clip_norm, "
            "and look at the input",
        )
    return given


def _explained(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R² from the means of squared errors, centred truths, and their squares."""
    import numpy as np

    variance = means[:, 2] - means[:, 1] ** 2
    # A resample of equal truths has no variance to explain: it says nothing, and is passed over.
    known = variance > 1e-12 * means[:, 2].max()
    explained: NDArray[np.float64] = 1 - means[known, 0] / variance[known]
    return explained if len(explained) else np.zeros(1)


def _score(value: float, interval: tuple[float, float] | None, unit: str | None = None) -> Score:
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high, unit=unit)


__all__ = [
    "HIGH",
    "LOW",
    "OUTPUT",
    "Answers",
    "evaluate_regression",
    "regression_answers",
]
