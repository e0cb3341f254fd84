"""Descriptions of the scores of an RBM."""

from __future__ import annotations

from zoo.metrics.scores import ScoreInfo, register_score

for _info in (
    ScoreInfo(
        "log_likelihood",
        "Log-likelihood",
        "Of an unseen example, mean, in nats: −F − log Z. The interval is that of the examples and "
        "of log Z together.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "log_likelihood_alone",
        "Log-likelihood of independent units",
        "The same of a model that knows how often each unit is on, and nothing else.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "mixing",
        "Mixing",
        "How far a chain moves in an update, as a share of how far two chains are apart.",
        higher_is_better=True,
    ),
    ScoreInfo("log_z", "log Z", "The logarithm of the partition function, in nats.", low=None),
    ScoreInfo(
        "accuracy_features",
        "Accuracy on the features",
        "Of a linear classifier that was given the hidden units.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "accuracy_raw",
        "Accuracy on the raw values",
        "Of the same linear classifier, given the values themselves.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "completion_rmse",
        "Error of completed values",
        "Root mean squared, where half of the values are missing at random and filled with the "
        "mean of draws; 0 to 1 of binary units, standard deviations of Gaussian ones.",
    ),
    ScoreInfo("completion_rmse_mean_field", "Error of mean field", "The same, by mean field."),
    ScoreInfo("completion_rmse_mean", "Error of the mean", "The same, filled with the mean."),
    ScoreInfo(
        "completion_rmse_neighbors",
        "Error of the nearest neighbors",
        "The same, filled with the mean of the five nearest training examples.",
    ),
    ScoreInfo(
        "minority_f1",
        "F1 of the rarest class",
        "Of a linear classifier whose rare examples were repeated, and as many drawn near them.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "minority_f1_plain",
        "F1 of the rarest class, plain",
        "Of a linear classifier on the training data as it is.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "minority_f1_repeated",
        "F1 of the rarest class, repeated",
        "Of a linear classifier whose rare examples were repeated at random.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
):
    register_score(_info)
