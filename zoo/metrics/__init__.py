"""How good a model is on examples it has not seen, with an interval wherever one is honest.

:func:`evaluate` runs every example once and dispatches on the data's task. What it returns is an
:class:`Evaluation`: plain data that becomes JSON and comes back the same. Importing this package
imports no numpy; measuring does.
"""

from __future__ import annotations

from zoo.metrics.captioning import evaluate_captions
from zoo.metrics.evaluate import evaluate
from zoo.metrics.results import (
    CalibrationBin,
    ClassificationTables,
    ClassScore,
    Evaluation,
    Mistake,
    Score,
)
from zoo.metrics.translation import evaluate_translation

__all__ = [
    "CalibrationBin",
    "ClassScore",
    "ClassificationTables",
    "Evaluation",
    "Mistake",
    "Score",
    "evaluate",
    "evaluate_captions",
    "evaluate_translation",
]
