"""Figures of an RBM's report: samples, imputation, filters, baselines and likelihoods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import Arrays, Score
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
from zoo_rbm.baselines import ImputationErrors, Values, rmse_interval
from zoo_rbm.predictor import Examples, Predictor, filters, impute, sample_chains, states
from zoo_rbm.signatures import FEATURES

COLUMNS = 10
"""Images per row."""

_STEPS = (0, 10, 100, 1_000)
_TILES = 50
_BINS = 40
_SEED = 1986


def rbm_figures(
    predictor: Predictor,
    tested: Examples,
    known: Examples,
    answer: Arrays,
    completed: ImputationErrors,
    scores: Mapping[str, Score],
) -> tuple[Figure, ...]:
    """Return all figures; image grids only for images."""
    figures: list[Figure] = []
    if predictor.spec.is_image:
        figures += [
            _samples(predictor),
            _imputed_images(predictor, tested),
            _filter_grid(predictor, known),
        ]
        if predictor.config.classes:
            figures.append(_class_samples(predictor))
    figures.append(_imputation_curves(predictor, completed))
    figures += _comparison(
        scores,
        "Linear classification on the features",
        "The same linear classifier on the hidden units and on the raw values.",
        "accuracy",
        {"features": "accuracy_features", "raw values": "accuracy_raw"},
    )
    figures += _comparison(
        scores,
        "Oversampling of the minority class",
        "Linear classifier on test examples, trained with repeated and sampled examples of "
        "minority classes, with repeated ones, or without oversampling.",
        "F1 of the rarest class",
        {
            "repeated and sampled": "minority_f1",
            "repeated": "minority_f1_repeated",
            "no oversampling": "minority_f1_plain",
        },
    )
    figures.append(_likelihood_histogram(predictor, answer, known))
    return tuple(figures)


def _samples(predictor: Predictor) -> ImageGrid:
    found = sample_chains(predictor, COLUMNS, _STEPS)
    return ImageGrid(
        title="Samples",
        caption="Markov chains from random starts, one per column. The last row shows samples of "
        "the model.",
        rows=tuple(
            _image_row(predictor, f"{steps:,} steps", states)
            for steps, states in zip(_STEPS, found, strict=True)
        ),
    )


def _class_samples(predictor: Predictor) -> ImageGrid:
    labels = predictor.data.labels[:COLUMNS]
    return ImageGrid(
        title="Samples by class",
        caption="Conditional samples after 1,000 Gibbs steps from random starts.",
        rows=tuple(
            _image_row(predictor, name, sample_chains(predictor, COLUMNS, (1_000,), index)[0])
            for index, name in enumerate(labels)
        ),
    )


def _imputed_images(predictor: Predictor, tested: Examples) -> ImageGrid:
    """Show images with half of the pixels missing, at random or below, and imputed."""
    chosen = np.linspace(0, len(tested.units) - 1, min(COLUMNS, len(tested.units))).astype(int)
    whole = predictor.binarized(tested.units[chosen])
    height, width, channels = (int(size) for size in predictor.spec.shape)
    below = np.zeros((height, width, channels), bool)
    below[height // 2 :] = True
    spread = np.random.default_rng(_SEED).random(whole.shape) < 0.5
    rows = [_image_row_of_units(predictor, "original", whole)]
    for name, missing in (
        ("half the pixels", spread),
        ("the lower half", np.broadcast_to(below.reshape(-1), whole.shape)),
    ):
        rows += [
            _image_row_of_units(predictor, f"{name} missing", np.where(missing, 0.5, whole)),
            _image_row_of_units(predictor, "imputed", impute(predictor, whole, missing)),
        ]
    return ImageGrid(
        title="Imputed images",
        caption="Missing pixels are gray, and imputed by the mean of samples given the others.",
        rows=tuple(rows),
    )


def _filter_grid(predictor: Predictor, known: Examples) -> ImageGrid:
    """Show the filters of the hidden units with the largest variance."""
    found = filters(predictor)
    active = predictor.predict(FEATURES, known.raw[:1_000])[FEATURES].var(axis=0)
    chosen = np.argsort(-active)[:_TILES]
    wide = np.abs(found[chosen]).max(axis=1, keepdims=True)
    shades = 0.5 + 0.5 * found[chosen] / np.maximum(wide, 1e-9)
    shape = tuple(int(size) for size in predictor.spec.shape)
    tiles = [encode_image(tile.reshape(shape)) for tile in shades]
    return ImageGrid(
        title="Filters",
        caption="Weights of hidden units: white activates, black inhibits. Units with the largest "
        "variance come first.",
        rows=tuple(
            ImageRow(images=tuple(tiles[start : start + COLUMNS]))
            for start in range(0, len(tiles), COLUMNS)
        ),
    )


def _imputation_curves(predictor: Predictor, completed: ImputationErrors) -> Lines:
    series = []
    for number, (name, errors) in enumerate(completed.errors.items()):
        ends = [rmse_interval(row) for row in errors]
        known = all(low is not None for low, _ in ends)
        series.append(
            Series(
                name=name,
                x=completed.shares,
                y=tuple(float(np.sqrt(row.mean())) for row in errors),
                low=tuple(float(low or 0) for low, _ in ends) if known else (),
                high=tuple(float(high or 0) for _, high in ends) if known else (),
                emphasis=number == 0,
            )
        )
    unit = "standard deviations" if predictor.gaussian else "0 to 1"
    return Lines(
        title="Imputation of missing values",
        caption="Error of imputed values by the share of values missing at random; bands are 95 % "
        "intervals.",
        series=tuple(series),
        x_label="share of values missing",
        y_label=f"root mean squared error, {unit}",
        square=True,
    )


def _comparison(
    scores: Mapping[str, Score], title: str, caption: str, label: str, names: Mapping[str, str]
) -> list[Figure]:
    """Return a bar chart of scores, if there are any."""
    found = {shown: scores[name] for shown, name in names.items() if name in scores}
    if not found:
        return []
    known = all(score.low is not None for score in found.values())
    return [
        Bars(
            title=title,
            caption=caption,
            names=tuple(found),
            values=tuple(score.value for score in found.values()),
            lows=tuple(float(score.low or 0) for score in found.values()) if known else (),
            highs=tuple(float(score.high or 0) for score in found.values()) if known else (),
            label=label,
            emphasis=(next(iter(found)),),
        )
    ]


def _likelihood_histogram(predictor: Predictor, answer: Arrays, known: Examples) -> Histogram:
    """Compare the log-likelihoods of test and training examples: a gap is overfitting."""
    seen = predictor.predict("free_energy", states(predictor, known))["log_likelihood"]
    new = answer["log_likelihood"]
    both = np.concatenate([seen, new])
    low, high = (float(end) for end in np.quantile(both, (0.005, 0.995)))
    if not high > low:
        low, high = low - 1.0, high + 1.0
    edges = np.linspace(low, high, _BINS + 1)
    counts = [
        np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] / len(part)
        for part in (new, seen)
    ]
    return Histogram(
        title="Log-likelihood of test and training examples",
        caption=f"Median of test examples {np.median(new):.1f} nats, of training examples "
        f"{np.median(seen):.1f}. The bins at the ends include all values beyond.",
        edges=tuple(edges.tolist()),
        counts=tuple(tuple(row.tolist()) for row in counts),
        groups=("test", "training"),
        label="log-likelihood, nats",
    )


def _image_row(predictor: Predictor, label: str, raw: NDArray[Any]) -> ImageRow:
    return _image_row_of_units(predictor, label, predictor.units(raw))


def _image_row_of_units(predictor: Predictor, label: str, units: Values) -> ImageRow:
    shape = tuple(int(size) for size in predictor.spec.shape)
    if predictor.gaussian:
        low, high = predictor.spec.range or (0.0, 255.0)
        flat = predictor.raw(units).reshape(len(units), -1).astype("float64")
        units = (flat - low) / (high - low)
    return ImageRow(label=label, images=_encoded(units, shape))


def _encoded(units: Values, shape: Sequence[int]) -> tuple[str, ...]:
    return tuple(encode_image(np.asarray(one, "float64").reshape(shape)) for one in units)
