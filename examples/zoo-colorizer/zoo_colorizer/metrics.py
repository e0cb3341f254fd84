"""Errors of colors, and the rival that knows gray levels alone."""

import numpy as np

from zoo import Evaluation, Score
from zoo.metrics.figures import Bars, ImageGrid, ImageRow, evenly_spaced
from zoo_colorizer.chroma import TO_CHROMA, TO_COLOR

BINS = 32


def chroma_error(true, predicted):
    """Return the mean distance of (Cb, Cr) over the pixels of each image, in gray levels."""
    apart = (predicted.astype("float32") - true) @ TO_CHROMA
    return np.linalg.norm(apart, axis=-1).mean(axis=(1, 2), dtype="float64")


def psnr(true, predicted):
    """Return the peak signal-to-noise ratio of each image in dB, its channels together."""
    squares = np.square(predicted.astype("float64") - true).mean(axis=(1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(squares, 1e-3))


def cells(gray):
    """Return the cell of every pixel: its gray level, and the mean level of its image."""
    bright = gray.mean(axis=(1, 2, 3)) * BINS / 256
    return gray[..., 0] * np.int64(BINS) + bright.astype("int64")[:, None, None]


def nearest_colors(gray, known_gray, known_color):
    """Color images by the mean chroma of the known pixels with the nearest gray.

    Nearest are the pixels of the same gray level in images that are about as bright on the whole.
    Where there are none, all pixels of that gray level count.
    """
    sums = np.zeros((256 * BINS, 3))
    pixels = known_color.astype("float64") @ TO_CHROMA
    np.add.at(sums, cells(known_gray), np.insert(pixels, 2, 1, axis=-1))
    sums = sums.reshape(256, BINS, 3)
    levels = sums.sum(axis=1, keepdims=True)
    # The mean of the level counts like one more pixel: it decides where there is no other.
    sums += levels / np.maximum(levels[..., 2:], 1)
    chroma = sums[..., :2] / np.maximum(sums[..., 2:], 1)
    return np.clip(gray + chroma.reshape(-1, 2)[cells(gray)] @ TO_COLOR, 0, 255)


def evaluate_colors(predict_fn, split, data, reference):
    """Return the errors of a model and of its rivals, and some images."""
    inputs, targets = split.take(np.arange(len(split)))
    gray, true = inputs["image"], targets["color"]
    shown = {"this model": predict_fn(inputs)["color"]}
    if reference is not None:
        seen, colors = reference.take(np.arange(min(512, len(reference))))
        shown["nearest color"] = nearest_colors(gray, seen["image"], colors["color"])
    shown["gray"] = np.repeat(gray, 3, axis=-1)
    errors = {
        name: Score.of_mean(chroma_error(true, color), "levels", "lower")
        for name, color in shown.items()
    }
    scores = {"chroma_error": errors["this model"]}
    scores["psnr"] = Score.of_mean(psnr(true, shown["this model"]), "dB", "higher")
    scores |= {f"chroma_error_{name.replace(' ', '_')}": errors[name] for name in [*shown][1:]}
    rows = {"gray": gray, **shown, "true": true}
    some = evenly_spaced(len(split), 8)
    images = {name: np.rint(color[some]).astype("uint8") for name, color in rows.items()}
    caption = "Mean distance of (Cb, Cr) from those of the true color."
    figures = (
        ImageGrid(title="Colors", rows=tuple(ImageRow.of(*row) for row in images.items())),
        Bars.of_scores(errors, title="Error of chroma", caption=caption, label="levels"),
    )
    return Evaluation(task=data.task, examples=len(split), scores=scores, figures=figures)
