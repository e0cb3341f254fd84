"""Metrics: scores with 95 % intervals, baselines and figures for each task.

:func:`evaluate` runs every example once and dispatches by the task of the data. It returns an
:class:`Evaluation`, plain data that survives a round trip through JSON. Models that need more than
one signature have functions of their own: :mod:`zoo.metrics.reconstruction`,
:mod:`zoo.metrics.translation`, :mod:`zoo.metrics.captioning`. Importing this package does not
import numpy.
"""

from __future__ import annotations

from zoo.metrics.evaluate import evaluate
from zoo.metrics.results import (
    CalibrationBin,
    ClassificationTables,
    ClassScore,
    Evaluation,
    Mistake,
    Score,
)

__all__ = [
    "CalibrationBin",
    "ClassScore",
    "ClassificationTables",
    "Evaluation",
    "Mistake",
    "Score",
    "evaluate",
]
