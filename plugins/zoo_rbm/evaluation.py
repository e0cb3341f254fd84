"""Evaluation of an RBM: log-likelihood, features, imputation and oversampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, Evaluation, Score, Split, Task
from zoo.metrics.intervals import bootstrap_means, wilson
from zoo.spec import PredictFns
from zoo_rbm.baselines import (
    MISSING_SHARES,
    ImputationErrors,
    LinearClassifier,
    Values,
    compare_imputations,
    f1_score,
    random_oversample,
    rmse_interval,
)
from zoo_rbm.config import RBMConfig
from zoo_rbm.figures import rbm_figures
from zoo_rbm.predictor import Examples, Predictor, impute, make_predictor, oversample, states
from zoo_rbm.signatures import FEATURES

_MAX_IMPUTED = 500
_MAX_REFERENCE = 5_000
_HALF = MISSING_SHARES.index(0.5)
MINORITY_SHARE = 0.5
"""Share of the majority class's examples below which a class is a minority."""


def evaluate_rbm(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    *,
    config: RBMConfig,
    reference: Split | None = None,
) -> Evaluation:
    """Evaluate an RBM on a split.

    ``log_likelihood`` is the mean over all examples, binarized as in training. With a reference
    there are baselines: the likelihood of independent units, a linear classifier on the features
    and on the raw values, errors of imputation, and oversampling of a minority class if the RBM
    models classes.

    Args:
        predict_fns: Functions by signature.
        split: The examples.
        data: Spec of the data.
        config: Configuration of the RBM.
        reference: Training split for the baselines; ``None`` for the likelihood only.

    Raises:
        ConfigError: If a signature is missing.
        DataError: If the split is empty, or a value is invalid.
        Diverged: If an output is not finite.
    """
    if len(split) == 0:
        raise zoo.errors.DataError(
            f"the split of {data.id!r} to evaluate on is empty",
            why="a score needs at least one example",
            fix="give the split a larger share of the data",
        )
    predictor = make_predictor(predict_fns, data, config, reference or split)
    tested = predictor.examples(split, len(split))
    raw = states(predictor, tested)
    answer = predictor.predict("free_energy", raw)
    scores = {"log_likelihood": _likelihood_score(answer), "log_z": _log_z_score(answer)}
    if reference is None:
        return Evaluation(task=Task.DENSITY, examples=len(split), scores=scores)
    known = predictor.examples(reference, _MAX_REFERENCE)
    scores["log_likelihood_alone"] = _independent_likelihood(predictor, raw, reference)
    scores |= _classification_scores(predictor, tested, known)
    few = predictor.binarized(tested.units[:_MAX_IMPUTED])
    completed = compare_imputations(
        {
            "RBM, sampling": lambda units, missing: impute(predictor, units, missing),
            "RBM, mean field": predictor.mean_field,
        },
        few,
        predictor.binarized(known.units),
    )
    scores |= _imputation_scores(completed)
    oversampled = _oversampling_scores(predictor, tested, known)
    scores |= {name: Score(value=value) for name, value in oversampled.items()}
    figures = rbm_figures(predictor, tested, known, answer, completed, scores)
    return Evaluation(task=Task.DENSITY, examples=len(split), scores=scores, figures=figures)


def _likelihood_score(answer: Arrays) -> Score:
    """Return the mean log-likelihood, with the intervals of examples and of log Z combined."""
    values = answer["log_likelihood"].astype("float64")
    value, low, high = answer["log_z"][0].astype("float64")
    mean = float(values.mean())
    ends = bootstrap_means(values[:, None])[0]
    if ends is None:
        return Score(value=mean, unit="nats")
    # Independent errors: their squares add up.
    below = float(np.hypot(mean - ends[0], high - value))
    above = float(np.hypot(ends[1] - mean, value - low))
    return Score(value=mean, low=mean - below, high=mean + above, unit="nats")


def _log_z_score(answer: Arrays) -> Score:
    value, low, high = (float(number) for number in answer["log_z"][0])
    return Score(value=value, low=low, high=high, unit="nats")


def _independent_likelihood(predictor: Predictor, raw: NDArray[Any], reference: Split) -> Score:
    """Return the log-likelihood of independent units."""
    inputs, _ = reference.take(np.arange(len(reference)))
    train = predictor.units(inputs[predictor.spec.name])
    states = predictor.units(raw)
    if predictor.gaussian:
        each = -0.5 * np.square(states) - 0.5 * np.log(2 * np.pi) - np.log(predictor.scale)
    else:
        on = (train.sum(axis=0) + 1.0) / (len(train) + 2.0)
        each = states * np.log(on) + (1.0 - states) * np.log1p(-on)
    values = each.sum(axis=1)
    low, high = bootstrap_means(values[:, None])[0] or (None, None)
    return Score(value=float(values.mean()), low=low, high=high, unit="nats")


def _classification_scores(
    predictor: Predictor, tested: Examples, known: Examples
) -> dict[str, Score]:
    """Return the accuracy of a linear classifier on features and on raw values."""
    if tested.labels is None or known.labels is None or len(set(known.labels.tolist())) < 2:
        return {}
    count = len(predictor.data.labels)
    found = {}
    views = {
        "accuracy_features": (_features(predictor, known), _features(predictor, tested)),
        "accuracy_raw": (known.units, tested.units),
    }
    for name, (learned, asked) in views.items():
        classifier = LinearClassifier(learned, known.labels, count)
        right = int((classifier.predict(asked) == tested.labels).sum())
        low, high = wilson(right, len(tested.labels))
        found[name] = Score(value=right / len(tested.labels), low=low, high=high)
    return found


def _features(predictor: Predictor, examples: Examples) -> Values:
    return predictor.predict(FEATURES, examples.raw)[FEATURES].astype("float64")


def _imputation_scores(completed: ImputationErrors) -> dict[str, Score]:
    names = (
        "completion_rmse",
        "completion_rmse_mean_field",
        "completion_rmse_mean",
        "completion_rmse_neighbors",
    )
    found = {}
    for name, errors in zip(names, completed.errors.values(), strict=True):
        low, high = rmse_interval(errors[_HALF])
        found[name] = Score(value=float(np.sqrt(errors[_HALF].mean())), low=low, high=high)
    return found


def _oversampling_scores(
    predictor: Predictor, tested: Examples, known: Examples
) -> dict[str, float]:
    """Return the F1 of the rarest class with and without oversampling."""
    labels = known.labels
    if not predictor.config.classes or labels is None or tested.labels is None:
        return {}
    count = len(predictor.data.labels)
    counts = np.bincount(labels, minlength=count)
    rare = int(counts.argmin())
    if not 0 < counts[rare] < MINORITY_SHARE * counts.max():
        return {}
    repeated = random_oversample(labels)
    trained = {
        "minority_f1": oversample(predictor, known),
        "minority_f1_plain": (known.units, labels),
        "minority_f1_repeated": (known.units[repeated], labels[repeated]),
    }
    return {
        name: f1_score(rare, LinearClassifier(x, y, count).predict(tested.units), tested.labels)
        for name, (x, y) in trained.items()
    }
