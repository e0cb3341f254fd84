"""How good a reconstruction is: of clean images, of damaged ones, and of what was never seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError
from zoo.metrics.corruptions import Corruption
from zoo.metrics.fidelity import Measured, decibels, measure_images
from zoo.metrics.images import Images
from zoo.metrics.intervals import Z95, bootstrap_means
from zoo.metrics.pca_baseline import Principal, fit_principal
from zoo.metrics.results import Evaluation, Score
from zoo.metrics.roc import auc
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.spec import DataSpec, PredictFn, PredictFns, Split, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

for _info in (
    ScoreInfo(
        "psnr",
        "Peak signal-to-noise ratio",
        "In decibels, mean over the images: 10 more is a tenth of the squared error.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "mse_pca",
        "Squared error of PCA",
        "What as many principal components as the code has numbers leave over.",
        high=1.0,
    ),
    ScoreInfo(
        "mse_to_pca",
        "Squared error beside PCA's",
        "1 is no better than as many principal components; half is half their error.",
    ),
    ScoreInfo(
        "psnr_corrupted",
        "PSNR before the repair",
        "Of the damaged image beside the clean one, in decibels.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "psnr_denoised",
        "PSNR after the repair",
        "Of the repaired image beside the clean one, in decibels.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "held_out_auc",
        "ROC area, held-out classes",
        "How often an image of a class that was not trained on is reconstructed worse than one of "
        "a class that was: 0.5 is guessing.",
        higher_is_better=True,
        high=1.0,
    ),
    ScoreInfo(
        "held_out_auc_pca",
        "ROC area of PCA",
        "The same with the error of as many principal components.",
        higher_is_better=True,
        high=1.0,
    ),
):
    register_score(_info)


def evaluate_reconstruction(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Measure a model's ``reconstruction`` of the images of a split.

    ``mse`` is the mean over the images of the mean squared error of their values, where 0 is black
    and 1 white; ``psnr`` the mean of each image's ``-10 log10(mse)``, at most 100 dB. Both have a
    seeded bootstrap interval over the images (Efron 1979).

    Shapes:
        reconstruction: as the image, raw

    Raises:
        ConfigError: If the data has no image, or the model no such output.
        DataError: If the split is empty, or an image holds NaN.
        Diverged: If a reconstruction is not finite.
    """
    from zoo.metrics.reconstruction_figures import draw_reconstructions

    images = Images.of(split, data, batch_size)
    found = measure_images(predict_fn, images)
    figures = draw_reconstructions(predict_fn, found) if reference is not None else ()
    return Evaluation(
        task=Task.RECONSTRUCTION,
        examples=int(found.familiar.sum()),
        scores=_scores(found),
        figures=figures,
    )


def evaluate_autoencoder(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    corruption: Corruption | None = None,
    held_out: tuple[str, ...] = (),
    prior: bool = False,
    batch_size: int = 256,
) -> Evaluation:
    """Measure a model that has the signatures ``reconstruct``, ``encode`` and ``decode``.

    Besides what :func:`evaluate_reconstruction` measures: ``mse_pca`` is the error of as many
    principal components as the code has numbers, fitted on the reference, and ``mse_to_pca`` the
    ratio to it (delta method; Cochran 1977, section 6.3). With corruption, ``psnr_corrupted`` and
    ``psnr_denoised`` compare the damaged and the repaired image with the clean one. With held-out
    classes, ``held_out_auc`` says how well the error tells their images from the others (DeLong's
    interval); all other scores are of the classes that were trained on.

    Args:
        predict_fns: The three signatures.
        split: The images.
        data: What they are.
        reference: The training split; without it, scores of the model alone and no figures.
        corruption: What the model is meant to repair.
        held_out: Names of the classes that it was not trained on.
        prior: Whether codes drawn from the standard normal distribution make images.
        batch_size: Examples a call. It changes the speed and nothing else.

    Raises:
        ConfigError: If the data has no image or not these classes, or the model not these outputs.
        DataError: If the split holds no image of a class that was trained on, or NaN.
        Diverged: If a reconstruction is not finite.
    """
    from zoo.metrics.reconstruction_figures import draw_autoencoder

    images = Images.of(split, data, batch_size)
    unknown = _indices(held_out, images.labels)
    pca = None
    if reference is not None:
        size = _code_size(predict_fns, images)
        pca = _principal(Images.of(reference, data, 2_048), unknown, size)
    found = measure_images(
        predict_fns["reconstruct"], images, held_out=unknown, pca=pca, corruption=corruption
    )
    figures = draw_autoencoder(predict_fns, found, corruption, prior=prior) if pca else ()
    return Evaluation(
        task=Task.RECONSTRUCTION,
        examples=int(found.familiar.sum()),
        scores=_scores(found),
        figures=figures,
    )


