"""Reconstruction metrics of images: MSE, PSNR, denoising, anomaly detection, the PCA baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError, DataError
from zoo.metrics.corruptions import Corruption
from zoo.metrics.intervals import Z95
from zoo.metrics.outputs import Batch, checked_output, iterate_batches
from zoo.metrics.pca import PCA, fit_pca
from zoo.metrics.results import Evaluation, Score
from zoo.metrics.roc import auc
from zoo.spec import Arrays, DataSpec, PredictFn, PredictFns, Split, Task, TensorSpec

OUTPUT = "reconstruction"
"""The output that is evaluated: raw images."""

BEST_PSNR = 100.0
"""PSNR of a perfect reconstruction in dB; it would be infinite otherwise."""


def evaluate_reconstruction(
    predict_fn: PredictFn,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate the ``reconstruction`` of the images of a split.

    ``mse`` is the mean squared error of intensities, where 0 is black and 1 white, mean over the
    images; ``psnr`` the mean of each image's ``-10 log10(mse)``, at most 100 dB. Both have a seeded
    bootstrap interval over the images (Efron 1979).

    Shapes:
        reconstruction: as the image, raw

    Raises:
        ConfigError: If the data has no image, or the model no such output.
        DataError: If the split is empty, or an image holds NaN.
        Diverged: If a reconstruction is not finite.
    """
    from zoo.metrics.reconstruction_figures import reconstruction_figures

    found = _measure(predict_fn, Images.of(split, data, batch_size))
    return Evaluation(
        task=Task.RECONSTRUCTION,
        examples=int(found.seen.sum()),
        scores=_scores(found),
        figures=reconstruction_figures(predict_fn, found) if reference is not None else (),
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
    """Evaluate a model that has the signatures ``reconstruct``, ``encode`` and ``decode``.

    In addition to :func:`evaluate_reconstruction`: ``mse_pca`` is the error of as many principal
    components as the code has numbers, fitted on the reference, and ``mse_to_pca`` the ratio to it
    (delta method; Cochran 1977, section 6.3). With a corruption, ``psnr_corrupted`` and
    ``psnr_denoised`` compare the corrupted and the denoised image with the clean one. With held-out
    classes, ``held_out_auc`` is the ROC AUC of the error as an anomaly score (DeLong's interval);
    all other scores are of the classes that were trained on.

    Args:
        predict_fns: The three signatures.
        split: The images.
        data: Their spec.
        reference: The training split; without it, scores of the model alone and no figures.
        corruption: The corruption that the model is meant to remove.
        held_out: Names of the classes that it was not trained on.
        prior: Whether codes drawn from the standard normal distribution decode to images.
        batch_size: Examples per call. Affects the speed only.

    Raises:
        ConfigError: If the data has no image or not these classes, or the model not these outputs.
        DataError: If the split holds no image of a class that was trained on, or NaN.
        Diverged: If a reconstruction is not finite.

    Example:
        >>> digits = zoo.dataset("digits")
        >>> predict_fns = zoo.open_predictor("exports/autoencoder/1").predict_fns
        >>> noise = Corruption("gaussian", 0.2)
        >>> found = evaluate_autoencoder(
        ...     predict_fns, digits.split("test"), digits.spec, corruption=noise
        ... )
        >>> found.headline, "psnr_denoised" in found.scores
        ('mse', True)
    """
    from zoo.metrics.reconstruction_figures import autoencoder_figures

    images = Images.of(split, data, batch_size)
    excluded = _class_indices(held_out, images.labels)
    pca = None
    if reference is not None:
        _, inputs, _ = next(images.batches())
        first = {name: array[:1] for name, array in inputs.items()}
        size = int(images.predict(predict_fns["encode"], first)["code"].shape[-1])
        pca = _fit_baseline(Images.of(reference, data, 2_048), excluded, size)
    found = _measure(
        predict_fns["reconstruct"], images, held_out=excluded, pca=pca, corruption=corruption
    )
    return Evaluation(
        task=Task.RECONSTRUCTION,
        examples=int(found.seen.sum()),
        scores=_scores(found),
        figures=autoencoder_figures(predict_fns, found, corruption, prior=prior) if pca else (),
    )


@dataclass(frozen=True)
class Images:
    """The images of a split as intensities from 0 to 1, with their classes.

    Attributes:
        split: The examples.
        data: Their spec.
        spec: Spec of the image.
        target: Spec of the class, or ``None``.
        batch_size: Images at a time.
    """

    split: Split
    data: DataSpec
    spec: TensorSpec
    target: TensorSpec | None
    batch_size: int

    @classmethod
    def of(cls, split: Split, data: DataSpec, batch_size: int = 256) -> Images:
        """Return the images of a split.

        Raises:
            ConfigError: If the data has no images.
        """
        spec = next((tensor for tensor in data.inputs if tensor.is_image), None)
        if spec is None:
            raise ConfigError(
                f"the data {data.id!r} has no images",
                why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
                fix="override Architecture.evaluate to evaluate another kind of reconstruction",
            )
        target = next((tensor for tensor in data.targets if tensor.labels is not None), None)
        return cls(split, data, spec, target, batch_size)

    @property
    def limits(self) -> tuple[float, float]:
        """The raw values of black and white."""
        return self.spec.range or (0.0, 255.0)

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names; empty if there are no classes."""
        return (self.target.labels or ()) if self.target else ()

    def scaled(self, raw: np.ndarray) -> NDArray[np.float64]:
        """Scale raw values to intensities from 0 to 1."""
        low, high = self.limits
        intensities: NDArray[np.float64] = (raw.astype("float64") - low) / (high - low)
        return intensities

    def batches(self) -> Iterator[Batch]:
        """Yield positions, inputs and targets, every example once.

        Raises:
            DataError: If the split is empty, or an image holds NaN or infinity.
        """
        for positions, inputs, targets in iterate_batches(self.split, self.data, self.batch_size):
            image = inputs[self.spec.name]
            if image.dtype.kind == "f" and not np.isfinite(image).all():
                row = int(np.flatnonzero(~np.isfinite(image).reshape(len(image), -1).all(1))[0])
                raise DataError(
                    f"image {positions[row]} holds a value that is not a finite number",
                    why="NaN or infinity is no intensity, and nothing can be compared with it",
                    fix="repair the image, or leave it out",
                )
            yield positions, inputs, targets

    def classes(self, targets: Arrays, count: int) -> NDArray[np.int64]:
        """Return the class of each example, -1 where there are none."""
        if self.target is None or self.target.name not in targets:
            return np.full(count, -1)
        return np.asarray(targets[self.target.name]).reshape(-1).astype(int)

    def predict(self, predict_fn: PredictFn, inputs: Arrays) -> Arrays:
        """Return a model's outputs, computed in batches of one size.

        A compiled graph is traced anew for every size: a short batch is filled up with its last
        example, whose further outputs are dropped.
        """
        size = min(self.batch_size, len(self.split))
        count = len(next(iter(inputs.values())))
        parts = []
        for start in range(0, count, size):
            rows = np.minimum(np.arange(start, start + size), count - 1)
            outputs = predict_fn({name: array[rows] for name, array in inputs.items()})
            parts.append({name: array[: count - start] for name, array in outputs.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def reconstruct(
        self, predict_fn: PredictFn, inputs: Arrays, positions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return a model's reconstructions as intensities, checked.

        Raises:
            ConfigError: If the model gives none, or of another shape.
            Diverged: If a value is not finite.
        """
        shape, outputs = inputs[self.spec.name].shape, self.predict(predict_fn, inputs)
        expected = "the shape of the images"
        return self.scaled(
            checked_output(outputs, OUTPUT, self.data, positions, (shape,), expected)
        )


@dataclass(frozen=True)
class Errors:
    """Reconstruction errors of every image of a split.

    Attributes:
        images: The images.
        classes: Class of each image, -1 where there are none.
        seen: Whether the class was trained on.
        errors: Mean squared error of the intensities.
        pca: The fitted baseline, if there is one.
        pca_errors: Its errors.
        corrupted: Errors of the corrupted images, if images were corrupted.
        denoised: Errors of their reconstructions.
    """

    images: Images
    classes: NDArray[np.int64]
    seen: NDArray[np.bool_]
    errors: NDArray[np.float64]
    pca: PCA | None = None
    pca_errors: NDArray[np.float64] | None = None
    corrupted: NDArray[np.float64] | None = None
    denoised: NDArray[np.float64] | None = None


def psnr(errors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio in dB of mean squared errors of intensities."""
    ratio: NDArray[np.float64] = -10 * np.log10(np.maximum(errors, 10 ** (-BEST_PSNR / 10)))
    return ratio


def _measure(
    predict_fn: PredictFn,
    images: Images,
    *,
    held_out: tuple[int, ...] = (),
    pca: PCA | None = None,
    corruption: Corruption | None = None,
) -> Errors:
    classes: list[NDArray[np.int64]] = []
    columns: dict[str, list[NDArray[np.float64]]] = {}

    def add(name: str, clean: NDArray[Any], given: NDArray[Any]) -> None:
        errors = ((clean - given) ** 2).reshape(len(clean), -1).mean(axis=1)
        columns.setdefault(name, []).append(errors)

    for positions, inputs, targets in images.batches():
        image = inputs[images.spec.name]
        clean = images.scaled(image)
        classes.append(images.classes(targets, len(image)))
        add("errors", clean, images.reconstruct(predict_fn, inputs, positions))
        if pca is not None:
            flat = clean.reshape(len(clean), -1)
            add("pca_errors", flat, pca.reconstruct(flat))
        if corruption is not None:
            noisy = corruption(image, positions, *images.limits)
            add("corrupted", clean, images.scaled(noisy))
            denoised = {**inputs, images.spec.name: noisy}
            add("denoised", clean, images.reconstruct(predict_fn, denoised, positions))
    every = np.concatenate(classes)
    seen = ~np.isin(every, held_out)
    if not seen.any():
        raise DataError(
            "every image to evaluate on is of a class that was held out",
            why="reconstruction is measured on the classes that the model was trained on",
            fix="evaluate on data that has other classes too",
        )
    errors = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Errors(images, every, seen, errors.pop("errors"), pca, **errors)


def _scores(found: Errors) -> dict[str, Score]:
    """Return the scores, the headline first."""
    seen = found.seen
    columns = {"mse": found.errors[seen], "psnr": psnr(found.errors[seen])}
    if found.pca_errors is not None:
        columns["mse_pca"] = found.pca_errors[seen]
    if found.corrupted is not None and found.denoised is not None:
        columns["psnr_corrupted"] = psnr(found.corrupted[seen])
        columns["psnr_denoised"] = psnr(found.denoised[seen])
    scores = {}
    # One column at a time: a thousand resamples of all of them would take a gigabyte.
    for name, column in columns.items():
        unit = "dB" if name.startswith("psnr") else None
        scores[name] = Score.of_mean(column, unit)
        if name == "mse_pca" and column.any():
            scores["mse_to_pca"] = _ratio(columns["mse"], column)
    if not seen.all():
        scores["held_out_auc"] = Score.of(*auc(found.errors[~seen], found.errors[seen]))
        if found.pca_errors is not None:
            area = auc(found.pca_errors[~seen], found.pca_errors[seen])
            scores["held_out_auc_pca"] = Score.of(*area)
    return scores


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> Score:
    """Return the ratio of two means over the same examples, by the delta method."""
    value = float(above.mean() / below.mean())
    if len(above) < 2:
        return Score(value=value)
    rest = above - value * below
    half = Z95 * float(rest.std(ddof=1)) / math.sqrt(len(rest)) / float(below.mean())
    return Score(value=value, low=max(value - half, 0.0), high=value + half)


def _class_indices(names: tuple[str, ...], labels: tuple[str, ...]) -> tuple[int, ...]:
    missing = [name for name in names if name not in labels]
    if missing:
        raise ConfigError(
            f"the data has no class {missing[0]!r} to hold out",
            why=f"its classes are {', '.join(labels[:20]) or 'unknown'}",
            fix="evaluate on data with the classes that the model was made for",
        )
    return tuple(labels.index(name) for name in names)


def _fit_baseline(images: Images, held_out: tuple[int, ...], size: int) -> PCA:
    """Fit PCA on the classes that the model was trained on."""

    def rows() -> Iterator[NDArray[np.float64]]:
        for _, inputs, targets in images.batches():
            image = inputs[images.spec.name]
            kept = image[~np.isin(images.classes(targets, len(image)), held_out)]
            if len(kept):
                yield images.scaled(kept).reshape(len(kept), -1)

    return fit_pca(rows(), size)


__all__ = ["evaluate_autoencoder"]
