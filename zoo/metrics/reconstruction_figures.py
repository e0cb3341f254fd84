"""Figures of reconstructions: images, denoising, anomaly detection, latent space, samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.corruptions import Corruption
from zoo.metrics.figures import (
    Figure,
    ImageGrid,
    ImageRow,
    Lines,
    Scatter,
    evenly_spaced,
)
from zoo.metrics.pca import fit_pca
from zoo.metrics.reconstruction import OUTPUT, Errors, Images, psnr
from zoo.metrics.roc import auc, roc_figure
from zoo.spec import PredictFn, PredictFns

COLUMNS = 10
"""Images side by side."""

_PAIRS = 4
_STEPS = 9
_SAMPLE_ROWS = 3
_SEED = 1901


def reconstruction_figures(predict_fn: PredictFn, found: Errors) -> tuple[Figure, ...]:
    """Return examples beside their reconstructions, and the largest errors."""
    return _reconstructions(predict_fn, found), _largest_errors(predict_fn, found)


def autoencoder_figures(
    predict_fns: PredictFns, found: Errors, corruption: Corruption | None, *, prior: bool
) -> tuple[Figure, ...]:
    """Return the figures of an autoencoder, the most common use first."""
    predict_fn = predict_fns["reconstruct"]
    figures: list[Figure] = [_reconstructions(predict_fn, found)]
    if corruption is not None and found.corrupted is not None and found.denoised is not None:
        errors = found.corrupted[found.seen], found.denoised[found.seen]
        figures.append(_denoising(predict_fn, found, corruption, *errors))
    if not found.seen.all():
        figures += [_anomaly_detection(found), _held_out(predict_fn, found)]
    figures.append(_latent_space(predict_fns["encode"], found))
    figures.append(_interpolation(predict_fns, found))
    if prior:
        figures.append(_samples(predict_fns, found))
    return (*figures, _largest_errors(predict_fn, found))


def _reconstructions(predict_fn: PredictFn, found: Errors) -> ImageGrid:
    chosen = _examples(found)
    clean, given = _images(predict_fn, found.images, chosen)
    rows = [ImageRow.of("original", clean), ImageRow.of("reconstruction", given)]
    errors = found.errors[found.seen]
    caption = f"Mean squared error {errors.mean():.4f}, PSNR {psnr(errors).mean():.1f} dB"
    if found.pca is not None and found.pca_errors is not None:
        flat = clean.reshape(len(clean), -1)
        rows.append(ImageRow.of("PCA", found.pca.reconstruct(flat).reshape(clean.shape)))
        caption += (
            f"; {found.pca_errors[found.seen].mean():.4f} with {found.pca.axes.shape[1]} principal "
            f"components of {found.pca.examples:,} training images"
        )
    return ImageGrid(
        title="Reconstructions",
        caption=caption + ".",
        rows=tuple(rows),
        columns=_class_names(found, chosen),
    )


def _denoising(
    predict_fn: PredictFn,
    found: Errors,
    corruption: Corruption,
    corrupted: NDArray[np.float64],
    denoised: NDArray[np.float64],
) -> ImageGrid:
    chosen, images = _examples(found), found.images
    inputs, _ = images.split.take(chosen)
    clean = inputs[images.spec.name]
    noisy = corruption(clean, chosen, *images.limits)
    given = images.reconstruct(predict_fn, {**inputs, images.spec.name: noisy}, chosen)
    return ImageGrid(
        title="Denoising",
        caption=f"Noise: {corruption.kind.replace('_', ' ')}, {corruption.amount:g}. PSNR "
        f"{psnr(corrupted).mean():.1f} dB before and {psnr(denoised).mean():.1f} dB after, mean "
        f"over {len(corrupted):,} images.",
        rows=(
            ImageRow.of("corrupted", images.scaled(noisy)),
            ImageRow.of("denoised", given),
            ImageRow.of("clean", images.scaled(clean)),
        ),
        columns=_class_names(found, chosen),
    )


def _anomaly_detection(found: Errors) -> Lines:
    """Plot the ROC curve of the error as an anomaly score."""
    unseen, seen = found.errors[~found.seen], found.errors[found.seen]
    labels = found.images.labels
    names = ", ".join(labels[index] for index in np.unique(found.classes[~found.seen]))
    area, interval = auc(unseen, seen)
    between = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    curves = {"this model": (unseen, seen)}
    against = ""
    if found.pca_errors is not None:
        curves["PCA"] = found.pca_errors[~found.seen], found.pca_errors[found.seen]
        against = f"; that of PCA {auc(*curves['PCA'])[0]:.3f}"
    return roc_figure(
        curves,
        title=f"Anomaly detection: {names} held out",
        caption=f"With the error as the anomaly score, the ROC AUC is {area:.3f}{between}"
        f"{against}: {len(unseen):,} images of held-out classes vs. {len(seen):,} others.",
    )


def _held_out(predict_fn: PredictFn, found: Errors) -> ImageGrid:
    chosen = np.flatnonzero(~found.seen)[:COLUMNS]
    usual = np.quantile(found.errors[found.seen], 0.95)
    caught = float((found.errors[~found.seen] > usual).mean())
    return _with_errors(
        predict_fn,
        found,
        chosen,
        "Reconstructions of held-out classes",
        f"{caught:.0%} have a larger error than 95% of the images of training classes. An unseen "
        "image that the code can represent is not detected. Above each, its mean squared error.",
    )


def _largest_errors(predict_fn: PredictFn, found: Errors) -> ImageGrid:
    order = np.argsort(-np.where(found.seen, found.errors, -1.0), kind="stable")
    chosen = order[: min(COLUMNS, int(found.seen.sum()))]
    median = float(np.median(found.errors[found.seen])) or 1.0
    return _with_errors(
        predict_fn,
        found,
        chosen,
        "Largest errors",
        f"The largest is {found.errors[chosen[0]] / median:.1f} times the median. Above each, its "
        "mean squared error.",
    )


def _with_errors(
    predict_fn: PredictFn, found: Errors, chosen: NDArray[Any], title: str, caption: str
) -> ImageGrid:
    clean, given = _images(predict_fn, found.images, chosen)
    return ImageGrid(
        title=title,
        caption=caption,
        rows=(ImageRow.of("original", clean), ImageRow.of("reconstruction", given)),
        columns=tuple(f"{found.errors[place]:.3f}".lstrip("0") for place in chosen),
    )


def _latent_space(encode: PredictFn, found: Errors) -> Scatter:
    """Plot the codes in the plane: as they are, or their first two principal components."""
    images = found.images
    chosen = np.array(evenly_spaced(len(found.errors)))
    codes = _codes(encode, images, chosen)
    names = [images.labels[index] if index >= 0 else "" for index in found.classes[chosen]]
    if codes.shape[1] == 1:
        points = np.stack([codes[:, 0], found.errors[chosen]], axis=1)
        caption, labels = "The code is one number.", ("code", "mean squared error")
    elif codes.shape[1] == 2:
        points, caption, labels = codes, "The code has two numbers.", ("code 1", "code 2")
    else:
        plane = fit_pca([codes], 2)
        points = plane.encode(codes)
        if points.shape[1] < 2:
            points = np.pad(points, ((0, 0), (0, 1)))
        caption = (
            f"The first two principal components of codes of {codes.shape[1]} numbers, with "
            f"{plane.share.sum():.0%} of their variance."
        )
        labels = ("first principal component", "second principal component")
    hint = " The model was not given the classes." if any(names) else ""
    return Scatter(
        title="Latent space",
        caption=f"{caption} {len(chosen):,} images.{hint}",
        x=tuple(np.round(points[:, 0], 4).tolist()),
        y=tuple(np.round(points[:, 1], 4).tolist()),
        x_label=labels[0],
        y_label=labels[1],
        groups=tuple(names) if any(names) else (),
    )


def _interpolation(predict_fns: PredictFns, found: Errors) -> ImageGrid:
    images, chosen = found.images, _examples(found)
    pairs = [(chosen[i], chosen[-1 - i]) for i in range(min(_PAIRS, len(chosen) // 2))]
    pairs = pairs or [(chosen[0], chosen[0])]
    codes = _codes(predict_fns["encode"], images, np.array(pairs).reshape(-1))
    share = np.linspace(0, 1, _STEPS, dtype=codes.dtype)[:, None]
    rows = []
    for number, pair in enumerate(pairs):
        first, second = codes[2 * number], codes[2 * number + 1]
        decoded = _decode(predict_fns["decode"], images, first * (1 - share) + second * share)
        names = _class_names(found, pair)
        rows.append(ImageRow.of(" to ".join(names) if all(names) else "", decoded))
    return ImageGrid(
        title="Latent interpolation",
        caption="Decoded codes on the straight line between those of two test images.",
        rows=tuple(rows),
        columns=tuple(f"{part:.0%}" for part in share[:, 0]),
    )


def _samples(predict_fns: PredictFns, found: Errors) -> ImageGrid:
    size = _codes(predict_fns["encode"], found.images, np.arange(1)).shape[1]
    random = np.random.default_rng(_SEED)
    codes = random.normal(size=(_SAMPLE_ROWS * COLUMNS, size)).astype("float32")
    decoded = _decode(predict_fns["decode"], found.images, codes)
    return ImageGrid(
        title="Samples from the prior",
        caption="Decoded from codes drawn from the standard normal distribution.",
        rows=tuple(
            ImageRow.of("", decoded[start : start + COLUMNS])
            for start in range(0, len(decoded), COLUMNS)
        ),
    )


def _examples(found: Errors) -> NDArray[Any]:
    """Return positions of a few images: the first of each class, then the first ones."""
    seen = np.flatnonzero(found.seen)
    _, first = np.unique(found.classes[seen], return_index=True)
    chosen = seen[first][:COLUMNS]
    rest = np.setdiff1d(seen, chosen)[: COLUMNS - len(chosen)]
    return np.concatenate([chosen, rest])


def _images(
    predict_fn: PredictFn, images: Images, chosen: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inputs, _ = images.split.take(chosen)
    return images.scaled(inputs[images.spec.name]), images.reconstruct(predict_fn, inputs, chosen)


def _codes(encode: PredictFn, images: Images, chosen: NDArray[Any]) -> NDArray[Any]:
    blocks = []
    for start in range(0, len(chosen), images.batch_size):
        inputs, _ = images.split.take(chosen[start : start + images.batch_size])
        blocks.append(images.predict(encode, inputs)["code"])
    return np.concatenate(blocks)


def _decode(decode: PredictFn, images: Images, codes: NDArray[Any]) -> NDArray[np.float64]:
    return images.scaled(images.predict(decode, {"code": codes.astype("float32")})[OUTPUT])


def _class_names(found: Errors, chosen: Sequence[Any] | NDArray[Any]) -> tuple[str, ...]:
    """Return the class name of each image; nothing if there are no classes."""
    classes = found.classes[np.array(chosen)]
    names = tuple(found.images.labels[index] if index >= 0 else "" for index in classes)
    return names if any(names) else ()
