"""Evaluation of an RBM: log-likelihood, features and imputation beside baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, Evaluation, Score, Split, Task
from zoo.metrics.intervals import bootstrap_means, wilson
from zoo.spec import PredictFns
from zoo_rbm.baselines import (
    MISSING_SHARES,
    Impute,
    LinearClassifier,
    Values,
    compare_imputations,
    rmse_interval,
)
from zoo_rbm.config import RBMConfig
from zoo_rbm.figures import rbm_figures
from zoo_rbm.preprocessing import binarize
from zoo_rbm.signatures import is_gaussian, visible_spec
from zoo_rbm.trained_rbm import Examples, RBMPredictor

SEED = 1986
_MAX_IMPUTED = 500
_MAX_REFERENCE = 5_000
_HALF = MISSING_SHARES.index(0.5)


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
    and on the raw values, and simpler methods of imputation.

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
    rbm = _predictor(predict_fns, data, config, reference or split)
    tested = rbm.examples(split, len(split))
    answer = rbm.predict("free_energy", _states(rbm, tested))
    scores = {"log_likelihood": _likelihood_score(answer), "log_z": _log_z_score(answer)}
    if reference is None:
        return Evaluation(task=Task.DENSITY, examples=len(split), scores=scores)
    known = rbm.examples(reference, _MAX_REFERENCE)
    scores["log_likelihood_alone"] = _independent_likelihood(rbm, tested, reference)
    scores |= _classification_scores(rbm, tested, known)
    imputation = compare_imputations(
        {
            "RBM, sampling": _imputer(rbm, "sampling"),
            "RBM, mean field": _imputer(rbm, "mean_field"),
        },
        _binarized(rbm, tested)[:_MAX_IMPUTED],
        _binarized(rbm, known),
    )
    scores |= _imputation_scores(imputation)
    likelihoods = {
        "test": answer["log_likelihood"],
        "training": rbm.log_likelihood(_states(rbm, known)),
    }
    figures = rbm_figures(rbm, tested, known, likelihoods, imputation, scores)
    return Evaluation(task=Task.DENSITY, examples=len(split), scores=scores, figures=figures)


def _predictor(
    predict_fns: PredictFns, data: DataSpec, config: RBMConfig, reference: Split
) -> RBMPredictor:
    """Return the RBM of these signatures; Gaussian units are normalized by the reference."""
    spec = visible_spec(data)
    if not is_gaussian(config, spec):
        return RBMPredictor(predict_fns, data, config)
    inputs, _ = reference.take(np.arange(len(reference)))
    flat = inputs[spec.name].reshape(len(reference), -1).astype("float64")
    deviation = flat.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return RBMPredictor(predict_fns, data, config, flat.mean(axis=0), deviation)


def _binarized(rbm: RBMPredictor, examples: Examples) -> Values:
    """Return units as in training: binary ones as 0 or 1."""
    if rbm.gaussian:
        return examples.units
    return binarize(examples.units, rbm.config.binarize, SEED)


def _states(rbm: RBMPredictor, examples: Examples) -> NDArray[Any]:
    """Return raw examples for the likelihood: binarized, if the units are binary."""
    if rbm.gaussian:
        return examples.raw
    return rbm.to_raw(_binarized(rbm, examples), examples.raw.dtype)


def _imputer(rbm: RBMPredictor, method: Literal["mean_field", "sampling"]) -> Impute:
    """Return a function that imputes missing units by the RBM."""

    def complete(units: Values, missing: NDArray[np.bool_]) -> Values:
        raw = rbm.to_raw(np.where(missing, np.nan, units))
        return rbm.to_units(rbm.complete(raw, method=method, seed=SEED))

    return complete


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


def _independent_likelihood(rbm: RBMPredictor, tested: Examples, reference: Split) -> Score:
    """Return the log-likelihood of independent units."""
    states = _binarized(rbm, tested)
    if rbm.gaussian:
        each = -0.5 * np.square(states) - 0.5 * np.log(2 * np.pi) - np.log(rbm.scale)
    else:
        inputs, _ = reference.take(np.arange(len(reference)))
        train = rbm.to_units(inputs[rbm.spec.name])
        on = (train.sum(axis=0) + 1.0) / (len(train) + 2.0)
        each = states * np.log(on) + (1.0 - states) * np.log1p(-on)
    values = each.sum(axis=1)
    low, high = bootstrap_means(values[:, None])[0] or (None, None)
    return Score(value=float(values.mean()), low=low, high=high, unit="nats")


def _classification_scores(
    rbm: RBMPredictor, tested: Examples, known: Examples
) -> dict[str, Score]:
    """Return the accuracy of a linear classifier on features and on raw values."""
    if tested.labels is None or known.labels is None or len(set(known.labels.tolist())) < 2:
        return {}
    found = {}
    for name, train, test in (
        ("accuracy_features", rbm.features(known.raw), rbm.features(tested.raw)),
        ("accuracy_raw", known.units, tested.units),
    ):
        classifier = LinearClassifier(train.astype("float64"), known.labels, len(rbm.data.labels))
        predicted = classifier.predict(test.astype("float64"))
        right = int((predicted == tested.labels).sum())
        low, high = wilson(right, len(tested.labels))
        found[name] = Score(value=right / len(tested.labels), low=low, high=high)
    return found


def _imputation_scores(imputation: Mapping[str, Values]) -> dict[str, Score]:
    names = (
        "completion_rmse",
        "completion_rmse_mean_field",
        "completion_rmse_mean",
        "completion_rmse_neighbors",
    )
    found = {}
    for name, errors in zip(names, imputation.values(), strict=True):
        low, high = rmse_interval(errors[_HALF])
        found[name] = Score(value=float(np.sqrt(errors[_HALF].mean())), low=low, high=high)
    return found
