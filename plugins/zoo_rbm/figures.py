"""Figures of an RBM's report: samples, imputation, filters, baselines and likelihoods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import Score
from zoo.metrics.figures import (
    Bars,
    Figure,
    Histogram,
    ImageGrid,
    ImageRow,
    Lines,
    Series,
    encode_image,
)
from zoo_rbm.baselines import MISSING_SHARES, Values, rmse_interval
from zoo_rbm.preprocessing import value_range
from zoo_rbm.trained_rbm import Examples, RBMPredictor

COLUMNS = 10
"""Images per row."""

_STEPS = (1, 10, 100, 1_000)
_TILES = 50
_BINS = 40
_SEED = 1986


def rbm_figures(
    rbm: RBMPredictor,
    tested: Examples,
    known: Examples,
    likelihoods: Mapping[str, Values],
    imputation: Mapping[str, Values],
    scores: Mapping[str, Score],
) -> tuple[Figure, ...]:
    """Return all figures; image grids only for images.

    Args:
        rbm: The RBM.
        tested: Test examples.
        known: Training examples.
        likelihoods: Log-likelihoods of test and training examples, by name.
        imputation: Errors of imputation: see :func:`zoo_rbm.baselines.compare_imputations`.
        scores: Scores of the features beside the raw values.
    """
    figures: list[Figure] = []
    if rbm.spec.is_image:
        figures += [_samples(rbm), _imputed_images(rbm, tested), _filter_grid(rbm, known)]
        if rbm.config.classes:
            figures.append(_class_samples(rbm))
    figures.append(_imputation_curves(rbm, imputation))
    if "accuracy_features" in scores:
        figures.append(_classification_bars(scores))
    figures.append(_likelihood_histogram(likelihoods))
    return tuple(figures)


def _samples(rbm: RBMPredictor) -> ImageGrid:
    return ImageGrid(
        title="Samples",
        caption="Markov chains from random starts, one per column. The last row shows samples of "
        "the model.",
        rows=tuple(
            # The same seed: each row continues the chains of the one above.
            _image_row(rbm, f"{steps:,} steps", rbm.sample(COLUMNS, steps=steps, seed=_SEED))
            for steps in _STEPS
        ),
    )


def _class_samples(rbm: RBMPredictor) -> ImageGrid:
    return ImageGrid(
        title="Samples by class",
        caption="Conditional samples after 1,000 Gibbs steps from random starts.",
        rows=tuple(
            _image_row(rbm, label, rbm.sample(COLUMNS, label=label, seed=_SEED))
            for label in rbm.data.labels[:COLUMNS]
        ),
    )


def _imputed_images(rbm: RBMPredictor, tested: Examples) -> ImageGrid:
    """Show images with half of the pixels missing, at random or below, and imputed."""
    chosen = np.linspace(0, len(tested.raw) - 1, min(COLUMNS, len(tested.raw))).astype(int)
    whole = tested.raw[chosen].astype("float32")
    below = np.zeros(whole.shape, bool)
    below[:, whole.shape[1] // 2 :] = True
    spread = np.random.default_rng(_SEED).random(whole.shape) < 0.5
    rows = [_image_row(rbm, "original", whole)]
    for name, missing in (("half the pixels", spread), ("the lower half", below)):
        partial = np.where(missing, np.nan, whole)
        rows += [
            _image_row(rbm, f"{name} missing", partial),
            _image_row(rbm, "imputed", rbm.complete(partial, method="sampling", seed=_SEED)),
        ]
    return ImageGrid(
        title="Imputed images",
        caption="Missing pixels are gray, and imputed by the mean of samples given the others.",
        rows=tuple(rows),
    )


def _filter_grid(rbm: RBMPredictor, known: Examples) -> ImageGrid:
    """Show the filters of the hidden units with the largest variance."""
    found = _filters(rbm)
    active = rbm.features(known.raw[:1_000]).var(axis=0)
    chosen = np.argsort(-active)[:_TILES]
    wide = np.abs(found[chosen]).max(axis=1, keepdims=True)
    shades = 0.5 + 0.5 * found[chosen] / np.maximum(wide, 1e-9)
    tiles = [encode_image(tile.reshape(rbm.shape)) for tile in shades]
    return ImageGrid(
        title="Filters",
        caption="Weights of hidden units: white activates, black inhibits. Units with the largest "
        "variance come first.",
        rows=tuple(
            ImageRow(images=tuple(tiles[start : start + COLUMNS]))
            for start in range(0, len(tiles), COLUMNS)
        ),
    )


def _filters(rbm: RBMPredictor) -> Values:
    """Return the filter of each hidden unit: the change of its logit per visible unit.

    It is computed from the features, which an artifact has, too.

    Shapes:
        Out: `(hidden, values)`
    """
    values = int(np.prod(rbm.shape))
    probes = np.concatenate([np.zeros((1, values)), np.eye(values)])
    features = rbm.features(rbm.to_raw(probes, rbm.spec.dtype)).astype("float64")
    features = np.clip(features, 1e-7, 1 - 1e-7)
    logits = np.log(features) - np.log1p(-features)
    return np.asarray((logits[1:] - logits[0]).T)


def _imputation_curves(rbm: RBMPredictor, imputation: Mapping[str, Values]) -> Lines:
    series = []
    for number, (name, errors) in enumerate(imputation.items()):
        ends = [rmse_interval(row) for row in errors]
        known = all(low is not None for low, _ in ends)
        series.append(
            Series(
                name=name,
                x=MISSING_SHARES,
                y=tuple(float(np.sqrt(row.mean())) for row in errors),
                low=tuple(float(low or 0) for low, _ in ends) if known else (),
                high=tuple(float(high or 0) for _, high in ends) if known else (),
                emphasis=number == 0,
            )
        )
    unit = "standard deviations" if rbm.gaussian else "0 to 1"
    return Lines(
        title="Imputation of missing values",
        caption="Error of imputed values by the share of values missing at random; bands are 95 % "
        "intervals.",
        series=tuple(series),
        x_label="share of values missing",
        y_label=f"root mean squared error, {unit}",
        square=True,
    )


def _classification_bars(scores: Mapping[str, Score]) -> Bars:
    """Compare the accuracy of the same classifier on features and on raw values."""
    found = [scores["accuracy_features"], scores["accuracy_raw"]]
    return Bars(
        title="Linear classification on the features",
        caption="The same linear classifier on the hidden units and on the raw values.",
        names=("features", "raw values"),
        values=tuple(score.value for score in found),
        lows=tuple(float(score.low or 0) for score in found),
        highs=tuple(float(score.high or 0) for score in found),
        label="accuracy",
        emphasis=("features",),
    )


def _likelihood_histogram(likelihoods: Mapping[str, Values]) -> Histogram:
    """Compare the log-likelihoods of test and training examples: a gap is overfitting."""
    both = np.concatenate(list(likelihoods.values()))
    low, high = (float(end) for end in np.quantile(both, (0.005, 0.995)))
    if not high > low:
        low, high = low - 1.0, high + 1.0
    edges = np.linspace(low, high, _BINS + 1)
    counts = [
        np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] / len(part)
        for part in likelihoods.values()
    ]
    medians = [float(np.median(part)) for part in likelihoods.values()]
    return Histogram(
        title="Log-likelihood of test and training examples",
        caption=f"Median of test examples {medians[0]:.1f} nats, of training examples "
        f"{medians[1]:.1f}. The bins at the ends include all values beyond.",
        edges=tuple(edges.tolist()),
        counts=tuple(tuple(row.tolist()) for row in counts),
        groups=tuple(likelihoods),
        label="log-likelihood, nats",
    )


def _image_row(rbm: RBMPredictor, label: str, raw: NDArray[Any]) -> ImageRow:
    """Return raw images scaled to 0..1, with missing pixels in gray."""
    low, high = value_range(rbm.spec)
    shades = np.nan_to_num((raw.astype("float64") - low) / (high - low), nan=0.5)
    return ImageRow(label=label, images=tuple(encode_image(one) for one in shades))
