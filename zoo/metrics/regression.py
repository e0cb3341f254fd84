"""How good a regressor is, from the numbers it predicts and the intervals it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.metrics.intervals import bootstrap_function, bootstrap_means, wilson
from zoo.metrics.regression_outputs import regression_answers
from zoo.metrics.results import Evaluation, Score
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.spec import DataSpec, PredictFn, Split, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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


def evaluate_regression(
    predict_fn: PredictFn,
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

    answers = regression_answers(predict_fn, split, data, batch_size=batch_size)
    unit = data.targets[0].unit
    squares, absolute = answers.squares, np.abs(answers.predicted - answers.true)
    error_interval = bootstrap_function(squares[:, None], lambda means: np.sqrt(means[:, 0]))
    scores = {
        "rmse": _score(float(np.sqrt(squares.mean())), error_interval, unit),
        "mae": _score(float(absolute.mean()), bootstrap_means(absolute[:, None])[0], unit),
    }
    centered = answers.true - answers.true.mean()
    if np.ptp(answers.true) > 0:
        columns = np.stack([squares, centered, centered**2], axis=1)
        scores["r2"] = _score(
            float(1 - squares.mean() / (centered**2).mean()),
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
            answers, predict_fn, split, data, reference=reference, batch_size=batch_size
        )
    return Evaluation(
        task=Task.REGRESSION, examples=len(answers.true), scores=scores, figures=figures
    )


def _explained(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R² from the means of squared errors, centered truths, and their squares."""
    import numpy as np

    variance = means[:, 2] - means[:, 1] ** 2
    # A resample of equal truths has no variance to explain: it says nothing, and is passed over.
    known = variance > 1e-12 * means[:, 2].max()
    explained: NDArray[np.float64] = 1 - means[known, 0] / variance[known]
    return explained if len(explained) else np.zeros(1)


def _score(value: float, interval: tuple[float, float] | None, unit: str | None = None) -> Score:
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high, unit=unit)


__all__ = ["evaluate_regression"]