def _scores(found: Measured) -> dict[str, Score]:
    """Return the scores, the headline first."""
    known = found.familiar
    columns = {"mse": found.errors[known], "psnr": decibels(found.errors[known])}
    if found.pca_errors is not None:
        columns["mse_pca"] = found.pca_errors[known]
    if found.damaged is not None and found.repaired is not None:
        columns["psnr_corrupted"] = decibels(found.damaged[known])
        columns["psnr_denoised"] = decibels(found.repaired[known])
    scores = {}
    # One column at a time: a thousand resamples of all of them would take a gigabyte.
    for name, column in columns.items():
        low, high = bootstrap_means(column[:, None])[0] or (None, None)
        unit = "dB" if name.startswith("psnr") else None
        scores[name] = Score(value=float(column.mean()), low=low, high=high, unit=unit)
        if name == "mse_pca" and column.any():
            scores["mse_to_pca"] = _ratio(columns["mse"], column)
    if not known.all():
        scores["held_out_auc"] = _auc(found.errors, known)
        if found.pca_errors is not None:
            scores["held_out_auc_pca"] = _auc(found.pca_errors, known)
    return scores


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> Score:
    """Return a ratio of two means over the same examples, by the delta method."""
    value = float(above.mean() / below.mean())
    if len(above) < 2:
        return Score(value=value)
    rest = above - value * below
    half = Z95 * float(rest.std(ddof=1)) / math.sqrt(len(rest)) / float(below.mean())
    return Score(value=value, low=max(value - half, 0.0), high=value + half)


def _auc(errors: NDArray[Any], known: NDArray[Any]) -> Score:
    value, interval = auc(errors[~known], errors[known])
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high)


def _indices(names: tuple[str, ...], labels: tuple[str, ...]) -> tuple[int, ...]:
    missing = [name for name in names if name not in labels]
    if missing:
        raise ConfigError(
            f"the data has no class {missing[0]!r} that could be held out",
            why=f"its classes are {', '.join(labels[:20]) or 'unknown'}",
            fix="evaluate on data with the classes that the model was made for",
        )
    return tuple(labels.index(name) for name in names)


def _code_size(predict_fns: PredictFns, images: Images) -> int:
    """Ask the model how many numbers a code has."""
    import numpy as np

    inputs, _ = images.split.take(np.arange(1))
    return int(images.ask(predict_fns["encode"], inputs)["code"].shape[-1])


def _principal(images: Images, held_out: tuple[int, ...], size: int) -> Principal:
    """Fit principal components on the classes that the model has seen too."""
    import numpy as np

    def rows() -> Iterator[NDArray[np.float64]]:
        for _, inputs, kinds in images.blocks():
            kept = inputs[images.spec.name][~np.isin(kinds, held_out)]
            if len(kept):
                yield images.scaled(kept).reshape(len(kept), -1)

    return fit_principal(rows(), size)


__all__ = ["evaluate_autoencoder", "evaluate_reconstruction"]
