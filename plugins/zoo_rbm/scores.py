"""Descriptions of the scores of an RBM."""

from __future__ import annotations

from zoo.metrics.scores import ScoreInfo, register_score

for _info in (
    ScoreInfo(
        "log_likelihood",
        "Log-likelihood",
        "Mean of −F − log Z over the examples, in nats. The interval combines those of the "
        "examples and of log Z.",
        better="higher",
        low=None,
    ),
    ScoreInfo(
        "log_likelihood_alone",
        "Log-likelihood of independent units",
        "Baseline that knows the mean of each unit only.",
        better="higher",
        low=None,
    ),
    ScoreInfo(
        "mixing",
        "Mixing",
        "Distance that a chain moves per update, relative to the distance between two chains.",
        better="higher",
    ),
    ScoreInfo("log_z", "log Z", "Logarithm of the partition function, in nats.", low=None),
    ScoreInfo(
        "accuracy_features",
        "Accuracy on the features",
        "Accuracy of a linear classifier on the hidden units.",
        better="higher",
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "accuracy_raw",
        "Accuracy on the raw values",
        "Accuracy of the same linear classifier on the raw values.",
        better="higher",
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "completion_rmse",
        "RMSE of imputation",
        "Root mean squared error where half of the values are missing at random and imputed by the "
        "mean of samples; from 0 to 1, or in standard deviations for Gaussian units.",
        "lower",
    ),
    ScoreInfo(
        "completion_rmse_mean_field", "RMSE of mean field", "Imputation by mean field.", "lower"
    ),
    ScoreInfo(
        "completion_rmse_mean", "RMSE of the mean", "Imputation by the mean of the column.", "lower"
    ),
    ScoreInfo(
        "completion_rmse_neighbors",
        "RMSE of the nearest neighbors",
        "Imputation by the mean of the five nearest training examples.",
        "lower",
    ),
):
    register_score(_info)
