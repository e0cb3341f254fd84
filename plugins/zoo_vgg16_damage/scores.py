"""Descriptions of the scores of a damage classifier."""

from __future__ import annotations

from zoo.metrics.scores import ScoreInfo, register_score

for _name, _title, _meaning in (
    (
        "threshold_accuracy",
        "Accuracy at the threshold",
        "With the decision threshold chosen on the validation split.",
    ),
    ("threshold_recall", "Recall at the threshold", "Share of positives found."),
    (
        "threshold_precision",
        "Precision at the threshold",
        "Share of positives among the predicted ones.",
    ),
    (
        "majority_accuracy",
        "Majority-class baseline",
        "Accuracy of always predicting the most frequent training class.",
    ),
    (
        "histogram_accuracy",
        "Color-histogram baseline",
        "Accuracy of logistic regression on color histograms.",
    ),
):
    register_score(ScoreInfo(_name, _title, _meaning, better="higher", high=1.0, share=True))
